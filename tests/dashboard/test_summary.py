"""The first and the last screen: what will happen to the data, and what happened."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
from run_events import Clock, Screen, batch, edit, end, plan, resumed, show, show_in_file

from midb.dashboard.console import Fact, Part, open_terminal
from midb.dashboard.summary import balances, describe_status, draw_plan, draw_quiet_end
from midb.domain.decisions import Outcome
from midb.domain.generations import Usage


def end_of(text: str) -> str:
    """The last screen without the blanks that align it."""
    return "\n".join(re.sub(" +", " ", line).strip() for line in text.splitlines())


@pytest.mark.parametrize("width", [80, 160])
def test_the_end_accounts_for_every_record_and_says_where_everything_is(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    done = batch(rejected=3)
    text = end_of(show_in_file(clock, plan(), done, end(done)))
    assert "language read unchanged improved reverted rejected" in text
    assert "\nde 10 8 2 0" in text
    assert "\nja 10 8 1 1" in text
    assert "\nunreadable 3 3" in text
    assert "\ntotal 163 128 31 1 3" in text
    assert "translated-code 31 –" in text
    assert "untranslated-text – 17" in text
    assert "ledger balances: 163 read = 128 unchanged + 31 improved + 1 reverted + 3 rejected\n" in text
    assert "21 findings left open, for a model or a person" in text
    assert "finished in 0:02:05\n" in text
    assert "\noutput out.jsonl\naudit log out.jsonl.audit.db\nrejected out.jsonl.rejected.jsonl 3 lines\n" in text
    assert text.endswith(
        "next midb-agent audit summary --db out.jsonl.audit.db\nmidb-agent audit show de-0029 --db out.jsonl.audit.db"
    )


@pytest.mark.parametrize(
    ("changes", "loud"),
    [
        ({"read": 162}, "162 read, but 128 unchanged + 31 improved + 1 reverted + 0 rejected = 160 (2 missing)"),
        ({"read": 159}, "159 read, but 128 unchanged + 31 improved + 1 reverted + 0 rejected = 160 (1 too many)"),
        ({"balanced": False}, "160 read and accounted for, but the output does not agree with the audit log"),
    ],
)
def test_a_ledger_that_is_off_is_loud(clock: Clock, changes: dict[str, Any], loud: str) -> None:
    text = show_in_file(clock, plan(), batch(), end(**changes))
    assert f"THE LEDGER DOES NOT BALANCE: {loud}. Do not use this output.\n" in text
    assert "ledger balances" not in text


def test_an_interrupted_run_says_how_to_go_on_in_one_line_that_can_be_copied(clock: Clock) -> None:
    command = f"midb-agent run {'folder/' * 30}corpus.jsonl"
    ended = end(status="interrupted", output="out.jsonl.partial", resume_command=command)
    stream = Screen()
    show(open_terminal(stream), clock, plan(resumed_at=12_000), ended)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert "resuming at record 12,000" in plain
    assert "interrupted after 0:02:05" in plain
    assert "out.jsonl.partial   (not finished)" in plain
    assert f"next       {command}\n" in plain
    finished = show_in_file(clock, plan(), end(resume_command=command))
    assert command not in finished


def test_errors_of_our_own_are_not_hidden(clock: Clock) -> None:
    text = show_in_file(clock, plan(), batch(), end(internal_errors=2))
    assert "2 records hit an internal error and were kept unchanged" in text
    left = {("de", Outcome.UNCHANGED): 2, ("nl", Outcome.UNCHANGED): 1_500, ("sv", Outcome.UNCHANGED): 1}
    shown = show_in_file(clock, plan(), batch(), end(outcomes=left, read=1_503, rejected=0))
    assert (
        "1,501 records are in languages that midb-agent does not know, and left alone: 1,500 Dutch, 1 Swedish" in shown
    )
    assert "does not know" not in show_in_file(clock, plan(), batch(), end())
    taken_over = show_in_file(clock, plan(examined_before=600), batch(), end())
    assert "the first 600 records were examined with another limit; what was decided is taken over" in taken_over
    quiet = show_in_file(clock, plan(), batch(), end(unexamined=2))
    assert "2 records were not examined and stay as they are: no pair was found (reason unexamined)" in quiet
    assert "1 pair took too long and was kept unchanged" in show_in_file(clock, plan(), batch(), end(too_slow=1))
    unusable = show_in_file(clock, plan(model=True), batch(), end(no_usable_reply=1))
    assert "1 pair got no usable reply from the model and was kept unchanged" in unusable
    assert "FAILED after 0:02:05" in show_in_file(clock, end(status="failed"))


def test_paths_and_keys_come_as_one_can_type_them(clock: Clock) -> None:
    done = batch(edits=(edit(1, record="de-1"), edit(2, record="--db; rm -rf ~")))
    text = show_in_file(clock, plan(), done, end(done, database="my runs/día 1.db"))
    command = text.splitlines()[-1].strip()
    assert shlex.split(command) == ["midb-agent", "audit", "show", "de-1", "--db", "my runs/día 1.db"]


def facts(plan_parts: list[Part]) -> dict[str, str]:
    """The labelled lines of a screen."""
    return {part.label: part.text.plain for part in plan_parts if isinstance(part, Fact)}


def test_the_first_screen_says_what_will_happen() -> None:
    assert facts(draw_plan(plan())) == {
        "corpus": "corpora/translated.jsonl   1,000 records, JSON Lines, Alpaca",
        "language": "16 languages, declared in `lang`",
        "passes": "content, translation",
        "engine": "embedded default, no model   2 workers",
        "output": "out.jsonl",
        "audit log": "out.jsonl.audit.db",
        "rejected": "out.jsonl.rejected.jsonl   (only lines that cannot be read)",
    }
    more = facts(draw_plan(plan(total=None, workers=0, resumed_at=5, budget="2h")))
    assert "length unknown" in more["corpus"]
    assert more["engine"].endswith("in this process")
    assert more["budget"] == "2h"
    assert facts(draw_plan(plan(adapters="style for content")))["adapters"] == "style for content"
    assert more["resume"].startswith("resuming at record 5")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"balanced": False}, False),  # by the run's own word
        ({"read": 1}, False),  # counted again
        ({"rejected": 1}, False),
        ({"outcomes": {("de", Outcome.IMPROVED): 160}}, True),
    ],
)
def test_the_ledger_is_counted_again(changes: dict[str, Any], expected: bool) -> None:
    assert balances(end(**changes)) is expected


def test_a_quiet_end_says_only_what_a_person_must_know() -> None:
    assert draw_quiet_end(end()) == []
    parts = draw_quiet_end(end(status="interrupted", resume_command="midb-agent run x", rejected=2, read=162))
    assert facts(parts) == {"rejected": "out.jsonl.rejected.jsonl", "next": "midb-agent run x"}
    assert [part.command for part in parts if isinstance(part, Fact)] == [False, True]


@pytest.mark.parametrize(
    ("status", "said"),
    [("finished", "finished in 0:02:05"), ("interrupted", "interrupted after 0:02:05"), ("failed", "FAILED after")],
)
def test_the_end_says_how_it_came(status: str, said: str) -> None:
    assert describe_status(end(status=status)).plain.startswith(said)


def test_many_kinds_take_two_columns_where_the_terminal_is_narrow(clock: Clock) -> None:
    done = batch(repaired={f"kind-{n}": n + 1 for n in range(12)}, open={})
    text = end_of(show_in_file(clock, plan(), done, end(done)))
    assert "findings repaired open findings repaired open" in text
    assert "kind-11 12 – kind-5 6 –" in text
    assert "no findings" in show_in_file(clock, plan(), end(batch(repaired={}, open={})))


def test_a_name_that_is_no_utf_8_is_shown_by_its_bytes_and_can_be_typed(clock: Clock) -> None:
    name = "d\udce9j\u00e0 vu"
    shown = show_in_file(clock, plan(), end(output=f"{name}.jsonl", database=f"{name}.db"))
    assert "output     d\\xe9j\u00e0 vu.jsonl\n" in shown
    assert "--db $'d\\xe9j\u00e0 vu.db'\n" in shown


def test_the_end_of_a_resumed_run_tells_all_of_it_and_since_when_the_time_counts(clock: Clock) -> None:
    before = Usage(calls=2, prompt_tokens=500, completion_tokens=50)
    went_on = resumed(90, 10, model=True, reasons={"not-utf8": 10}, usage=before)
    usage = Usage(calls=1, prompt_tokens=100, completion_tokens=10)
    ended = end(usage=usage, rejected=10, read=170, reasons={"not-utf8": 10})
    shown = show_in_file(clock, went_on, ended)
    assert "(since it was resumed at record 100)" in shown
    assert "rejected lines: not-utf8 10\n" in shown
    assert "model      3 calls, 600 tokens in, 60 out\n" in shown


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ({"open": {"wrong-language": 1}}, "midb-agent audit find --status open --db out.jsonl.audit.db"),
        ({"open": {}}, "midb-agent audit summary --db out.jsonl.audit.db"),
    ],
)
def test_where_no_record_can_be_named_what_to_type_next_has_no_gap(
    clock: Clock, changes: dict[str, Any], last: str
) -> None:
    shown = show_in_file(clock, plan(), end(**changes))
    assert shown.rstrip().splitlines()[-1].split(maxsplit=0)[0].strip().removeprefix("next").strip() == last


def test_what_reviews_switched_off_is_told_and_many_are_counted(clock: Clock) -> None:
    told = facts(draw_plan(plan(switched_off=("mojibake in de: wrong",))))
    assert told["review"] == "mojibake in de: wrong"
    many = tuple(f"kind {number}\x1b[31m" for number in range(20))
    shown = show_in_file(clock, plan(switched_off=many), batch(), end(switched_off=many))
    assert shown.count("kind 11") == 2
    assert "kind 12" not in shown
    assert "and 8 more, which the audit log names" in shown
    assert "\x1b" not in shown
