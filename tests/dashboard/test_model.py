"""What a run with a model shows of it, at every size and at its end; what an engine does not tell is left out."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from run_events import USAGE, Clock, Screen, batch, end, plan, resumed, used
from screens import screen

from midb.dashboard import LiveDashboard, PlainLines
from midb.dashboard.console import open_terminal
from midb.dashboard.live import LIVE_AFTER
from midb.dashboard.model import draw_model
from midb.dashboard.plain import EVERY_SECONDS
from midb.dashboard.state import TOKEN_SECONDS, Progress
from midb.domain.events import Event
from midb.domain.generations import Usage
from midb.locales import LANGUAGES

HOSTILE = "\x1b[2J\u202e[bold]left\r\n" * 20


@pytest.fixture
def progress(clock: Clock) -> Progress:
    """Ten seconds, one batch and one word of the model after the start."""
    started = Progress(clock)
    started.take(plan(model=True, engine="Qwen3-8B", workers=64))
    clock.now += 10
    started.take(batch())
    started.take(used())
    return started


def test_a_wide_terminal_says_everything(progress: Progress) -> None:
    page = "\n".join(screen(progress, 200, 50))
    for part in (
        "model   tokens/s in 120k  out 38,800   64 records in flight   tokens paid 1.2M in / 388k out   ",
        "   budget left 0:41:20",
        "reused 12 replies   prefix hits 71.0 %", "tokens/step 3.4 (drafts accepted 61.0 %)",
        "retries 3", "failed calls 0", "overall tokens/s in 1,200  out 388",
    ):  # fmt: skip
        assert part in page
    assert re.search(r"pass +decisions +applied +unchanged +taken back +accepted", page)
    assert re.search(r"translation +40 +31 +8 +1 +96.9 %", page)
    assert re.search(r"content +0 +0 +0 +0 +–", page)


def test_a_small_terminal_shows_what_matters_most(progress: Progress) -> None:
    page = "\n".join(screen(progress, 80, 24))
    assert "model   tokens/s in 120k  out 38,800   64 records in flight  " in page
    assert "        tokens paid 1.2M in / 388k out   budget left 0:41:20   retries 3" in page
    assert re.search(r"pass +applied +unchanged +taken back +accepted   outcome", page)
    assert re.search(r"translation +31 +8 +1 +96.9 %   improved +31 19.4 %", page)
    assert all(re.search(rf"\b{code} +8 ", page) for code in LANGUAGES)
    assert "latest edits" in page
    assert "de-0029" in page


@pytest.mark.parametrize(
    "size", [(80, 24), (80, 60), (96, 28), (97, 30), (100, 30), (120, 30), (140, 40), (150, 24), (250, 70)], ids=str
)
@pytest.mark.parametrize("big", [1, 1_000_000])
def test_the_screen_fills_the_terminal_and_never_exceeds_it(
    progress: Progress, clock: Clock, size: tuple[int, int], big: int
) -> None:
    usage = Usage(**{name: getattr(USAGE, name) * big for name in Usage.__dataclass_fields__})
    clock.now += 1
    progress.take(batch(160 * big, decisions={key: n * big for key, n in batch().decisions.items()}))
    progress.take(used(replace(usage, calls_failed=7 * big), in_flight=64 * big, budget_left=HOSTILE))
    lines = screen(progress, *size)
    assert len(lines) == size[1]
    assert max(map(cell_len, lines)) <= size[0]
    page = "\n".join(lines)
    assert "\x1b" not in page
    assert "failed calls 7" in page, "trouble finds room"
    assert "taken back" in page
    assert "accepted" in page
    rows = [line for line in lines if re.match(r" (content|translation|localization|verification) ", line)]
    assert len(rows) == 4
    assert not any("…" in line[:55] for line in rows), "no figure is cut"


@pytest.mark.parametrize("size", [(60, 15), (77, 24), (38, 9), (12, 12), (12, 4), (2, 1)], ids=str)
def test_the_tiniest_terminal_does_no_harm(progress: Progress, size: tuple[int, int]) -> None:
    lines = screen(progress, *size)
    assert max(map(cell_len, lines), default=0) <= size[0]


@pytest.mark.parametrize("most", range(5))
@pytest.mark.parametrize("width", [1, 20, 60, 78, 118, 198])
def test_the_block_takes_no_more_lines_than_it_may(progress: Progress, width: int, most: int) -> None:
    block = draw_model(progress, width, most)
    stream = io.StringIO()
    Console(file=stream, width=width).print(block.body)
    lines = stream.getvalue().splitlines()
    assert len(lines) == block.lines <= most
    assert max(map(cell_len, lines), default=0) <= width


def test_what_an_engine_does_not_tell_is_not_shown_as_nought(progress: Progress) -> None:
    progress.take(used(replace(USAGE, cached_tokens=0, drafted=0, accepted=0, steps=0), budget_left=""))
    page = "\n".join(screen(progress, 250, 70))
    assert "tokens paid 1.2M in" in page
    for untold in ("prefix", "tokens/step", "drafts", "budget"):
        assert untold not in page
    progress.take(used(replace(USAGE, drafted=0, accepted=0)))
    assert "tokens/step 3.4   " in "\n".join(screen(progress, 250, 70)), "steps without drafts"
    progress.take(used(Usage(), seconds=0.0))
    page = "\n".join(screen(progress, 250, 70))
    assert "overall" not in page
    assert "tokens paid 0 in / 0 out" in page


def test_before_the_first_word_of_a_model_nothing_is_claimed(clock: Clock) -> None:
    started = Progress(clock)
    started.take(plan(model=True))
    page = "\n".join(screen(started, 80, 24))
    assert "model   no reply yet" in page
    assert "tokens/s" not in page


@pytest.mark.parametrize(
    ("calls", "tokens", "said"),
    [
        (0, 0, ""),
        (1, 0, "1 call under way"),
        (4, 1234, "4 calls under way, 1,234 tokens of their replies so far"),
    ],
)
def test_before_the_first_reply_it_shows_that_the_model_is_at_work(
    clock: Clock, calls: int, tokens: int, said: str
) -> None:
    """On a slow machine that takes minutes; on a screen and in a file."""
    progress = Progress(clock)
    progress.take(plan(model=True))
    event = used(Usage(), seconds=90.0, calls_in_flight=calls, tokens_in_flight=tokens)
    progress.take(event)
    page = "\n".join(screen(progress, 200, 50))
    lines = show_paced(clock, plan(model=True), *[event] * 25, every=1.0)
    for text in (page, lines):
        assert said in text
        assert ("under way" in text) == bool(said)


def test_the_speed_is_that_of_the_last_seconds_and_falls_while_nothing_arrives(clock: Clock) -> None:
    progress = Progress(clock)
    progress.take(plan(model=True))
    total = Usage()
    for second in range(60):
        clock.now += 1
        total += Usage(calls=1, prompt_tokens=2000 if second < 30 else 500, completion_tokens=100)
        progress.take(used(total, seconds=second + 1.0))
    assert progress.tokens_per_second == pytest.approx((500, 100))
    assert progress.tokens_per_second_overall == pytest.approx((1250, 100))
    clock.now += TOKEN_SECONDS
    assert progress.tokens_per_second == pytest.approx((250, 50)), "no event at all"
    for _ in range(20):
        clock.now += 1
        progress.take(used(total))
    assert progress.tokens_per_second == (0, 0), "events, but no tokens"


def test_a_slow_model_is_not_shown_as_standing_still(clock: Clock) -> None:
    progress = Progress(clock)
    progress.take(plan(model=True))
    clock.now += 100
    progress.take(batch(pairs=4))
    assert "0.040 pairs/s" in "\n".join(screen(progress, 80, 24))


def show_paced(clock: Clock, *events: Event, every: float = 0.0) -> str:
    """What plain lines in a file say."""
    stream = io.StringIO()
    with PlainLines(open_terminal(stream), clock=clock) as lines:
        for event in events:
            lines.handle(event)
            clock.now += every
    return stream.getvalue()


def test_lines_come_also_while_no_batch_is_done(clock: Clock) -> None:
    events = [used(replace(USAGE, prompt_tokens=n * 1000, completion_tokens=n * 100)) for n in range(25)]
    text = show_paced(clock, plan(model=True), *events, every=1.0)
    assert [line for line in text.splitlines() if "pairs/s" in line] == [
        "0 / 1,000 records   0.0 %   – pairs/s   ETA –   unchanged 0   improved 0   reverted 0   rejected 0   "
        f"open findings 0   tokens/s in {read}  out {written}   tokens paid {paid} in / {out} out"
        for read, written, paid, out in (("900", "90", "9,000", "900"), ("1,000", "100", "19,000", "1,900"))
    ]
    failing = used(replace(USAGE, calls_failed=2))
    assert "out   failed calls 2\n" in show_paced(clock, plan(), failing, batch(), every=EVERY_SECONDS)


def test_the_model_opens_the_live_screen_before_its_first_batch(clock: Clock) -> None:
    stream = Screen()
    with LiveDashboard(open_terminal(stream), clock=clock, ticking=False) as live:
        live.handle(plan(model=True))
        clock.now += LIVE_AFTER
        live.handle(used())
        assert "tokens paid 1.2M in / 388k out" in stream.getvalue()


def test_the_first_screen_says_what_is_under_way_at_once(clock: Clock) -> None:
    text = show_paced(clock, plan(model=True, engine="Qwen3-8B", workers=64, budget="2h"))
    assert "engine     Qwen3-8B   up to 64 records at once\nbudget     2h\n" in text
    for workers in (0, 1, 2):
        text = show_paced(clock, plan(model=True, workers=workers))
        assert "in this process" not in text
        assert "worker" not in text
        assert "budget" not in text
    assert "in this process" in show_paced(clock, plan(workers=0))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "1,204 calls, 1.2M tokens in, 388k out, 12 replies reused from the log, 3 retries"),
        ({"reused": 1, "retries": 0}, "1,204 calls, 1.2M tokens in, 388k out, 1 reply reused from the log"),
        ({"reused": 0, "calls_failed": 1}, "1,204 calls, 1.2M tokens in, 388k out, 3 retries, 1 call failed"),
    ],
)
def test_the_last_screen_sums_the_model_up(clock: Clock, changes: Any, expected: str) -> None:
    text = show_paced(clock, plan(model=True), batch(), end(usage=replace(USAGE, **changes)))
    assert f"\nmodel      {expected}\n" in text
    assert "left open, for a person\n" in text


def test_what_the_log_does_not_keep_is_said_to_be_of_the_time_since_the_resume(clock: Clock) -> None:
    """All other figures are of the whole run."""
    usage = replace(USAGE, calls_failed=7)
    text = show_paced(
        clock, resumed(500, 20, usage=Usage(calls=1000), model=True), used(usage), batch(), end(usage=usage),
        every=EVERY_SECONDS,
    )  # fmt: skip
    assert "failed calls 7 since the resume\n" in text
    assert (
        "\nmodel      2,204 calls, 1.2M tokens in, 388k out, 12 replies reused from the log since the resume, "
        "3 retries, 7 calls failed since the resume\n"
    ) in text


def test_without_a_model_nothing_is_said_of_one(clock: Clock) -> None:
    text = show_paced(clock, plan(), batch(), end(), every=EVERY_SECONDS)
    assert "\nmodel" not in text
    assert "tokens" not in text
    assert "for a model or a person\n" in text
    progress = Progress(clock)
    progress.take(plan())
    progress.take(batch())
    page = "\n".join(screen(progress, 200, 50))
    assert "tokens" not in page
    assert "accepted" not in page
