"""Edits replay exactly or not at all, and several decisions add up to net edits that say the same as they did."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.domain.edits import Edit, NetEdit, apply, apply_to_text, compose
from midb.domain.errors import ReplayError
from midb.domain.pairs import Field, InstructionPair

RESPONSE = Field.RESPONSE
TEXTS = st.text(st.sampled_from("ab 日😀\n\u0301"), max_size=12)
KINDS = st.sampled_from(["k1", "k2", "k3"])


def edit(start: int, before: str, after: str, kind: str = "k", field: Field = RESPONSE) -> Edit:
    return Edit(field, start, start + len(before), before, after, kind)


@st.composite
def stages_on(draw: st.DrawFn, text: str) -> list[Edit]:
    """Edits of one decision that do not overlap, though they may touch, in any order."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    spans = dict(zip(cuts[::2], cuts[1::2], strict=False))  # of those that begin at one point only the last
    edits = [edit(start, text[start:end], draw(TEXTS), draw(KINDS)) for start, end in spans.items()]
    return list(draw(st.permutations([one for one in edits if one.before != one.after])))


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[str], list[list[Edit]]]:
    """The texts before, between and after decisions, and the edits of these."""
    texts, stages = [draw(TEXTS)], []
    for _ in range(draw(st.integers(0, 4))):
        stages.append(draw(stages_on(texts[-1])))
        texts.append(apply_to_text(texts[-1], stages[-1]))
    return texts, stages


# -- one decision ------------------------------------------------------------------------------------------------------


@given(TEXTS.flatmap(lambda text: st.tuples(st.just(text), stages_on(text))))
def test_applying_is_replacing_from_the_end(case: tuple[str, list[Edit]]) -> None:
    text, edits = case
    expected = text
    for one in sorted(edits, key=lambda one: one.start, reverse=True):
        expected = expected[: one.start] + one.after + expected[one.end :]
    assert apply_to_text(text, edits) == expected


@given(TEXTS, st.lists(st.tuples(st.integers(-3, 15), st.integers(-3, 15), TEXTS, TEXTS), max_size=4))
def test_edits_that_do_not_fit_are_refused_and_never_misplaced(
    text: str, parts: list[tuple[int, int, str, str]]
) -> None:
    edits = [Edit(RESPONSE, start, end, before, after, "k") for start, end, before, after in parts]
    ordered = sorted(edits, key=lambda one: (one.start, one.end))
    fits = all(0 <= e.start <= e.end <= len(text) and text[e.start : e.end] == e.before for e in edits)
    fits = fits and all(a.end <= b.start for a, b in itertools.pairwise(ordered))
    if fits:
        apply_to_text(text, edits)
    else:
        with pytest.raises(ReplayError):
            apply_to_text(text, edits)


@pytest.mark.parametrize(
    "edits",
    [
        [Edit(RESPONSE, 1, 2, "x", "y", "k")],  # another text stands there
        [Edit(RESPONSE, 1, 9, "bc", "y", "k")],  # ends behind the text, though a slice would not show it
        [Edit(RESPONSE, 5, 5, "", "y", "k")],
        [Edit(RESPONSE, -1, 0, "", "y", "k")],
        [Edit(RESPONSE, -2, 3, "bc", "y", "k")],
        [Edit(RESPONSE, 2, 1, "", "y", "k")],
        [edit(0, "ab", "x"), edit(1, "bc", "y")],
        [edit(0, "abc", "x"), edit(1, "", "y")],
        [edit(1, "b", "x"), edit(1, "b", "x")],
    ],
)
def test_edits_that_cannot_be_meant(edits: list[Edit]) -> None:
    with pytest.raises(ReplayError) as caught:
        apply_to_text("abc", edits)
    assert caught.value.hint


def test_what_is_inserted_at_one_point_comes_in_the_order_given_and_before_what_replaces() -> None:
    edits = [edit(1, "b", "B"), edit(1, "", "x"), edit(1, "", "y"), edit(2, "", "z")]
    assert apply_to_text("abc", edits) == "axyBzc"


def test_pairs_are_edited_field_by_field() -> None:
    pair = InstructionPair(instruction="ab", response="ab")
    edits = [edit(0, "a", "x", field=Field.INSTRUCTION), edit(1, "b", "y")]
    assert apply(pair, edits) == InstructionPair(instruction="xb", response="ay")
    assert apply(pair, []) == pair
    with pytest.raises(ReplayError, match="input"):
        apply(pair, [edit(0, "", "x", field=Field.INPUT)])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (edit(0, "ab", ""), edit(1, "b", ""), True),
        (edit(0, "ab", ""), edit(2, "c", ""), False),
        (edit(0, "ab", ""), edit(2, "", "x"), False),
        (edit(0, "ab", ""), edit(0, "", "x"), True),
        (edit(0, "abc", ""), edit(1, "", "x"), True),
        (edit(1, "", "x"), edit(1, "", "y"), True),
        (edit(0, "ab", ""), edit(0, "ab", "", field=Field.INPUT), False),
    ],
)
def test_overlaps(one: Edit, other: Edit, expected: bool) -> None:
    assert one.overlaps(other) is other.overlaps(one) is expected


# -- several decisions -------------------------------------------------------------------------------------------------


