"""What a person must be able to read on the live screen, at every size of terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from rich.cells import cell_len
from run_events import Clock, batch, behind, edit, plan, resumed
from screens import screen

from midb.dashboard.screen import draw_line
from midb.dashboard.state import EDITS_STAY, WINDOW_SECONDS, Progress
from midb.domain.events import Event, LineRejected, Waiting, Warned
from midb.locales import LANGUAGES

Running = Callable[..., Progress]


@pytest.fixture
def running(clock: Clock) -> Running:
    """A run ten seconds and one batch after its start."""

    def start(events: Sequence[Event] = (), **changes: Any) -> Progress:
        progress = Progress(clock)
        progress.take(plan(**changes))
        clock.now += 10
        for event in events or [batch()]:
            progress.take(event)
        return progress

    return start


def test_a_small_terminal_shows_everything_that_matters(running: Running) -> None:
    lines = screen(running(), 80, 24)
    page = "\n".join(lines)
    assert re.search(r"█+─+  160 / 1,000 records   16.0 %   16 pairs/s   ETA 0:00:52", page)
    assert re.fullmatch(r" translated.jsonl · embedded default, no model · 16 languages.*  0:00:10 ", lines[0])
    assert re.search(r"translation +40 +31 +1 ", page), "visited, applied, taken back"
    assert re.search(r"improved +31 +19.4 %", page)
    assert re.search(r"reverted +1 +0.6 %", page)
    assert all(re.search(rf"\b{code} +8 ", page) for code in LANGUAGES)
    assert re.search(r"\bja +8 +1 +1\b", page)
    assert "open findings 21   untranslated-text 17 · foreign-currency 4" in page
    assert re.search(r"de-0029  translated-code  Schreibe \[wenn \(20 > 18\) → if \(20 > 18\)]:", page)
    assert "Ctrl-C stops safely" in lines[-1]


@pytest.mark.parametrize("size", [(80, 24), (80, 60), (100, 30), (140, 40), (140, 24), (250, 70)], ids=str)
@pytest.mark.parametrize("troubled", [False, True])
def test_the_screen_fills_the_terminal_and_never_exceeds_it(
    running: Running, size: tuple[int, int], troubled: bool
) -> None:
    wide = edit(
        left="日本で最も高い山" * 40, before="。" * 300, after="、" * 300, right="مرحبا" * 90, record="記録" * 30
    )
    events: list[Event] = [batch(1_000_000, edits=(edit(), wide) * 50, open={f"kind-{n}": n for n in range(40)})]
    if troubled:
        events += [LineRejected(line=3, reason="x", message="很长" * 90), Warned(message="w" * 300)]
    lines = screen(running(events), *size)
    assert len(lines) == size[1]
    assert max(map(cell_len, lines)) <= size[0]
    page = "\n".join(lines)
    assert all(re.search(rf"\b{code} +62,498", page) for code in LANGUAGES)
    assert page.count("wenn (20 > 18)") >= 1
    assert "more" in page, "what finds no room is counted"
    assert ("1 rejected, last: line 3: 很长" in lines[-2] and "1 warning: www" in lines[-1]) is troubled


@pytest.mark.parametrize("size", [(60, 15), (38, 9), (12, 4), (2, 1)], ids=str)
def test_the_tiniest_terminal_does_no_harm(running: Running, size: tuple[int, int]) -> None:
    lines = screen(running(), *size)
    assert max(map(cell_len, lines), default=0) <= size[0]


def test_a_wide_terminal_says_more_about_each_edit(running: Running) -> None:
    page = "\n".join(screen(running(), 140, 40))
    assert "de-0029  translated-code  translation · response" in page
    assert re.search(r"untranslated-text +17\n", re.sub(r" +\n", "\n", page))


def test_the_first_screen_of_a_run_claims_nothing(clock: Clock) -> None:
    progress = Progress(clock)
    progress.take(resumed(12_000, total=None, warnings=2))
    page = "\n".join(screen(progress, 140, 30))
    assert "12,000 records read   – pairs/s" in page
    assert "ETA" not in page
    assert "resumed at record 12,000, 0:00:00 ago" in page
    assert "no edits yet since the run was resumed" in page
    assert "2 warnings before the run was resumed" in page
    assert "resumed 0:00:00 ago" in screen(progress, 80, 24)[0]


def test_the_speed_is_that_of_the_last_minute_and_falls_while_nothing_arrives(running: Running, clock: Clock) -> None:
    progress = running([batch(160_000)])
    for _ in range(70):
        clock.now += 1
        progress.take(batch(32))
    assert progress.per_second == pytest.approx(32)
    assert progress.done == 160_000 + 70 * 32
    clock.now += WINDOW_SECONDS
    assert progress.per_second == pytest.approx(16)


def test_the_eta_counts_what_was_done_before_a_resume(running: Running) -> None:
    progress = running(resumed_at=520, behind=behind(500, 20))
    assert progress.remaining_seconds == pytest.approx((1000 - 520 - 160) / 16)


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("engine", ["embedded default, no model", "openai:qwen3-8b@http://localhost:8000/v1"])
def test_the_engine_stays_in_the_title(running: Running, width: int, engine: str) -> None:
    for name in ("c.jsonl", f"{'translated' * 9}.jsonl"):
        title = screen(running(corpus=name, engine=engine), width, 24)[0]
        assert engine[:36] in title


def test_the_line_before_the_screen_says_what_is_waited_for_and_turns(clock: Clock) -> None:
    progress = Progress(clock)
    progress.take(Waiting(what="reading c.jsonl"))
    first = draw_line(progress, width=80).plain
    assert first[1:] == " reading c.jsonl"
    clock.now += 2.125
    second = draw_line(progress, width=80).plain
    assert second[1:] == " reading c.jsonl   0:00:02"
    assert first[0] != second[0]
    progress.take(plan())
    progress.take(batch())
    assert "160 / 1,000 records" in draw_line(progress, width=80).plain
    progress.take(Waiting(what="reading \x1b[31m" + "很" * 200))
    for width in (1, 7, 20, 80):
        assert cell_len(draw_line(progress, width=width).plain) <= width
        assert "\x1b" not in draw_line(progress, width=width).plain


def test_shown_edits_stay_long_enough_to_be_read(running: Running, clock: Clock) -> None:
    progress = running()
    clock.now += EDITS_STAY / 2
    progress.take(batch(edits=(edit(77),)))
    assert "de-0077" not in "\n".join(screen(progress, 80, 24))
    clock.now += EDITS_STAY / 2
    progress.take(batch(edits=(edit(78),)))
    assert "de-0078" in "\n".join(screen(progress, 80, 24))
