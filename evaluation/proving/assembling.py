"""All figures of a proof: what was compared, of how much, with which intervals, what it took, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from midb import __version__
from midb.domain.intervals import CONFIDENCE
from midb.evaluation.intervals import LEAST_ROWS
from midb.evaluation.proving.concluding import conclude
from midb.evaluation.proving.lessons import BOOSTED, CONTROL, RAW, Lessons, ProofPair
from midb.evaluation.proving.measuring import (
    MeasuredStudent,
    compare_answers,
    compare_losses,
    describe_answers,
    describe_losses,
)

#: Says how the JSON is laid out; names are added to it, never renamed or removed.
FORM = 1

#: Which side is held against which: the candidate, and the baseline.
COMPARISONS = ((BOOSTED, RAW), (CONTROL, RAW), (BOOSTED, CONTROL))


def list_comparisons(sides: Sequence[str]) -> list[tuple[str, str]]:
    """Those of which both sides are there."""
    return [both for both in COMPARISONS if set(both) <= set(sides)]


def assemble(
    lessons: Lessons,
    references: Mapping[str, Sequence[ProofPair]],
    base: MeasuredStudent,
    students: Sequence[MeasuredStudent],
    judged: Mapping[tuple[str, str], Mapping[str, Any]],
    *,
    about: Mapping[str, Any],
    seed: int,
    resamples: int,
) -> dict[str, Any]:
    """Put the figures together.

    :param students: each side with each seed.
    :param judged: figures of a judge by candidate and baseline, as ``compare_models`` makes them; none without a judge.
    :param about: what names corpora, base, recipe, judge, costs and versions; it goes into the figures as it is. It has
        ``base`` with its parameters, ``seeds``, ``control`` (None without one), ``judge`` (None without one) and
        ``trained`` with what each training took, by (side, seed).
    """
    by_name = {(one.side, one.seed): one for one in students}
    sides = list(dict.fromkeys(one.side for one in students))
    seeds = list(about["seeds"])
    comparisons = []
    for candidate, baseline in list_comparisons(sides):
        both = [(by_name[candidate, number], by_name[baseline, number]) for number in seeds]
        losses = {
            which: compare_losses(pairs, which, both, seed=seed, resamples=resamples)
            for which, pairs in references.items()
        }
        comparisons.append(
            {
                "candidate": candidate, "baseline": baseline, "loss": losses,
                "answers": compare_answers(both, seed=seed, resamples=resamples),
                "judged": judged.get((candidate, baseline)),
            }
        )  # fmt: skip
    given = {name: value for name, value in about.items() if name != "trained"}
    figures: dict[str, Any] = {
        "form": FORM, "evaluates": "proof", "midb_agent": __version__, **given,
        "examples": lessons.describe(),
        "references": {
            which: {"n": len(pairs), "rows": len({pair.row for pair in pairs})} for which, pairs in references.items()
        },
        "intervals": {
            "confidence": CONFIDENCE, "clusters": "source row", "resamples": resamples, "seed": seed,
            "least_rows": LEAST_ROWS,
        },
        "base_losses": describe_losses(base),
        "students": [
            {
                "side": one.side, "seed": one.seed, **about["trained"][one.side, one.seed],
                "losses": describe_losses(one), "answers": describe_answers(one),
            }
            for one in students
        ],
        "comparisons": comparisons,
    }  # fmt: skip
    figures["conclusion"] = conclude(figures)
    judge_notes = [
        f"{candidate} against {baseline}: {note}"
        for (candidate, baseline), found in judged.items()
        for note in found.get("notes", [])
    ]
    figures["notes"] = [*lessons.notes, *about.get("notes", []), *judge_notes, *_tell_limits(figures)]
    return figures


def _tell_limits(figures: Mapping[str, Any]) -> list[str]:
    """What a reader has to know of these figures."""
    examples, references = figures["examples"], figures["references"]
    notes = [
        f"Of the {examples['train']:,} pairs that students learnt, {examples['train_differing']:,} differ between raw "
        "and boosted: the others are the same lesson for all.",
        "Intervals are over rows, translations of one row being one; with several seeds each row has the answers of "
        "all. What chance of training does is in the figures of single seeds.",
        "A lower loss on the raw or the boosted text of a pair that differs says which text a student expects, not "
        "which is better: only the loss on clean texts that are the same on both sides favours nobody.",
    ]
    for which, found in references.items():
        if found["rows"] < LEAST_ROWS:
            notes.append(
                f"Too few rows for an interval of the loss on {_NAMES[which]} ({found['rows']:,}; {LEAST_ROWS} are "
                "needed)."
            )
    if figures["judge"] is None:
        notes.append("No judge was asked: whether the answers are better is not known. --judge MODEL asks one.")
    if figures["control"] is not None:
        notes.append(
            "The control has as many edits of the same sizes in the same texts, at random places and without sense. "
            "Such edits mostly do harm: to be better than the control alone is no merit."
        )
    return notes


_NAMES = {
    "same": "clean texts that are the same on both sides",
    "raw": "raw texts of pairs that differ",
    "boosted": "boosted texts of pairs that differ",
}


def name_references(which: str) -> str:
    """What a set of references is called in tables.

    >>> name_references("raw")
    'raw texts of pairs that differ'
    """
    return _NAMES[which]
