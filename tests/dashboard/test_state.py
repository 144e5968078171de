"""What is known of a run so far: speeds over a window, what is left, and nothing that grows with the run."""

from __future__ import annotations

from collections import Counter

import pytest
from run_events import USAGE, Clock, batch, edit, plan, resumed, used

from midb.dashboard.state import EDITS_KEPT, EDITS_STAY, WINDOW_BATCHES, WINDOW_SECONDS, Progress, Speed, sum_outcomes
from midb.domain.decisions import RUN_OUTCOMES, Action, Outcome, Pass
from midb.domain.events import LineRejected, Waiting, Warned
from midb.domain.generations import Usage


@pytest.fixture
def progress(clock: Clock) -> Progress:
    """A run that was planned just now."""
    started = Progress(clock)
    started.take(plan())
    return started


def test_outcomes_are_summed_over_languages_and_none_is_missing() -> None:
    sums = sum_outcomes({("de", Outcome.IMPROVED): 2, ("ja", Outcome.IMPROVED): 3, ("ja", Outcome.UNCHANGED): 1})
    assert sums == {Outcome.UNCHANGED: 1, Outcome.IMPROVED: 5, Outcome.REVERTED: 0}
    assert tuple(sums) == RUN_OUTCOMES


def test_a_speed_says_nothing_before_there_is_one() -> None:
    speed = Speed(seconds=10, samples=1)
    assert speed.per_second(5) is None
    speed.add(0, 0)
    assert speed.per_second(5) is None, "nothing was done yet"
    speed.add(2, 10)
    assert speed.per_second(2) == 5
    assert speed.per_second(10) == 1, "it falls while nothing arrives"


def test_a_speed_forgets_what_is_older_than_its_window() -> None:
    speed = Speed(seconds=10, samples=1)
    for second in range(31):
        speed.add(second, second if second < 20 else 20 + 5 * (second - 20))
    assert speed.per_second(30) == 5
    assert len(speed._samples) <= 12


def test_a_speed_keeps_some_samples_however_old_they_are() -> None:
    speed = Speed(seconds=10, samples=3)
    for minute in range(5):
        speed.add(60 * minute, 6 * minute)
    assert speed.per_second(240) == pytest.approx(0.1)


def test_the_window_is_named_by_what_it_is() -> None:
    speed = Speed()
    for batch_number in range(WINDOW_BATCHES + 3):
        speed.add(batch_number * 2 * WINDOW_SECONDS, batch_number)
    assert len(speed._samples) == WINDOW_BATCHES + 1


def test_what_is_done_counts_rejected_lines_and_what_was_done_before(clock: Clock) -> None:
    gone_on = Progress(clock)
    gone_on.take(resumed(90, 10))
    gone_on.take(batch(records=32, rejected=2))
    assert (gone_on.done, gone_on.total) == (134, 1000)


def test_after_a_resume_figures_are_totals_and_the_speed_is_of_now(clock: Clock) -> None:
    before = Usage(calls=3, prompt_tokens=500, completion_tokens=50, retries=1)
    whole = Progress(clock)
    whole.take(resumed(80, 4, reasons={"not-utf8": 4}, warnings=2, usage=before))
    assert whole.per_second is None
    assert whole.remaining_seconds is None
    clock.now += 10
    whole.take(LineRejected(line=3, reason="not-utf8", message="m"))
    whole.take(Warned(message="w"))
    whole.take(Warned(message="only now", logged=False))
    whole.take(batch(160, 1))
    whole.take(used(Usage(calls=1, prompt_tokens=100, completion_tokens=10, calls_failed=1)))
    assert whole.tally.outcomes["de", Outcome.IMPROVED] == 40 + 2
    assert whole.tally.decisions[Pass.TRANSLATION, Action.APPLIED] == 40 + 31
    assert whole.tally.repaired["translated-code"] >= 40
    assert whole.tally.open["untranslated-text"] == 20 + 17
    assert whole.rejected == {"not-utf8": 5}
    assert whole.warnings == 3, "what is not logged is not counted"
    assert whole.per_second == pytest.approx(16)
    assert whole.remaining_seconds == pytest.approx((1000 - 84 - 161) / 16.1)
    assert whole.usage == before + Usage(calls=1, prompt_tokens=100, completion_tokens=10, calls_failed=1)


def test_what_is_waited_for_holds_until_something_else_happens(clock: Clock) -> None:
    progress = Progress(clock)
    progress.take(Waiting(what="reading"))
    clock.now += 3
    progress.take(Warned(message="w"))
    assert (progress.waiting, progress.waited_seconds) == ("reading", 3)
    progress.take(Waiting(what="starting"))
    assert (progress.waiting, progress.waited_seconds) == ("starting", 0)
    progress.take(batch())
    assert (progress.waiting, progress.waited_seconds) == ("", 0)


def test_what_is_left_is_told_at_the_speed_of_now(progress: Progress, clock: Clock) -> None:
    assert progress.remaining_seconds is None
    clock.now += 10
    progress.take(batch(records=160))
    assert progress.remaining_seconds == pytest.approx((1000 - 160) / 16)
    progress.take(batch(records=2000))
    assert progress.remaining_seconds == 0, "more than was counted is no negative time"
    unknown = Progress(clock)
    unknown.take(plan(total=None))
    assert unknown.remaining_seconds is None


def test_time_begins_with_the_plan(clock: Clock) -> None:
    started = Progress(clock)
    assert started.seconds == 0
    started.take(Warned(message="w"))
    clock.now += 5
    started.take(plan())
    clock.now += 2
    assert started.seconds == 2


def test_edits_stay_a_while_and_are_few(progress: Progress, clock: Clock) -> None:
    progress.take(batch(edits=tuple(edit(n) for n in range(EDITS_KEPT + 20))))
    assert len(progress.edits) == EDITS_KEPT
    progress.take(batch(edits=(edit(777),)))
    assert progress.edits[-1].record != "de-0777", "too early to be read"
    clock.now += EDITS_STAY
    progress.take(batch(edits=(edit(778),)))
    assert progress.edits[-1].record == "de-0778"
    assert len(progress.edits) == EDITS_KEPT


def test_rejected_lines_and_warnings_are_counted_and_the_last_is_kept(progress: Progress) -> None:
    for line in (3, 7):
        progress.take(LineRejected(line=line, reason="not-json", message=f"line {line}"))
    progress.take(LineRejected(line=9, reason="not-utf8", message="line 9"))
    progress.take(Warned(message="first"))
    progress.take(Warned(message="second"))
    assert progress.rejected == Counter({"not-json": 2, "not-utf8": 1})
    assert progress.latest_rejected is not None
    assert progress.latest_rejected.line == 9
    assert (progress.warnings, progress.latest_warning) == (2, Warned(message="second"))


def test_a_model_is_there_from_the_plan_or_from_its_first_word_on(progress: Progress, clock: Clock) -> None:
    assert not progress.with_model
    assert progress.tokens_per_second_overall == (0.0, 0.0)
    clock.now += 10
    progress.take(used())
    assert progress.with_model
    assert progress.tokens_per_second == (USAGE.prompt_tokens / 10, USAGE.completion_tokens / 10)
    assert progress.tokens_per_second_overall == (1200.0, 388.0)
    planned = Progress(clock)
    planned.take(plan(model=True))
    assert planned.with_model
