"""Makes the examples of a training: revisions, pairs to be left alone, and defects to be taken out, in a given mix."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from midb.agent.state import PairContext
from midb.checks.bounds import BOUNDS
from midb.checks.model_checks import check_model_rewrite
from midb.detectors import KindSelection
from midb.domain.decisions import REWRITING_PASSES, Pass
from midb.domain.defects import Finding
from midb.domain.errors import UsageError
from midb.domain.hashing import digest
from midb.domain.pairs import InstructionPair
from midb.locales import load
from midb.prompts import PromptSet
from midb.text.diffs import find_edits
from midb.text.languages import LanguageIdentifier
from midb.training.data.revision import Revision
from midb.training.examples.example import ExampleKind, TrainingExample, UnsuitableError, make_example

#: Shares of revisions, unchanged pairs and defects among the examples. MEB holds almost no pair that its experts left
#: alone (0 to 3 a language), so that a model that is trained on it alone learns to expand everything.
DEFAULT_MIX = {ExampleKind.REVISION: 0.4, ExampleKind.UNCHANGED: 0.3, ExampleKind.DEFECT: 0.3}

#: Share of the defects whose prompt names them, as a run's prompt does where a rule finds what it cannot repair. The
#: others are to be found by the model itself.
_HINTED = 0.5

#: ``put_in(pair, language, source, pass_, seed) -> (kind, damaged pair)``: a defect of that pass's family put into a
#: clean pair; None where none can be put there.
PutIn = Callable[[InstructionPair, str, InstructionPair | None, Pass, int], tuple[str, InstructionPair] | None]


@dataclass(slots=True)
class Built:
    """Examples, and what was left out of them, by reason."""

    examples: list[TrainingExample] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def parse_mix(text: str) -> dict[ExampleKind, float]:
    """Shares by kind, scaled to 1; raises UsageError.

    >>> parse_mix("revision:1,unchanged:1")[ExampleKind.UNCHANGED]
    0.5
    """
    hint = "Write --mix revision:0.4,unchanged:0.3,defect:0.3"
    shares: dict[ExampleKind, float] = {}
    for part in text.split(","):
        name, _, share = part.partition(":")
        try:
            shares[ExampleKind(name.strip())] = float(share)
        except ValueError:
            raise UsageError(f'--mix "{text}" is not understood.', hint=hint) from None
    total = sum(shares.values())
    if not all(0 <= share < float("inf") for share in shares.values()) or total <= 0:
        raise UsageError(f'--mix "{text}" gives no shares.', hint=hint)
    return {kind: share / total for kind, share in shares.items()}


class ExampleBuilder:
    """Makes examples of revisions.

    :param passes: whose examples are made.
    :param put_in: puts a defect into a clean pair.
    :param seed: decides which pairs serve for what; the same revisions and seed give the same examples.
    """

    def __init__(
        self, prompts: PromptSet, *, put_in: PutIn, passes: Sequence[Pass] = REWRITING_PASSES, seed: int = 0
    ) -> None:
        self._prompts, self._put_in, self._passes, self._seed = prompts, put_in, tuple(passes), seed
        self._selection = KindSelection.parse(())
        self._identifier = LanguageIdentifier()

    def build(self, revisions: Sequence[Revision], mix: Mapping[ExampleKind, float], most: int = 0) -> Built:
        """Make the examples of some revisions.

        All revisions are used where the mix has any, and as many others as the mix asks for; they are made of the
        revised sides, in a seeded order. A pair in which a rule finds something is not clean and serves for neither.

        :param most: of all examples; 0: no bound.
        """
        built = Built()
        shuffled = self._shuffle(revisions)
        shares = {kind: mix.get(kind, 0.0) for kind in ExampleKind}
        share = shares[ExampleKind.REVISION]
        bound = round(most * share) if most else len(shuffled)
        made = _take(self._revised(shuffled, built.left_out), bound) if share else []
        total = min(len(made) / share if made else float(len(shuffled)), most or float("inf"))
        for kind, find in ((ExampleKind.UNCHANGED, self._unchanged), (ExampleKind.DEFECT, self._damaged)):
            made += _take(find(shuffled, built.left_out), round(total * shares[kind]))
        built.examples = made
        self._chance("order").shuffle(built.examples)
        return built

    def _chance(self, *about: str) -> random.Random:
        return random.Random(int(digest("training", self._seed, *about)[:16], 16))

    def _shuffle(self, revisions: Sequence[Revision]) -> list[Revision]:
        return sorted(revisions, key=lambda revision: digest(self._seed, revision.row, revision.language))

    def _revised(self, revisions: Iterable[Revision], left_out: Counter[str]) -> Iterator[TrainingExample]:
        for revision in revisions:
            if revision.pass_ not in self._passes:
                left_out[f"of a pass that is not trained ({revision.pass_})"] += 1
                continue
            found = self._inspect(revision, revision.raw)
            if refused := self._find_harm(revision, found):
                left_out[f"a run's checks would refuse it: {refused}"] += 1
                continue
            kind = ExampleKind.UNCHANGED if revision.unchanged else ExampleKind.REVISION
            yield from self._make(revision, kind, left_out, found)

    def _unchanged(self, revisions: Iterable[Revision], left_out: Counter[str]) -> Iterator[TrainingExample]:
        for number, revision in enumerate(revisions):
            pass_ = self._passes[number % len(self._passes)]
            if self._inspect(revision, revision.revised):
                left_out["its revised side is not clean"] += 1
                continue
            clean = replace(revision, raw=revision.revised, pass_=pass_)
            yield from self._make(clean, ExampleKind.UNCHANGED, left_out)

    def _damaged(self, revisions: Iterable[Revision], left_out: Counter[str]) -> Iterator[TrainingExample]:
        for number, revision in enumerate(revisions):
            pass_ = self._passes[(number + 1) % len(self._passes)]
            chance = self._chance(revision.row, revision.language)
            seed, hinted = chance.getrandbits(32), chance.random() < _HINTED
            if self._inspect(revision, revision.revised):
                continue  # counted above
            put = self._put_in(revision.revised, revision.language, revision.source, pass_, seed)
            if put is None:
                left_out[f"no defect can be put in ({pass_})"] += 1
                continue
            defect, damaged = put
            broken = replace(revision, raw=damaged, pass_=pass_)
            found = self._inspect(broken, damaged) if hinted else ()
            yield from self._make(broken, ExampleKind.DEFECT, left_out, found, defect)

    def _make(
        self,
        revision: Revision,
        kind: ExampleKind,
        left_out: Counter[str],
        findings: Sequence[Finding] = (),
        defect: str = "",
    ) -> Iterator[TrainingExample]:
        try:
            yield make_example(revision, kind, self._prompts, findings=findings, defect=defect)
        except UnsuitableError as error:
            left_out[str(error)] += 1

    def _context(self, revision: Revision) -> PairContext:
        return PairContext(
            locale=load(revision.language),
            source=revision.source,
            selection=self._selection,
            passes=frozenset(REWRITING_PASSES),
            identifier=self._identifier,
        )

    def _inspect(self, revision: Revision, pair: InstructionPair) -> list[Finding]:
        return self._context(revision).inspect(pair)

    def _find_harm(self, revision: Revision, found: Sequence[Finding]) -> str:
        """Why a run would take the revision back; empty where it would stand."""
        if revision.unchanged:
            return ""
        context, raw, revised = self._context(revision), revision.raw, revision.revised
        edits = [edit for name, text in raw.texts() for edit in find_edits(text, revised.text(name) or "", name)]
        violations = check_model_rewrite(
            context.inspection(raw),
            context.inspection(revised),
            edits,
            (found, context.inspect(revised)),
            BOUNDS[revision.pass_],
        )
        return violations[0].reason.value if violations else ""


def _take(examples: Iterator[TrainingExample], count: int) -> list[TrainingExample]:
    taken: list[TrainingExample] = []
    while len(taken) < count and (example := next(examples, None)) is not None:
        taken.append(example)
    return taken
