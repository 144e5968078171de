"""Recall: injected defects that are found, and those that are repaired exactly; and false alarms on the clean pairs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from registry import Row, benchmark

from detectors.figures import store
from detectors.pairs import clean_pairs, examine, look
from detectors.patterns import pattern_pairs
from midb.detectors import kinds
from midb.domain.edits import Edit
from midb.domain.pairs import Field, InstructionPair
from midb.injectors import CleanPair, Expectation, Injection, inject, injectors
from midb.locales import LANGUAGES

#: Times that each pair gets another defect of a kind, as long as a language has not yet ``MOST`` of them.
SEEDS = 12
MOST = 60

#: Where one kind tells what another one is about: an answer that is the task, both echoed and unchanged.
_SAME_DEFECT = {"echoed-task": {"unchanged-text"}}


@dataclass(frozen=True)
class Trial:
    """One defect, and what came of it. ``met``: as expected, exactly repaired or found."""

    kind: str
    name: str
    clean: CleanPair
    injection: Injection
    after: InstructionPair
    met: bool


def try_kind(
    kind: str, pairs: Sequence[tuple[str, CleanPair]], seeds: int = 1, most: int | None = None
) -> Iterator[Trial]:
    """Put defects of a kind into pairs, where they have a place for one and the kind is looked for.

    Every pair gets one before any gets a second; a language gets ``most`` at most.
    """
    tried: Counter[str] = Counter()
    seen: set[tuple[str, tuple[Edit, ...]]] = set()
    without: set[str] = set()
    for seed in range(seeds):
        for name, clean in pairs:
            if name in without or tried[clean.language] == most:
                continue
            injection = None
            if not kinds()[kind].abstention(clean.locale):
                injection = inject(kind, clean, f"{name} {seed}")
            if injection is None:
                without.add(name)
            elif (name, injection.edits) not in seen:
                seen.add((name, injection.edits))
                tried[clean.language] += 1
                yield _try(kind, name, clean, injection)


def _try(kind: str, name: str, clean: CleanPair, injection: Injection) -> Trial:
    typography = kinds()[kind].convention or injection.convention
    found, after = examine(clean, injection.applied(clean.pair), typography=typography)
    if injection.expected is Expectation.REPAIRED:
        met = after == clean.pair
    else:
        told = {finding.kind for finding in found if injection.of_pair or finding.field is injection.field}
        met = bool(told & ({kind} | _SAME_DEFECT.get(kind, set())))
    return Trial(kind, name, clean, injection, after, met)


@benchmark("detectors-recall", "injected defects that are found, or repaired exactly, by kind and language", needs="")
def recall(corpora: Path) -> Iterator[Row]:
    """A row for each kind; by language, how many were met of how many. Written to the package's figures as well."""
    pairs = [*clean_pairs(), *pattern_pairs()]
    by_kind: dict[str, dict[str, list[int]]] = {}
    for kind in injectors():
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        exact = [0, 0]
        spoiled = 0
        for trial in try_kind(kind, pairs, SEEDS, MOST):
            counts[trial.clean.language][0] += trial.met
            counts[trial.clean.language][1] += 1
            if trial.injection.expected is Expectation.REPAIRED:
                exact[0] += trial.met
                exact[1] += 1
            spoiled += not trial.met and trial.after not in (
                trial.clean.pair,
                trial.injection.applied(trial.clean.pair),
            )
        by_kind[kind] = counts
        met, of = (sum(count[index] for count in counts.values()) for index in (0, 1))
        yield {
            "kind": kind,
            "met": met,
            "of": of,
            "exactly_repaired": exact[0],
            "to_be_repaired": exact[1],
            "changed_otherwise": spoiled,
            "by_language": {code: counts[code] for code in LANGUAGES if code in counts},
        }
    store("recall", by_kind)


@benchmark("detectors-clean", "false alarms and false edits on clean pairs, with and without --typography", needs="")
def false_alarms(corpora: Path) -> Iterator[Row]:
    """A row for each of the two: findings, and those that would change something, per 1,000 pairs."""
    pairs = [*clean_pairs(), *pattern_pairs()]
    for typography in (False, True):
        found = [finding for _, clean in pairs for finding in look(clean, clean.pair, typography=typography)]
        yield {
            "typography": typography,
            "pairs": len(pairs),
            "findings_per_1000": round(1000 * len(found) / len(pairs), 2),
            "edits_per_1000": round(1000 * sum(bool(finding.fix) for finding in found) / len(pairs), 2),
            "kinds": sorted({finding.kind for finding in found}),
        }


def fields_kept(trial: Trial) -> bool:
    """Whether the fields without the defect are as they were, after whatever was repaired."""
    return all(
        trial.after.text(field) == trial.clean.pair.text(field) for field in Field if field is not trial.injection.field
    )
