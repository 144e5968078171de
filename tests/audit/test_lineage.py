"""Through all runs that go on from one another: which edits stand, whoever undid what, and brought that back."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from random import Random

import pytest

from midb.audit.lineage import (
    PairHistory,
    list_later,
    read_chain,
    read_detail,
    trace,
    write_detail,
)
from midb.audit.reader import AuditReader
from midb.audit.verdict_rows import Item
from midb.domain.decisions import Action, Decision, Pass, Reason
from midb.domain.edits import Edit, apply
from midb.domain.pairs import Field, InstructionPair
from midb.domain.undo import Applied, undo

ORIGINAL = InstructionPair(instruction="?", response="ab cd ef")


def decision(pass_: Pass, *edits: tuple[int, str, str], detail: str = "") -> Decision:
    """A decision that stands, with edits of the response: where, what was there, what is."""
    made = tuple(Edit(Field.RESPONSE, at, at + len(a), a, b, "made-up") for at, a, b in edits)
    return Decision(
        pass_=pass_, action=Action.APPLIED, reason=Reason.REPAIRED, detail=detail, before_hash="", after_hash="",
        edits=made,
    )  # fmt: skip


def history(*decisions: Decision) -> PairHistory:
    """Decisions numbered from 1 on "ab cd ef"."""
    found = PairHistory(ORIGINAL)
    for number, one in enumerate(decisions, start=1):
        found.add(number, one)
    return found


def go_on(found: PairHistory, *names: str) -> str:
    """Undo some edits, as a revert does; the response then."""
    undone = found.undo_more([Item.parse(name) for name in names])
    detail = write_detail("asked", undone.undone, undone.again)
    made = decision(Pass.REVERT, *((e.start, e.before, e.after) for e in undone.net), detail=detail)
    found.add(len(found.stages) + 1, made)
    return found.pair.response or ""


def standing(found: PairHistory) -> str:
    return " ".join(sorted(item.name for item in found.standing()))


#: "ab cd ef" becomes "aB Cd EF".
MADE = decision(Pass.CONTENT, (1, "b", "B"), (3, "c", "C"), (6, "ef", "EF"))


def test_an_edit_stands_until_it_is_undone_and_again_when_that_is() -> None:
    found = history(MADE)
    assert go_on(found, "e-1-0") == "ab Cd EF"
    assert standing(found) == "e-1-1 e-1-2"
    assert go_on(found, "e-1-2") == "ab Cd ef", "what was undone stays undone"
    assert go_on(found, "e-1-0") == "ab Cd ef", "what is undone is not undone again"
    assert go_on(found, "e-2-0") == "aB Cd ef", "to undo the undoing brings it back"
    assert standing(found) == "e-1-0 e-1-1"
    assert go_on(found, "e-1-0", "e-1-1") == "ab cd ef", "and it can be undone once more"
    assert go_on(found, *(f"e-{n}-{m}" for n in range(2, 8) for m in (0, 1))) == "aB Cd EF", "all that was undone"
    assert standing(found) == "e-1-0 e-1-1 e-1-2"


def test_what_brought_something_back_is_undone_by_undoing_that() -> None:
    found = history(MADE)
    go_on(found, "e-1-0")
    assert go_on(found, "e-2-0") == "aB Cd EF"
    assert go_on(found, "e-3-0") == "ab Cd EF"


def test_one_that_builds_on_another_goes_and_comes_with_it() -> None:
    found = history(MADE, decision(Pass.LOCALIZATION, (6, "EF", "GH")))
    assert go_on(found, "e-1-2") == "aB Cd ef"
    assert standing(found) == "e-1-0 e-1-1"
    assert go_on(found, "e-3-0") == "aB Cd GH"
    assert standing(found) == "e-1-0 e-1-1 e-1-2 e-2-0"


def test_in_older_logs_the_places_tell() -> None:
    """Versions before this one did not say which edits a revert undid."""
    found = history(MADE, decision(Pass.REVERT, (3, "C", "c"), detail="kind x"))
    assert standing(found) == "e-1-0 e-1-2"
    assert go_on(found, "e-1-0") == "ab cd EF"
    assert go_on(found, "e-2-0") == "ab Cd EF"
    deleted = decision(Pass.CONTENT, (2, " ", ""), (3, "c", "C"))
    assert standing(history(deleted, decision(Pass.REVERT, (2, "C", "c"), detail="kind x"))) == "e-1-0"
    assert standing(history(deleted, decision(Pass.REVERT, (2, "", " "), detail="kind x"))) == "e-1-1"


def test_an_older_revert_that_the_places_do_not_explain_is_gone_on_from_as_it_stands() -> None:
    found = history(MADE, decision(Pass.REVERT, (1, "B C", "what nobody wrote"), detail="kind x"))
    assert standing(found) == "e-1-2"
    assert go_on(found, "e-1-2") == "awhat nobody wroted ef"


def test_a_persons_own_text_stands_and_a_rejection_does_not() -> None:
    said = decision(Pass.REVIEW, (1, "B", "!"), (3, "C", "c"), detail="reviewed by Ana: e-1-0, e-1-1")
    found = history(MADE, said)
    assert standing(found) == "e-1-2 e-2-0"
    assert go_on(found, "e-1-2") == "a! cd ef", "what people said stays"
    assert go_on(found, "e-2-0") == "aB cd ef", "undone, their text gives way to what the run wrote"
    assert standing(found) == "e-1-0"
    assert go_on(found, "e-2-1") == "aB Cd ef"
    assert go_on(found, "e-4-0") == "a! Cd ef", "it stands again"


def test_what_was_undone_before_a_review_stays_so_behind_it() -> None:
    found = history(MADE)
    go_on(found, "e-1-0", "e-1-2")
    found.add(3, decision(Pass.REVIEW, (3, "C", "!"), detail="reviewed by Ana: e-1-1"))
    assert (found.pair.response, standing(found)) == ("ab !d ef", "e-3-0")
    assert go_on(found, "e-2-0") == "ab !d ef"
    assert go_on(found, "e-3-0") == "ab Cd ef"


@pytest.mark.parametrize("seed", range(30))
def test_the_text_is_always_what_the_standing_edits_make_of_the_original(seed: int) -> None:
    """Whatever is undone and comes back, and however close the edits are."""
    random = Random(seed)
    original = InstructionPair(instruction="?", response="".join(random.choice("abc ") for _ in range(12)))
    found, base = PairHistory(original), list[Applied]()
    for number in range(1, 4):
        text, edits, at = found.pair.response or "", list[tuple[int, str, str]](), 0
        while (start := at + random.randint(0, 4)) < len(text):
            before = text[start : start + random.randint(0, 3)]
            after = "".join(random.choice("XYZ") for _ in range(random.randint(not before, 3)))
            edits.append((start, before, after))
            at = start + len(before) + 1
        made = decision(random.choice([Pass.CONTENT, Pass.LOCALIZATION]), *edits)
        found.add(number, made)
        base.append(Applied(number, made.edits))
    for _ in range(6):
        pool = [item for item in found.edits if random.random() < 0.3]
        undone = found.undo_more(pool)
        assert apply(found.pair, undone.net).instruction == "?"
        if not undone.net:
            continue
        detail = write_detail("x", undone.undone, undone.again)
        found.add(
            len(found.stages) + 1,
            decision(Pass.REVERT, *((e.start, e.before, e.after) for e in undone.net), detail=detail),
        )
        stands = found.standing()
        names = {(item.decision, edit): item for item, (_, edit) in found.edits.items()}
        direct = undo(original, base, make_choice({key for key, item in names.items() if item not in stands}))
        assert direct.pair == found.pair
        assert {names[one.decision, one.edit] for one in direct.undone}.isdisjoint(stands)


def make_choice(gone: Collection[tuple[int | None, Edit]]) -> Callable[[int, Edit], bool]:
    """Chooses some edits of some decisions."""
    return lambda number, edit: (number, edit) in gone


def test_the_detail_names_what_it_is_about() -> None:
    items = (Item(12, 0), Item(12, 11), Item(None, 3))
    assert read_detail(write_detail("kind a, b; text x: y", items)) == ("kind a, b; text x: y", items, ())
    assert read_detail(write_detail("x", (), items[:1])) == ("x", (), items[:1])
    assert read_detail(write_detail("x", items, items[:2])) == ("x", items, items[:2])
    assert read_detail(write_detail("reviewed by e-1-0", ())) == ("reviewed by e-1-0", None, ()), "that is a name"
    assert read_detail("record x: e-9-9: e-1-0") == ("record x: e-9-9", (Item(1, 0),), ()), "only the last words"


def test_runs_are_followed_to_the_one_that_read_the_corpus(undone_log: Path) -> None:
    with AuditReader(undone_log) as reader:
        revert = reader.run(3)
        assert [run.id for run in trace(reader, revert)] == [1, 3]
        assert [run.id for run in trace(reader, reader.run(1))] == [1]
        assert [run.id for run in list_later(reader, reader.run(1))] == [3]
        assert list_later(reader, revert) == []
        rows = list(read_chain(reader, trace(reader, revert)))
        assert [[row.run_id for row in one] for one in rows] == [[1, 3]] * len(rows)
        assert all(one[0].position == one[1].position for one in rows)
