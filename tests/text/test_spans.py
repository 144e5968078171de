"""Protected spans: sorted, without overlap, and asked in several ways."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from midb.text.protection import find_protected_spans
from midb.text.spans import NO_SPANS, Protected, Ranges, Span, Spans


def test_spans_never_overlap_and_know_what_they_cover() -> None:
    spans = Spans([Span(4, 8, Protected.CODE), Span(2, 6, Protected.URL), Span(9, 9 + 2, Protected.TAG)])
    assert [(span.start, span.end) for span in spans] == [(2, 6), (9, 11)]
    assert spans.overlaps(5, 7)
    assert not spans.overlaps(6, 9)
    assert spans.overlaps(3, 3)
    assert not spans.overlaps(2, 2)  # an insertion before a span touches nothing of it
    assert not spans.overlaps(11, 11)
    assert len(NO_SPANS) == 0


def test_a_position_is_held_by_the_span_around_it() -> None:
    spans = Spans([Span(2, 4, Protected.CODE)])
    assert [position for position in range(6) if spans.holds(position)] == [2, 3]


def test_spans_are_chosen_by_their_reason() -> None:
    text = "`x` von {name} bei http://a.example"
    spans = find_protected_spans(text)
    assert [span.reason for span in spans.only(Protected.CODE, Protected.URL)] == [Protected.CODE, Protected.URL]
    assert len(spans.only(Protected.LATEX)) == 0
    assert len(spans) == 3, "the spans themselves stay"


def test_what_is_protected_is_blanked_out() -> None:
    spans = Spans([Span(4, 7, Protected.CODE), Span(7, 8, Protected.TAG)])
    assert spans.blank_out("see `x`!") == "see     "
    assert spans.blank_out("see `x`!", "_") == "see ____"
    assert NO_SPANS.blank_out("犬は`x`") == "犬は`x`"


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6)), max_size=6),
    st.integers(0, 26),
    st.integers(1, 6),
)
def test_a_range_overlaps_where_it_shares_a_character(drawn: list[tuple[int, int]], start: int, length: int) -> None:
    spans = Spans(Span(first, first + size, Protected.CODE) for first, size in drawn)
    held = {position for span in spans for position in range(span.start, span.end)}
    assert sum(span.end - span.start for span in spans) == len(held), "none is counted twice"
    assert spans.overlaps(start, start + length) is not held.isdisjoint(range(start, start + length))
    assert all(spans.holds(position) is (position in held) for position in range(30))


PLACES = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda ends: (min(ends), max(ends)))


@given(ranges=st.lists(PLACES, max_size=8), asked=PLACES)
def test_ranges_answer_as_if_each_were_asked(ranges: list[tuple[int, int]], asked: tuple[int, int]) -> None:
    first, last = asked
    assert Ranges(ranges).overlap(first, last) == any(start < last and first < end for start, end in ranges)
    assert Ranges(ranges).touch(first, last) == any(start <= last and first <= end for start, end in ranges)
