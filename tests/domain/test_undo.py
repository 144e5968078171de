"""Undoing edits is exact: proved on random histories in which every character is unlike all others."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midb.domain.edits import Edit, apply
from midb.domain.errors import ReplayError
from midb.domain.pairs import Field, InstructionPair
from midb.domain.undo import Applied, UndonePair, undo

#: A busy machine is no defect.
UNTIMED = settings(deadline=None)

History = tuple[InstructionPair, list[Applied]]
Story = tuple[InstructionPair, list[Applied], set[tuple[int, Edit]], UndonePair]


def final_of(pair: InstructionPair, decisions: list[Applied]) -> InstructionPair:
    """The text at which the edits arrive."""
    for applied in decisions:
        pair = apply(pair, applied.edits)
    return pair


@st.composite
def histories(draw: st.DrawFn, *, alike: bool = False) -> History:
    """A pair and decisions on it. No character occurs twice, so that each can be followed wherever it goes; with
    ``alike`` there are only two characters, so that texts come back by chance."""
    fresh = itertools.cycle("ab") if alike else map(chr, itertools.count(0x4E00))
    texts = {field.value: "".join(itertools.islice(fresh, draw(st.integers(0, 8)))) for field in Field}
    pair = current = InstructionPair(**texts)
    decisions = []
    for number in range(draw(st.integers(1, 5))):
        edits = []
        for field in draw(st.lists(st.sampled_from(Field), unique=True, min_size=1)):
            text = current.text(field) or ""
            cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
            for start, end in zip(cuts[::2], cuts[1::2], strict=False):
                after = "".join(itertools.islice(fresh, draw(st.integers(int(start == end), 3))))
                edits.append(Edit(field, start, end, text[start:end], after, f"kind-{draw(st.integers(0, 3))}"))
        applied = Applied(number * 10, tuple(draw(st.permutations(edits)) if distinct(edits) else edits))
        decisions.append(applied)
        current = apply(current, applied.edits)
    return pair, decisions


def distinct(edits: list[Edit]) -> bool:
    """Whether the edits' order says nothing: no two insert at one point."""
    return len({(edit.field, edit.start, edit.end) for edit in edits}) == len(edits)


@st.composite
def selections(draw: st.DrawFn, *, alike: bool = False) -> Story:
    """A history, the edits that are to be undone, and what came of it."""
    pair, decisions = draw(histories(alike=alike))
    everything = sorted({(applied.decision, edit) for applied in decisions for edit in applied.edits}, key=repr)
    chosen = set(draw(st.lists(st.sampled_from(everything), unique=True))) if everything else set()
    return pair, decisions, chosen, undo(pair, decisions, lambda decision, edit: (decision, edit) in chosen)


def unplaced(edit: Edit) -> tuple[str, str, str, str]:
    """An edit but for its offsets."""
    return edit.field.value, edit.before, edit.after, edit.kind


@UNTIMED
@given(histories() | histories(alike=True))
def test_undoing_everything_gives_the_original(history: History) -> None:
    pair, decisions = history
    undone = undo(pair, decisions, lambda *_: True)
    assert undone.pair == pair
    assert apply(final_of(pair, decisions), undone.net) == pair
    assert undone.kept == ()
    assert not any(one.cascaded for one in undone.undone)


@UNTIMED
@given(histories())
def test_undoing_nothing_gives_the_final_text(history: History) -> None:
    pair, decisions = history
    undone = undo(pair, decisions, lambda *_: False)
    assert undone.pair == final_of(pair, decisions)
    assert undone.net == ()
    assert undone.undone == ()
    assert [set(kept.edits) for kept in undone.kept] == [set(applied.edits) for applied in decisions if applied.edits]


@UNTIMED
@given(selections() | selections(alike=True))
def test_what_is_kept_replays_from_the_original(story: Story) -> None:
    pair, decisions, chosen, undone = story
    assert final_of(pair, list(undone.kept)) == undone.pair
    # Each edit is either kept, with nothing but its offsets changed, or undone.
    gone = [(one.decision, one.edit) for one in undone.undone]
    assert chosen <= set(gone)
    assert {item for item, r in zip(gone, undone.undone, strict=True) if not r.cascaded} == chosen
    for applied in decisions:
        left = [edit for edit in applied.edits if (applied.decision, edit) not in gone]
        kept = next((found.edits for found in undone.kept if found.decision == applied.decision), ())
        assert sorted(map(unplaced, kept)) == sorted(map(unplaced, left))


@UNTIMED
@given(selections() | selections(alike=True))
def test_the_net_edits_lead_from_the_final_text_to_the_new_one(story: Story) -> None:
    pair, decisions, chosen, undone = story
    assert apply(final_of(pair, decisions), undone.net) == undone.pair
    assert not any(a.overlaps(b) for a, b in itertools.combinations(undone.net, 2))
    assert all(edit.before != edit.after for edit in undone.net)
    assert {edit.kind for edit in undone.net} <= {edit.kind for _, edit in chosen}


