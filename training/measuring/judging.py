"""Holds one reply against its example, by the code of a run: form, language, harm, exactness, closeness."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from midb.agent.engines.protocol import FinishReason
from midb.agent.graph import build_graph
from midb.agent.model.calls import read_finish
from midb.agent.model.replies import ReplyError, parse_rewrite
from midb.agent.state import PairContext
from midb.agent.waves import Waves
from midb.checks.bounds import BOUNDS, STRICT
from midb.checks.model_checks import check_model_rewrite
from midb.detectors import KindSelection
from midb.domain.decisions import REWRITING_PASSES
from midb.domain.generations import Generation
from midb.domain.pairs import InstructionPair
from midb.locales import load
from midb.text.diffs import find_edits
from midb.text.languages import IDENTIFIABLE_LENGTH, LanguageIdentifier, same_language
from midb.text.words import count_letters
from midb.training.examples.example import ExampleKind, TrainingExample
from midb.training.measuring.closeness import find_chrf, measure_distance

#: Tags of a layout, and what stands for a text that stays.
_MARKS = re.compile(r"<\|[^|>\n]{0,60}\|>\n?")

#: Why a reply ended, where it ended by itself.
_STOPS = (FinishReason.STOP, FinishReason.STOP_STRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closeness:
    """How close a text is to the revision: chrF, 0 to 100 (None without sacrebleu), and edits for each character."""

    chrf: float | None
    distance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one reply came to. None stands where a question does not arise.

    :param unusable: the reason code of a reply that no run could use; empty for one that has the form.
    :param stopped: it ended by itself, and not at the bound or in a loop.
    :param language_kept: None where too little was said to tell.
    :param changed: it changes the pair; None without the form.
    :param exact: it is the target, word for word.
    :param accepted: the checks of a run let the change pass.
    :param refused: the reason code of the first check that does not.
    :param lengths: characters after and before; None without the form.
    :param reply: closeness of what it says to the revision; ``run``: of what a run would keep.
    """

    unusable: str = ""
    stopped: bool = False
    language_kept: bool | None = None
    changed: bool | None = None
    exact: bool = False
    accepted: bool | None = None
    refused: str = ""
    lengths: tuple[int, int] | None = None
    reply: Closeness | None = None
    run: Closeness | None = None
    tokens: int = 0
    steps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a revision is like, and how close one comes to it without a model: by doing nothing, by rules alone."""

    nothing: Closeness
    rules: Closeness
    lengths: tuple[int, int]


class ReplyJudge:
    """Judges replies. One per process: it loads the languages once."""

    def __init__(self) -> None:
        self._identifier = LanguageIdentifier()
        self._selection = KindSelection.parse(())
        self._waves = Waves(build_graph())
        self._by_rules: dict[str, InstructionPair] = {}

    def judge(self, example: TrainingExample, generation: Generation) -> Observation:
        """Say what a reply came to."""
        finish, text = read_finish(generation), generation.completion
        after: InstructionPair | None = None
        unusable = ""
        try:
            after = parse_rewrite(text, finish, example.before, example.sections, example.nonce)
        except ReplyError as error:
            unusable = error.reason.value
        changed = None if after is None else after != example.before
        refused = self._find_harm(example, after) if after is not None and changed else ""
        said = _MARKS.sub("", text) if after is None else join(example, after)
        # A run keeps the pair, after the provable repairs of the rules, where a reply cannot be used or does harm.
        kept = after if after is not None and changed and not refused else self.repair(example)
        revised = example.kind is ExampleKind.REVISION
        return Observation(
            unusable=unusable,
            stopped=finish in _STOPS,
            language_kept=self._keeps_language(example, text),
            changed=changed,
            exact=after is not None and said == join(example, example.target),
            accepted=not refused if changed else None,
            refused=refused,
            lengths=None if after is None else (len(said), len(join(example, example.before))),
            reply=_compare(said, example) if revised else None,
            run=_compare(join(example, kept), example) if revised else None,
            tokens=generation.completion_tokens,
            steps=generation.steps,
        )

    def refer(self, example: TrainingExample) -> Reference | None:
        """What to hold a reply to a revision against; None for other examples."""
        if example.kind is not ExampleKind.REVISION:
            return None
        before, target = join(example, example.before), join(example, example.target)
        return Reference(
            nothing=_compare(before, example),
            rules=_compare(join(example, self.repair(example)), example),
            lengths=(len(target), len(before)),
        )

    def repair(self, example: TrainingExample) -> InstructionPair:
        """The pair as rules alone make it."""
        key = f"{example.language} {example.before.content_hash()}"
        if key not in self._by_rules:
            result = asyncio.run(self._waves.run_pair(example.before, self._make_context(example)))
            self._by_rules[key] = result.final
        return self._by_rules[key]

    def _make_context(self, example: TrainingExample) -> PairContext:
        return PairContext(
            locale=load(example.language),
            source=example.source,
            selection=self._selection,
            passes=frozenset(REWRITING_PASSES),
            identifier=self._identifier,
        )

    def _find_harm(self, example: TrainingExample, after: InstructionPair) -> str:
        """Why a run would refuse a rewrite; empty where it would not."""
        context, before = self._make_context(example), example.before
        edits = [edit for name, text in before.texts() for edit in find_edits(text, after.text(name) or "", name)]
        violations = check_model_rewrite(
            context.inspection(before),
            context.inspection(after),
            edits,
            (context.inspect(before), context.inspect(after)),
            STRICT if context.is_steered(before) else BOUNDS[example.pass_],
        )
        return violations[0].reason.value if violations else ""

    def _keeps_language(self, example: TrainingExample, reply: str) -> bool | None:
        """Whether what a reply says, in whatever form, is in the language of its pair."""
        said = _MARKS.sub("", reply)
        if count_letters(said) < IDENTIFIABLE_LENGTH:
            return None
        found = self._identifier.identify(said)
        if found is None:
            return None
        # A pair of names and code may itself read as another language: then that is the one to be kept.
        own = self._identifier.identify(join(example, example.before))
        return same_language(found, example.language) or found == own


def join(example: TrainingExample, pair: InstructionPair) -> str:
    """The texts of a pair that its pass is shown, as one."""
    return "\n".join((pair.text(name) or "").strip() for name in example.sections)


def _compare(text: str, example: TrainingExample) -> Closeness:
    target = join(example, example.target)
    chrf = find_chrf()
    return Closeness(chrf=chrf(text, target) if chrf else None, distance=measure_distance(text, target))
