"""A run as JSON: the names are a promise, and each of them is documented."""

from __future__ import annotations

import inspect
import io
import json
import re
from typing import get_args

import pytest
from run_events import USAGE, batch, end, plan, used

from midb.dashboard.json_events import JsonEvents, Told, to_json
from midb.domain.decisions import Outcome
from midb.domain.events import Event, LineRejected, ShardSeen, ShardsSeen, Waiting, Warned

USAGE_NAMES = (
    "calls reused prompt_tokens completion_tokens cached_tokens drafted accepted steps retries attempts_failed "
    "calls_failed"
)

#: Fixed: scripts rely on them.
JSON_NAMES = {
    "plan": "corpus total format layout language passes engine adapters output database rejected_path workers "
    "resumed_at examined_before model budget behind switched_off cluster",
    "batch": "records pairs unchanged improved reverted rejected languages passes repaired open edits",
    "usage": f"{USAGE_NAMES} passes in_flight calls_in_flight tokens_in_flight ahead seconds budget_left",
    "rejected": "line reason message",
    "warning": "message logged",
    "end": "status read unchanged improved reverted rejected balanced languages repaired open output database "
    "rejected_path internal_errors too_slow no_usable_reply unexamined reasons seconds resume_command "
    "usage head switched_off",
}


def test_json_events_have_the_names_they_promise() -> None:
    stream = io.StringIO()
    sent: list[Event] = [
        plan(), LineRejected(line=2, reason="r", message="m"), Warned(message="w"), batch(rejected=1),
        used(), end(usage=USAGE),
    ]  # fmt: skip
    with JsonEvents(stream) as events:
        for event in sent:
            events.handle(event)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["plan", "rejected", "warning", "batch", "usage", "end"]
    for line in lines:
        assert set(line) == set(JSON_NAMES[line["event"]].split()) | {"event"}
    assert lines[3]["improved"] == 31
    assert lines[3]["languages"]["ja"] == {"unchanged": 8, "improved": 1, "reverted": 1}
    assert lines[3]["passes"]["translation"] == {"skipped": 8, "applied": 31, "rejected": 1}
    assert lines[3]["edits"][1]["record"] == "de-0001"
    assert set(lines[4]["passes"]["translation"]) == set(lines[5]["usage"]) == set(USAGE_NAMES.split())
    assert lines[4]["completion_tokens"] == lines[4]["passes"]["translation"]["completion_tokens"] == 388_000
    assert lines[5]["languages"]["it"][Outcome.IMPROVED] == 2


#: One event of each kind, with the names it has.
SENT: dict[str, Told] = {
    "plan": plan(),
    "batch": batch(rejected=1),
    "usage": used(),
    "rejected": LineRejected(line=2, reason="r", message="m"),
    "warning": Warned(message="w"),
    "shards": ShardsSeen(
        shards=(ShardSeen(number=1, state="running", host="h", attempts=1, done=2, total=3),),
    ),
    "end": end(usage=USAGE),
}


def documented(event: str) -> str:
    """What the class says of an event: the text behind its bullet."""
    text = inspect.getdoc(JsonEvents) or ""
    found = re.search(rf"^- ``{event}``(.*?)(?=^- ``|^\S)", text, re.DOTALL | re.MULTILINE)
    assert found, event
    return found[1]


@pytest.mark.parametrize("event", SENT)
def test_every_name_is_documented(event: str) -> None:
    said = documented(event)
    values = to_json(SENT[event])
    assert values["event"] == event
    for name in values.keys() - {"event"}:
        assert re.search(rf"\b{name}\b", said), f"{event} says nothing of {name}"
    for name in values["edits"][0] if event == "batch" else ():
        assert re.search(rf"\b{name}\b", said)


def test_every_kind_of_event_is_documented() -> None:
    assert {type(event) for event in SENT.values()} == set(get_args(Event)) - {Waiting}


def test_an_edit_says_its_pass_under_both_names() -> None:
    (edit, *_) = to_json(batch())["edits"]
    assert edit["pass"] == edit["station"] == "translation"
    assert "pass_" not in edit


def test_an_outcome_of_a_revert_has_no_place_in_a_run() -> None:
    """The names of the ledger are fixed: what a person undoes is no part of a run."""
    assert "undone" not in to_json(end())
    assert set(to_json(batch())["languages"]["de"]) == {"unchanged", "improved", "reverted"}


def test_each_line_is_sent_at_once_in_plain_ascii() -> None:
    class Watched(io.StringIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    stream = Watched()
    with JsonEvents(stream) as events:
        sent: list[Event] = [Warned(message="ä\n\x1b[2J日"), plan()]
        for number, event in enumerate(sent, start=1):
            events.handle(event)
            assert (stream.getvalue().count("\n"), stream.flushed) == (number, number)
    assert stream.getvalue().isascii()
    assert json.loads(stream.getvalue().splitlines()[0])["message"] == "ä\n\x1b[2J日"