@UNTIMED
@given(selections())
def test_every_character_is_where_it_belongs(story: Story) -> None:
    """Exactly the characters are there that no kept edit removed and that came with the original or a kept edit, and
    any two that ever stood in one text stand in the same order."""
    pair, decisions, _, undone = story
    for field, text in pair.texts():
        kept = [edit for applied in undone.kept for edit in applied.edits if edit.field is field]
        expected = set(text).union(*(edit.after for edit in kept)) - set("".join(edit.before for edit in kept))
        result = undone.pair.text(field) or ""
        assert set(result) == expected
        assert len(result) == len(expected)
        current = pair
        for applied in decisions:
            current = apply(current, applied.edits)
            there = current.text(field) or ""
            common = set(there) & expected
            assert [c for c in there if c in common] == [c for c in result if c in common]


@UNTIMED
@given(selections())
def test_only_what_builds_on_an_undone_edit_cascades(story: Story) -> None:
    """A cascaded edit removes what an undone edit wrote, or stands where one wrote or removed something."""
    pair, decisions, _, undone = story
    gone = [(r.decision, r.edit) for r in undone.undone]
    for item in undone.undone:
        if not item.cascaded:
            continue
        earlier = [edit for decision, edit in gone if decision < item.decision and edit.field is item.edit.field]
        text = ""
        current = pair
        for applied in decisions:
            if applied.decision == item.decision:
                text = current.text(item.edit.field) or ""
            current = apply(current, applied.edits)
        written = set().union(*(edit.after for edit in earlier)) if earlier else set()
        left, right = text[: item.edit.start][-1:], text[item.edit.end :][:1]
        reach = set(item.edit.before) | ({left, right} if not item.edit.before else set())
        removed = any(edit.before for edit in earlier)
        assert earlier
        assert reach & written or removed


def one(start: int, end: int, before: str, after: str, kind: str = "k") -> tuple[Edit, ...]:
    """One edit of the response."""
    return (Edit(Field.RESPONSE, start, end, before, after, kind),)


@pytest.mark.parametrize(
    ("response", "edits", "select", "expected", "cascaded"),
    [
        # what was inserted is gone again; what follows it moves back
        ("ab", [one(0, 0, "", "xx"), one(3, 4, "b", "c")], {0}, "ac", 0),
        # an edit inside what an undone edit wrote goes with it
        ("ab", [one(0, 1, "a", "xyz"), one(1, 2, "y", "Y")], {0}, "ab", 1),
        # and so does one that covers a deletion that is undone
        ("abc", [one(1, 2, "b", ""), one(0, 2, "ac", "X")], {0}, "abc", 1),
        # a replacement beside it stays
        ("abc", [one(1, 2, "b", ""), one(1, 2, "c", "X")], {0}, "abX", 0),
        ("abc", [one(1, 2, "b", ""), one(0, 1, "a", "X")], {0}, "Xbc", 0),
        # an insertion just where something comes back could go on either side of it
        ("abc", [one(1, 2, "b", ""), one(1, 1, "", "X")], {0}, "abc", 1),
        # a cascade goes on: 2 builds on 1, which builds on 0
        ("ab", [one(0, 1, "a", "xy"), one(1, 3, "yb", "zz"), one(2, 3, "z", "!")], {0}, "ab", 2),
        # the later edit alone
        ("ab", [one(0, 1, "a", "xyz"), one(1, 2, "y", "Y")], {1}, "xyzb", 0),
        # there and back again: nothing is left to change
        ("a", [one(0, 1, "a", "b"), one(0, 1, "b", "a")], {0, 1}, "a", 0),
        # an edit on what was changed there and back again stays
        ("a", [one(0, 1, "a", "b"), one(0, 1, "b", "a"), one(0, 1, "a", "c")], {0, 1}, "c", 0),
        ("กรุงเทพ 2.5", [one(8, 11, "2.5", "2,5"), one(0, 0, "", "«")], {1}, "กรุงเทพ 2,5", 0),
    ],
)
def test_examples(response: str, edits: list[tuple[Edit, ...]], select: set[int], expected: str, cascaded: int) -> None:
    decisions = [Applied(number, stage) for number, stage in enumerate(edits)]
    undone = undo(InstructionPair(response=response), decisions, lambda decision, _: decision in select)
    assert undone.pair.response == expected
    assert sum(one.cascaded for one in undone.undone) == cascaded


def test_what_does_not_fit_raises() -> None:
    everything: Callable[[int, Edit], bool] = lambda *_: True  # noqa: E731
    with pytest.raises(ReplayError):
        undo(InstructionPair(response="abc"), [Applied(0, one(0, 1, "x", "y"))], everything)
    with pytest.raises(ReplayError):
        undo(InstructionPair(instruction="abc"), [Applied(0, one(0, 1, "a", "y"))], everything)