def replayed(before: str, after: str, net: list[NetEdit]) -> str:
    """What the net edits make of the text before, their new texts taken from the text after."""
    return apply_to_text(
        before,
        [
            Edit(n.field, n.start, n.end, before[n.start : n.end], after[n.after_start : n.after_end], "net")
            for n in net
        ],
    )


@given(histories())
def test_net_edits_lead_from_the_first_text_to_the_last(history: tuple[list[str], list[list[Edit]]]) -> None:
    texts, stages = history
    net = compose(texts[0], RESPONSE, stages)
    assert replayed(texts[0], texts[-1], net) == texts[-1]
    # They are in order, with something kept between each and the next, and the same distance apart in both texts.
    for one, two in itertools.pairwise(net):
        assert one.end < two.start
        assert two.start - one.end == two.after_start - one.after_end
    assert all(n.end > n.start or n.after_end > n.after_start for n in net)
    assert all(n.kinds and n.kinds <= {e.kind for stage in stages for e in stage} for n in net)


@given(TEXTS.flatmap(lambda text: st.tuples(st.just(text), stages_on(text))))
def test_the_net_of_one_decision_is_its_edits_joined_where_they_touch(case: tuple[str, list[Edit]]) -> None:
    text, edits = case
    expected: list[NetEdit] = []
    moved = 0
    for one in sorted(edits, key=lambda one: one.start):
        start, end = one.start + moved, one.start + moved + len(one.after)
        moved += len(one.after) - len(one.before)
        if expected and expected[-1].end == one.start:
            last = expected.pop()
            expected.append(NetEdit(RESPONSE, last.start, one.end, last.after_start, end, last.kinds | {one.kind}))
        else:
            expected.append(NetEdit(RESPONSE, one.start, one.end, start, end, frozenset({one.kind})))
    assert compose(text, RESPONSE, [edits]) == expected


@given(histories())
def test_characters_outside_net_edits_are_those_no_edit_touched(history: tuple[list[str], list[list[Edit]]]) -> None:
    """Follow unlike characters through the same history: what is kept is what the net edits leave out."""
    texts, stages = history
    marked = "".join(chr(0x10000 + n) for n in range(len(texts[0])))
    current = marked
    for stage in stages:
        current = apply_to_text(
            current, [Edit(e.field, e.start, e.end, current[e.start : e.end], e.after, e.kind) for e in stage]
        )
    kept = [ord(character) - 0x10000 for character in current if character >= "\U00010000" and character in marked]
    net = compose(texts[0], RESPONSE, stages)
    touched = {place for n in net for place in range(n.start, n.end)}
    assert sorted(set(range(len(texts[0]))) - touched) == [place for place in kept if place not in touched]
    assert set(kept) & touched == set()


@given(histories())
def test_every_kind_that_had_a_part_is_named(history: tuple[list[str], list[list[Edit]]]) -> None:
    """A history in which each edit has a kind of its own: what a net edit wrote was written by a kind it names."""
    texts, stages = history
    named = [
        [Edit(e.field, e.start, e.end, e.before, e.after, f"{number}-{index}") for index, e in enumerate(stage)]
        for number, stage in enumerate(stages)
    ]
    net = compose(texts[0], RESPONSE, named)
    last = named[-1] if named else []
    moved = 0
    for one in sorted(last, key=lambda one: one.start):
        start = one.start + moved
        moved += len(one.after) - len(one.before)
        if one.after:
            assert any(
                one.kind in n.kinds and n.after_start <= start and start + len(one.after) <= n.after_end for n in net
            )
    for index, one in enumerate(named[0] if named else []):
        for place in range(one.start, one.end):
            assert any(f"0-{index}" in n.kinds and n.start <= place < n.end for n in net)


def test_an_insertion_taken_out_again_leaves_no_net_edit() -> None:
    assert compose("ab", RESPONSE, [[edit(1, "", "x")], [edit(1, "x", "")]]) == []


def test_net_edits_name_the_kinds_that_built_on_each_other() -> None:
    stages = [[edit(1, "b", "xy", "first")], [edit(2, "y", "z", "second")], [edit(4, "d", "", "third")]]
    assert compose("abcd", RESPONSE, stages) == [
        NetEdit(RESPONSE, 1, 2, 1, 3, frozenset({"first", "second"})),
        NetEdit(RESPONSE, 3, 4, 4, 4, frozenset({"third"})),
    ]


def test_a_kind_is_not_named_where_it_had_no_part() -> None:
    stages = [[edit(0, "a", "x", "first"), edit(2, "c", "y", "second")], [edit(4, "e", "z", "third")]]
    assert [n.kinds for n in compose("abcde", RESPONSE, stages)] == [{"first"}, {"second"}, {"third"}]


def test_other_fields_are_left_out() -> None:
    stages = [[edit(0, "a", "x"), edit(1, "b", "y", field=Field.INSTRUCTION)]]
    assert compose("ab", Field.INSTRUCTION, stages) == [NetEdit(Field.INSTRUCTION, 1, 2, 1, 2, frozenset({"k"}))]
    assert compose("ab", Field.INPUT, stages) == []


def test_many_edits_of_a_long_text_take_linear_work() -> None:
    """A quadratic way would copy 100 GB here."""
    text = "a" * 500_000
    edits = [edit(place, "a", "bb") for place in range(0, len(text), 5)]
    net = compose(text, RESPONSE, [edits])
    assert (len(net), net[-1]) == (100_000, NetEdit(RESPONSE, 499_995, 499_996, 599_994, 599_996, frozenset({"k"})))
