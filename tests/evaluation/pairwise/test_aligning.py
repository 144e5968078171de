"""Two corpora are matched, or what does not match is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from compared_corpora import make_sides, write_sides

from midb.corpus.formats.containers import open_container
from midb.corpus.opened import open_corpus
from midb.domain.errors import CorpusError, UsageError
from midb.evaluation.pairwise.aligning import Alignment, align


def aligned(folder: Path, raw: list[dict[str, Any]], boosted: list[dict[str, Any]], **more: Any) -> Alignment:
    sides = (open_corpus(open_container(path), language="de") for path in write_sides(folder, raw, boosted))
    return align(*sides, **more)


def test_what_is_the_same_needs_no_judge(tmp_path: Path) -> None:
    found = aligned(tmp_path, *make_sides(9, same_every=3))
    assert (found.pairs, len(found.differing), found.notes) == (9, 6, [])
    assert found.same["de"].total() == 3
    assert {pair.item for pair in found.differing} == {f"de-{n:03}" for n in range(9) if n % 3}
    assert {pair.row for pair in found.differing} == {f"number {n}" for n in range(9) if n % 3}


def test_pairs_that_are_the_same_are_kept_where_they_are_wanted(tmp_path: Path) -> None:
    found = aligned(tmp_path, *make_sides(6, same_every=3), keep=True)
    assert [(number, pair.item) for number, pair in found.every] == [(0, f"de-{n:03}") for n in range(6)]
    assert [pair for _, pair in found.every if pair.versions[0][1] != pair.versions[1][1]] == found.differing
    assert found.same["de"].total() == 2


def test_identical_corpora_have_nothing_to_judge(tmp_path: Path) -> None:
    raw, _ = make_sides(4)
    assert aligned(tmp_path, raw, raw).differing == []


def test_another_order_is_matched_by_ids_and_said(tmp_path: Path) -> None:
    raw, boosted = make_sides(6)
    straight = aligned(tmp_path, raw, boosted)
    found = aligned(tmp_path, raw, boosted[::-1])
    assert found.differing == straight.differing
    assert found.notes == [
        "The records stand in another order in the boosted corpus (5 breaks); they are matched by ids."
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda side: side[1:], "id de-000 stands in the raw corpus alone"),
        (lambda side: side[6:], "6 ids (de-000, de-001, de-002, de-003, de-004, ...) stand in the raw corpus alone"),
        (lambda side: [*side, side[0] | {"id": "de-9"}], "id de-9 stands in the boosted corpus alone"),
        (lambda side: [*side, side[3]], "id de-003 stands more than once in the boosted corpus"),
    ],
)
def test_what_has_no_counterpart_is_named(tmp_path: Path, change: Any, said: str) -> None:
    raw, boosted = make_sides(8)
    with pytest.raises(UsageError) as caught:
        aligned(tmp_path, raw, change(boosted))
    assert said in caught.value.message
    found = aligned(tmp_path, raw, change(boosted), common=True)
    assert f"Left out: {said}." in found.notes
    assert found.pairs < 9


def test_ids_that_are_double_on_both_sides_are_matched_by_order(tmp_path: Path) -> None:
    raw, boosted = make_sides(4)
    for side in (raw, boosted):
        side[2]["id"] = side[1]["id"]
    found = aligned(tmp_path, raw, boosted)
    assert len(found.differing) == 4
    assert found.notes == ["id de-001 stands there more than once; records are matched by their order."]


def test_records_without_ids_are_matched_by_order(tmp_path: Path) -> None:
    raw, boosted = make_sides(4)
    for record in (*raw, *boosted):
        del record["id"]
    assert len(aligned(tmp_path, raw, boosted).differing) == 4
    with pytest.raises(UsageError, match="4 and 3 records, and no ids"):
        aligned(tmp_path, raw, boosted[:3])


def test_a_line_that_cannot_be_read_shifts_nothing(tmp_path: Path) -> None:
    """A run keeps such lines in a file of their own: its output does not have them."""
    raw, boosted = make_sides(4)
    for record in (*raw, *boosted):
        del record["id"]
    paths = write_sides(tmp_path, raw, boosted)
    lines = paths[0].read_text(encoding="utf-8").splitlines()
    paths[0].write_text("\n".join([lines[0], "oops", *lines[1:]]) + "\n", encoding="utf-8")
    found = align(*(open_corpus(open_container(path), language="de") for path in paths))
    assert len(found.differing) == 4
    assert found.notes == ["1 line of the raw corpus cannot be read (the first: line 2) and are on no side."]


def test_turns_of_a_talk_are_pairs_and_their_number_must_agree(tmp_path: Path) -> None:
    def talk(*answers: str) -> dict[str, Any]:
        turns = [
            {"role": role, "content": text}
            for number, answer in enumerate(answers)
            for role, text in (("user", f"Frage {number} zum Wetter in Deutschland?"), ("assistant", answer))
        ]
        return {"id": "t-1", "messages": turns}

    first, second = "Es regnet heute sehr viel im Norden.", "Morgen scheint dort wieder die Sonne."
    found = aligned(tmp_path, [talk(first, second)], [talk(first, "Nein.")])
    assert [pair.item for pair in found.differing] == ["t-1 / 2"]
    assert found.same["de"].total() == 1
    with pytest.raises(UsageError, match="record t-1 has 2 pairs in the raw corpus and 1"):
        aligned(tmp_path, [talk(first, second)], [talk(first)])


def test_an_empty_side_is_one_sentence(tmp_path: Path) -> None:
    raw, _ = make_sides(3)
    with pytest.raises(CorpusError):
        aligned(tmp_path, raw, [])
