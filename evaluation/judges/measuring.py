"""What a judge makes of pairs of which the better version is known: how often it is right, and what leads it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from midb import __version__
from midb.domain.intervals import CONFIDENCE
from midb.evaluation.intervals import LEAST_ROWS, GroupedBootstrap, find_group
from midb.evaluation.judges.standing import BOUNDS, list_faults
from midb.evaluation.judges.traps import EXPLAINED, SIDES, KnownCase, Trap
from midb.evaluation.pairwise.figures import describe_judge
from midb.evaluation.pairwise.judging import TIE, JudgedTwice

#: Says how the JSON is laid out; names are added to it, never renamed or removed.
FORM = 1

WORSE, BETTER = SIDES

#: A case, and what the judge said of it.
Answered = tuple[KnownCase, JudgedTwice]


def measure_judge(
    answered: Sequence[Answered], *, unasked: int = 0, seed: int = 0, resamples: int = 1000
) -> dict[str, Any]:
    """The figures, as JSON has them.

    :param unasked: cases that the budget was too short for.
    """
    languages = sorted({case.pair.language for case, _ in answered})
    groups = [
        _describe(code, [one for one in answered if one[0].pair.language == code], seed, resamples)
        for code in languages
    ]
    if len(groups) > 1:
        groups.append(_describe(None, answered, seed, resamples))
    notes = []
    if unasked:
        notes.append(f"{unasked:,} cases were not asked: the budget was used up, and the same command goes on.")
    short = [group for group in groups if group["language"] and group["rows"] < LEAST_ROWS]
    if few := [f"{group['language']} {group['rows']:,}" for group in short]:
        notes.append(f"Too few rows for an interval ({LEAST_ROWS} are needed): {', '.join(few)}.")
    notes.append(
        "The pairs are short and plain: a judge who fails here is no judge; one who passes may still fail on longer "
        "texts."
    )
    return {
        "form": FORM,
        "evaluates": "judge",
        "midb_agent": __version__,
        "cases": len(answered) + unasked,
        "answered": len(answered),
        "bounds": dict(BOUNDS),
        "traps": {trap.value: text for trap, text in EXPLAINED.items()},
        "intervals": {
            "confidence": CONFIDENCE, "clusters": "source row", "resamples": resamples, "seed": seed,
            "least_rows": LEAST_ROWS,
        },
        "groups": groups,
        "notes": notes,
    }  # fmt: skip


def _describe(language: str | None, answered: Sequence[Answered], seed: int, resamples: int) -> dict[str, Any]:
    told = [one for one in answered if one[0].trap is not Trap.SAME]
    usable = [one for one in told if one[1].outcome is not None]
    rows = {case.pair.row for case, _ in answered}
    bootstrap = GroupedBootstrap(sorted({find_group(row) for row in rows}), len(rows), seed=seed, resamples=resamples)
    opinions = [opinion for _, judged in answered for opinion in judged.opinions]
    described: dict[str, Any] = {
        "language": language,
        "cases": len(answered),
        "rows": len(rows),
        "no_verdict": dict(Counter(_find_failure(judged) for _, judged in answered if judged.outcome is None)),
        # A case without a verdict is one in which the judge was not right.
        "accuracy": _share(bootstrap, told, lambda one: one[1].outcome == 1),
        "flip_rate": _share(bootstrap, usable, lambda one: one[1].flipped),
        "judge": describe_judge(opinions),
        "longer": _measure_longer(answered),
        "english": _lean(answered, Trap.ENGLISH),
        "obeyed": _lean(answered, Trap.COMMAND),
        "traps": _describe_traps(answered),
    }
    faults = list_faults(described)
    return described | {"warning": "; ".join(faults), "trusted": not faults}


def _find_failure(judged: JudgedTwice) -> str:
    return next(opinion.failure for opinion in judged.opinions if not opinion.preferred)


def _share(
    bootstrap: GroupedBootstrap, cases: Sequence[Answered], holds: Callable[[Answered], bool]
) -> dict[str, Any] | None:
    above: defaultdict[int, float] = defaultdict(float)
    below: Counter[int] = Counter()
    for one in cases:
        group = find_group(one[0].pair.row)
        above[group] += holds(one)
        below[group] += 1
    figure = bootstrap.measure(above, below, share=True)
    return figure.as_json() if figure else None


def _decided(answered: Iterable[Answered], trap: Trap) -> list[str]:
    """The sides that were preferred, in either order, where one was."""
    return [
        opinion.preferred
        for case, judged in answered
        if case.trap is trap
        for opinion in judged.opinions
        if opinion.preferred not in ("", TIE)
    ]


def _lean(answered: Sequence[Answered], trap: Trap) -> float | None:
    """The share of decided verdicts for the worse side of a trap."""
    sides = _decided(answered, trap)
    return round(sides.count(WORSE) / len(sides), 6) if sides else None


def _measure_longer(answered: Sequence[Answered]) -> float | None:
    """The share of decided verdicts for the longer version: as often as it is the better one (cut), it is the worse one
    (verbose). A judge who is always right has 0.5, and so has one who does not look at length."""
    cut, verbose = _decided(answered, Trap.CUT), _decided(answered, Trap.VERBOSE)
    if not cut or not verbose:
        return None
    return round((cut.count(BETTER) / len(cut) + verbose.count(WORSE) / len(verbose)) / 2, 6)


def _describe_traps(answered: Sequence[Answered]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for trap in Trap:
        own = [judged for case, judged in answered if case.trap is trap]
        if not own:
            continue
        right = 0 if trap is Trap.SAME else 1
        # On two texts that are the same a verdict by place is a flip, and no tie.
        met = [one.outcome == right and not (trap is Trap.SAME and one.flipped) for one in own]
        found[trap.value] = {
            "cases": len(own), "right": sum(met), "wrong": sum(one.outcome == -1 for one in own),
            "flips": sum(one.flipped for one in own), "no_verdict": sum(one.outcome is None for one in own),
        }  # fmt: skip
    return found


def count_cases(cases: Sequence[KnownCase]) -> Mapping[str, int]:
    """How many there are of each trap."""
    return Counter(case.trap.value for case in cases)
