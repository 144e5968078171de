"""What verdicts switch off: below the bound, of enough verdicts, and no more of a kind than people spoke against."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from forging import opened
from review_fixtures import candidates_of

from midb.audit.reader import AuditReader
from midb.domain.defects import SwitchedOff, SwitchedPart
from midb.domain.errors import AuditError, UsageError
from midb.review.desk import Desk, Said
from midb.review.switching import Bound, decide_switches, name_reviews, read_decision, weigh_verdicts

BOUND = Bound(0.9, 10)


def say(log: Path, **verdicts: str) -> None:
    """Verdicts of Ana on items of the fixture, by record and kind with _ for the blank."""
    with AuditReader(log) as reader:
        desk = Desk(log, reader.run(1))
    for name, verdict in verdicts.items():
        record, kind = name.split("_", 1)
        said = Said(verdict, "8 km" if verdict == "change" else None)
        desk.say("Ana", candidates_of(log)[f"{record} {kind.replace('_', '-')}"], said)


@pytest.mark.parametrize(
    ("what", "accept", "reject", "change", "part"),
    [
        ("edits", 9, 1, 0, None),  # at the bound
        ("edits", 8, 2, 0, SwitchedPart.REPAIRABLE),
        ("edits", 0, 0, 10, SwitchedPart.REPAIRS),  # there was something to find each time
        ("edits", 5, 1, 4, SwitchedPart.REPAIRS),
        ("edits", 5, 2, 3, SwitchedPart.REPAIRABLE),
        ("edits", 0, 1, 0, None),  # one of one says little
        ("edits", 0, 9, 0, None),
        ("findings", 8, 2, 0, SwitchedPart.FINDINGS),
        ("findings", 0, 0, 10, None),  # a right text says that there was something
        ("model edits", 8, 1, 1, SwitchedPart.REWRITES),
    ],
)
def test_what_is_switched_off(what: str, accept: int, reject: int, change: int, part: SwitchedPart | None) -> None:
    engine = "model 1" if what == "model edits" else ""
    verdicts = {"accept": accept, "reject": reject, "change": change}
    found = weigh_verdicts({("mojibake", "de", what, engine): verdicts}, BOUND)
    assert found.off == (frozenset() if part is None else {SwitchedOff("mojibake", "de", part, engine)})
    told = " ".join(found.explain(engine))
    if part is None:
        assert "nothing: no kind is below 90 % right in 10 or more verdicts" in told
        assert ("too few to tell" in told) is (accept < 9 and not change)
    else:
        assert f" of 10 reviewed {what} right" in told
        assert "interval" in told


def test_one_language_says_nothing_of_another_and_one_model_nothing_of_another() -> None:
    wrong = {"reject": 10}
    found = weigh_verdicts(
        {
            ("mojibake", "de", "edits", ""): wrong,
            ("mojibake", "tr", "edits", ""): {"accept": 10},
            ("content-rewrite", "de", "model edits", "model 1"): wrong,
        },
        BOUND,
    )
    assert {one.language for one in found.off} == {"de"}
    assert {one.kind for one in found.choose("model 1")} == {"mojibake", "content-rewrite"}
    assert {one.kind for one in found.choose("model 2")} == {"mojibake"}
    assert "content-rewrite" not in " ".join(found.explain("model 2")), "nobody is told of what is not so here"
    assert found.describe()["off"] == ["content-rewrite de rewrites model 1", "mojibake de repairable"]


def test_verdicts_are_read_from_the_log(log: Path) -> None:
    say(
        log,
        one_mojibake="reject",
        hostile_mojibake="reject",
        open_imperial_unit="reject",
        two_decimal_separator="accept",
    )
    found = decide_switches([log], Bound(0.9, 1))
    assert found.off == {
        SwitchedOff("mojibake", "de", SwitchedPart.REPAIRABLE),
        SwitchedOff("imperial-unit", "de", SwitchedPart.FINDINGS),
    }
    assert decide_switches([log], BOUND).off == frozenset()
    say(log, one_mojibake="withdraw", hostile_mojibake="accept")
    assert {one.kind for one in decide_switches([log], Bound(0.9, 1)).off} == {"imperial-unit"}, "the last word counts"


def test_a_copy_of_a_log_counts_once(log: Path, tmp_path: Path) -> None:
    say(log, one_mojibake="reject")
    copy = Path(shutil.copy(log, tmp_path / "copy.db"))
    assert decide_switches([log, copy], Bound(0.9, 2)).off == frozenset()
    assert name_reviews([log, copy]) == name_reviews([log])


def test_a_log_without_verdicts_or_one_that_was_changed_is_refused(log: Path) -> None:
    with pytest.raises(UsageError, match="nobody has reviewed anything"):
        name_reviews([log])
    say(log, one_mojibake="reject")
    with opened(log) as connection:
        connection.execute("UPDATE verdicts SET verdict = 'accept'")
    with pytest.raises(AuditError, match="was changed: verdicts"):
        decide_switches([log], BOUND)


def test_a_decision_in_a_file_is_the_same_decision(tmp_path: Path, log: Path) -> None:
    counted = {
        ("mojibake", "de", "edits", ""): {"reject": 12},
        ("content", "it", "model edits", "model 1 + adapter a"): {"reject": 10},
        ("mojibake", "fr", "edits", ""): {"reject": 2},
    }
    decided = weigh_verdicts(counted, BOUND, ("one", "two"))
    path = tmp_path / "reviews.json"
    path.write_bytes(decided.as_json())
    read = read_decision(path)
    assert read is not None
    assert read.describe() == decided.describe()
    for engine in ("", "model 1", "model 1 + adapter a"):
        assert read.choose(engine) == decided.choose(engine)
        assert read.explain(engine) == decided.explain(engine)
    assert read_decision(log) is None
    assert read_decision(tmp_path / "nothing") is None


@pytest.mark.parametrize("content", ["{}", '{"form": "midb-agent reviews 1"}', '{"form": "another"}', "{"])
def test_what_is_no_whole_decision_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "reviews.json"
    path.write_text(content)
    with pytest.raises(UsageError, match="does not say what reviews switched off"):
        read_decision(path)
