"""What is counted of a side: changes, losses, repairs."""

from __future__ import annotations

import pytest
from detectors.pairs import clean_pairs
from neighbours.comparing import (
    look_at_clean,
    look_at_defects,
    look_at_real,
    loses_lines,
    loses_number,
    loses_protected,
    spoil,
)
from neighbours.sides import Cleaned, Cleaner

from midb.domain.pairs import InstructionPair
from midb.injectors import CleanPair


def answer(text: str) -> InstructionPair:
    return InstructionPair(instruction="a", response=text)


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ("Siehe https://a.example/b und `x`.", "Siehe  und `x`.", (True, False, False)),
        ("Siehe https://a.example/b und `x`.", "Sieh https://a.example/b und `x`!", (False, False, False)),
        ("Es sind 2.5 von 100.", "Es sind 2,5 von 100.", (False, False, False)),
        ("Es sind 2.5 von 100.", "Es sind 3 von 100.", (False, True, False)),
        ("Eins\nzwei", "Eins zwei", (False, False, True)),
        ("Eins\nzwei\n\ndrei", "Eins\nzwei", (False, False, False)),
    ],
)
def test_what_a_pair_loses(before: str, after: str, lost: tuple[bool, bool, bool]) -> None:
    pair = (answer(before), answer(after))
    assert (loses_protected(*pair), loses_number(*pair), loses_lines(*pair)) == lost


def test_the_figures_of_a_side_that_leaves_all_and_of_one_that_spoils_all() -> None:
    pairs = [clean for name, clean in clean_pairs() if name.startswith("de-")][:3]

    def leave(given: list[CleanPair]) -> Cleaned:
        return Cleaned(tuple(one.pair for one in given), (False,) * len(given), 0.006)

    def spoil_all(given: list[CleanPair]) -> Cleaned:
        return Cleaned(tuple(answer("?") for _ in given), (True,) * len(given), 0.006)

    idle, wild = Cleaner("idle", leave), Cleaner("wild", spoil_all)  # type: ignore[arg-type]
    assert look_at_real(idle, pairs)["ms_per_pair"] == 2
    assert look_at_real(idle, pairs)["changed_per_1000"] == 0
    assert look_at_real(wild, pairs)["changed_per_1000"] == 1_000
    assert look_at_clean(idle, pairs) == {"side": "idle", "clean_pairs": 3, "changed": 0, "told": 0}
    assert look_at_clean(wild, pairs) == {"side": "wild", "clean_pairs": 3, "changed": 3, "told": 3}
    spoiled = list(spoil(pairs))
    kinds = {kind for kind, _, _ in spoiled}
    left, made = (list(look_at_defects(side, spoiled)) for side in (idle, wild))
    assert [row["kind"] for row in left] == ["all", *sorted(kinds)]
    assert left[0]["defects"] == len(spoiled) == sum(row["defects"] for row in left[1:])
    assert (left[0]["told"], left[0]["repaired"], left[0]["changed_otherwise"]) == (0, 0, 0)
    assert made[0]["told"] == made[0]["changed_otherwise"] == len(spoiled)
    assert 0 < made[0]["to_be_repaired"] < len(spoiled)
