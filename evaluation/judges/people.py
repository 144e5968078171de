"""How far a judge agrees with people on edits that they reviewed: Cohen's kappa over a sheet of `midb-agent review`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from midb.domain.errors import UsageError
from midb.domain.intervals import ClusterBootstrap
from midb.domain.pairs import InstructionPair
from midb.evaluation.intervals import LEAST_ROWS
from midb.evaluation.pairwise.aligning import SIDES
from midb.evaluation.pairwise.judging import JudgedPair, JudgedTwice
from midb.locales import LANGUAGES
from midb.review.sheets import read_sheet

#: What a person may have said of an edit, and whether that says that the text after it is the better one.
_ACCEPTED = {
    "accept": True, "accepted": True, "right": True, "ok": True, "yes": True,
    "reject": False, "rejected": False, "wrong": False, "no": False, "change": False, "changed": False,
}  # fmt: skip

#: Draws for the interval: each computes a kappa.
_DRAWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanVerdicts:
    """Edits with what people said of them.

    :param pairs: the text before and after each edit, as the sheet shows it.
    :param accepted: of each, whether a person took it.
    :param left_out: rows without a verdict, or of no edit, by the reason.
    """

    pairs: tuple[JudgedPair, ...]
    accepted: tuple[bool, ...]
    left_out: Counter[str]


def read_people(path: Path) -> HumanVerdicts:
    """Read a sheet that people filled in.

    :raises UsageError: for what is none, and where nobody said anything of an edit.
    """
    pairs, accepted = [], []
    left_out: Counter[str] = Counter()
    for row in read_sheet(path):
        said = row.get("verdict", "").strip().lower()
        if said not in _ACCEPTED:
            left_out["without a verdict" if not said else f'"{said}" is no verdict'] += 1
            continue
        before = row.get("sentence_before") or row.get("before", "")
        after = row.get("sentence_after") or row.get("after", "")
        if not row["id"].startswith("e-") or before == after or row.get("language") not in LANGUAGES:
            left_out["no edit in a language that is known"] += 1
            continue
        pairs.append(
            JudgedPair(
                item=row["id"], language=row["language"], row=row.get("record") or row["id"],
                versions=((SIDES[0], InstructionPair(response=before)), (SIDES[1], InstructionPair(response=after))),
            )
        )  # fmt: skip
        accepted.append(_ACCEPTED[said])
    if not pairs:
        raise UsageError(
            f"{path} has no verdict on an edit.",
            hint="midb-agent review sheet --what edits writes one to be filled in.",
        )
    return HumanVerdicts(pairs=tuple(pairs), accepted=tuple(accepted), left_out=left_out)


def compare_with_people(
    people: HumanVerdicts, judged: Sequence[JudgedTwice | None], *, seed: int, resamples: int
) -> dict[str, Any]:
    """Agreement of the judge with people: an edit that it prefers in both orders is one that it accepts."""
    found = [
        (pair.row, person, one.outcome == 1)
        for pair, person, one in zip(people.pairs, people.accepted, judged, strict=True)
        if one is not None and one.outcome is not None
    ]
    said = [(person, judge) for _, person, judge in found]
    low = high = None
    rows = [row for row, _, _ in found]
    if len(set(rows)) >= LEAST_ROWS:
        low, high = _bound(found, seed, min(resamples, _DRAWS))
    return {
        "edits": len(people.pairs),
        "judged": len(found),
        "rows": len(set(rows)),
        "left_out": dict(people.left_out),
        "agreement": round(sum(a == b for a, b in said) / len(said), 6) if said else None,
        "people_accept": round(sum(a for a, _ in said) / len(said), 6) if said else None,
        "judge_accepts": round(sum(b for _, b in said) / len(said), 6) if said else None,
        "kappa": measure_kappa(said),
        "low": low,
        "high": high,
    }


def measure_kappa(said: Sequence[tuple[bool, bool]]) -> float | None:
    """Cohen's kappa (1960); None where it is not defined, as both said the same of everything, or of nothing.

    >>> measure_kappa([(True, True), (False, False), (True, False), (False, False)]), measure_kappa([(True, True)])
    (0.5, None)
    """
    if not said:
        return None
    count = len(said)
    agreed = sum(a == b for a, b in said) / count
    a, b = sum(a for a, _ in said) / count, sum(b for _, b in said) / count
    by_chance = a * b + (1 - a) * (1 - b)
    return None if by_chance == 1 else round((agreed - by_chance) / (1 - by_chance), 6)


def _bound(found: Sequence[tuple[str, bool, bool]], seed: int, draws: int) -> tuple[float, float] | tuple[None, None]:
    names = list(dict.fromkeys(row for row, _, _ in found))
    by_row = {name: [(person, judge) for row, person, judge in found if row == name] for name in names}
    values = sorted(
        kappa
        for draw in ClusterBootstrap(names, seed=seed, resamples=draws).draws()
        if (kappa := measure_kappa([said for number in draw for said in by_row[names[number]]])) is not None
    )
    if not values:
        return None, None
    outside = round(0.025 * (len(values) - 1))
    return values[outside], values[-1 - outside]
