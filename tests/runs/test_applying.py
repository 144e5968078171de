"""What a review said is done: edits go, people's texts come, the rest stays byte for byte, and the log proves it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from review_fixtures import RECORDS, candidates_of

from midb.audit.proof.verify import verify
from midb.audit.reader import AuditReader
from midb.audit.verdicts import find_standing
from midb.review.desk import Desk, Said
from midb.runs.applying import ReviewCorrections, correct_pairs

Apply = Callable[..., dict[str, str]]


def say(log: Path, **verdicts: Said) -> None:
    """Say something of records, by ids with the kind behind two underscores."""
    with AuditReader(log) as reader:
        desk = Desk(log, reader.run(1))
    for name, said in verdicts.items():
        desk.say("Ana", candidates_of(log)[name.replace("__", " ").replace("_", "-")], said)


@pytest.fixture
def apply(cli: Callable[..., Any], log: Path) -> Apply:
    """Give verdicts and apply them; returns the responses by record."""

    def call(**verdicts: Said) -> dict[str, str]:
        say(log, **verdicts)
        done = cli("apply", "--db", log, "-o", log.with_name("reviewed.jsonl"))
        assert done.code == 0, done.err
        proof = verify(log)
        assert proof.problems == []
        assert cli("audit", "verify", "--db", log).code == 0
        lines = log.with_name("reviewed.jsonl").read_text(encoding="utf-8").splitlines()
        return {line["id"]: line["output"] for line in map(json.loads, lines)}

    return call


def boosted(log: Path) -> dict[str, str]:
    lines = log.with_name("c.boosted.jsonl").read_text(encoding="utf-8").splitlines()
    return {line["id"]: line["output"] for line in map(json.loads, lines)}


def test_rejected_edits_go_and_all_else_stays(apply: Apply, log: Path) -> None:
    found = apply(
        one__mojibake=Said("reject"), quotes__quotation_marks=Said("reject"), two__decimal_separator=Said("accept")
    )
    before = {record["id"]: record["output"] for record in RECORDS}
    assert found == boosted(log) | {name: before[name] for name in ("one", "quotes")}


def test_right_texts_come_in_the_place_of_edits_and_findings(apply: Apply, log: Path) -> None:
    found = apply(
        two__decimal_separator=Said("change", " Komma "), open__imperial_unit=Said("change", "8 km"),
        one__mojibake=Said("change", "Toll,"),
    )  # fmt: skip
    assert found == boosted(log) | {
        "two": "Der Turm ist 3 Komma 5 Meter hoch, das Haus {size} Meter.",
        "open": "Es sind 8 km bis zum See.",
        "one": "Toll, dich zu sehen.",
    }


def test_the_log_says_who_wanted_it(apply: Apply, log: Path, ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    apply(one__mojibake=Said("reject"), open__imperial_unit=Said("change", "8 km"))
    assert ask(log, "SELECT kind, status, parent_run FROM runs WHERE kind = 'apply'") == [("apply", "finished", 1)]
    sql = 'SELECT d."pass", d.reason, d.detail FROM decisions d JOIN records r ON r.id = d.record_id WHERE r.run_id = 3'
    assert set(ask(log, sql)) == {
        ("review", "reviewed", "reviewed by Ana: e-1-0"), ("review", "reviewed", "reviewed by Ana: f-4"),
    }  # fmt: skip
    outcomes = ask(log, "SELECT outcome, count(*) FROM records WHERE run_id = 3 GROUP BY 1 ORDER BY 1")
    assert outcomes == [("corrected", 2), ("unchanged", 4)]


def test_the_last_word_counts(apply: Apply, log: Path) -> None:
    say(log, one__mojibake=Said("reject"), two__decimal_separator=Said("reject"))
    say(log, one__mojibake=Said("accept"))
    assert (
        apply(two__decimal_separator=Said("withdraw"), open__imperial_unit=Said("change", "8 km"))["one"]
        == "Schön, dich zu sehen."
    )


def test_nothing_to_do_is_said_and_leaves_nothing(cli: Callable[..., Any], log: Path) -> None:
    say(log, one__mojibake=Said("accept"), open__imperial_unit=Said("reject"))
    before = log.read_bytes()
    refused = cli("apply", "--db", log, "-o", log.with_name("reviewed.jsonl"))
    assert refused.code == 2
    assert "no verdict on run 1 changes anything" in refused.err
    assert not log.with_name("reviewed.jsonl").exists()
    assert log.read_bytes() == before


def test_a_second_review_goes_on_from_the_same_run(apply: Apply, log: Path, cli: Callable[..., Any]) -> None:
    apply(one__mojibake=Said("reject"))
    say(log, one__mojibake=Said("accept"), two__decimal_separator=Said("reject"))
    done = cli("apply", "--db", log, "-o", log.with_name("again.jsonl"))
    assert done.code == 0, done.err
    assert verify(log).problems == []
    lines = log.with_name("again.jsonl").read_text(encoding="utf-8").splitlines()
    found = {line["id"]: line["output"] for line in map(json.loads, lines)}
    assert (found["one"], found["two"][:16]) == ("Schön, dich zu sehen.", "Der Turm ist 3.5")


def test_pairs_are_corrected_from_the_log_alone_as_in_the_corpus(apply: Apply, log: Path) -> None:
    found = apply(
        two__decimal_separator=Said("change", ";"),
        hostile__mojibake=Said("reject"),
        open__imperial_unit=Said("change", "8 km"),
    )
    with AuditReader(log) as reader:
        corrections = ReviewCorrections.of(find_standing(reader, 1))
        told = {
            row.record_key: correct_pairs(reader.parts(row), corrections)
            for row in reader.records("r.run_id = 1 AND r.original_text IS NOT NULL", [])
        }
    originals = {record["id"]: record["output"] for record in RECORDS}
    for name, ((before, after),) in told.items():
        assert (before.response, after.response) == (originals[name], found[name])


def test_an_edit_that_others_build_on_is_undone_and_told(cli: Callable[..., Any], tmp_path: Path) -> None:
    """Its right text has no place of its own any more."""
    from small_runs import write_lines

    record = {
        "id": "mean", "instruction": "Berechne den Mittelwert der Zahlen 2,3,7,1", "output": "3.5",
        "source": {"instruction": "Calculate the mean of the numbers 2,3,7,1", "output": "3.5"},
    }  # fmt: skip
    corpus = write_lines(tmp_path / "m.jsonl", record)
    assert cli("run", corpus, "--language", "de", "--trust-language", "--quiet").code == 0
    log = tmp_path / "m.boosted.jsonl.audit.db"
    found = candidates_of(log)
    assert set(found) == {"mean decimal-separator", "mean wrong-answer"}, "the second corrects what the first wrote"
    say(log, mean__decimal_separator=Said("change", "'"))
    done = cli("apply", "--db", log, "-o", tmp_path / "reviewed.jsonl")
    assert done.code == 0, done.err
    assert "has no place of its own any more" in done.err
    assert "1 undone, 0 with a person's own text; 1 more undone because they built on others" in done.err
    assert json.loads((tmp_path / "reviewed.jsonl").read_bytes()) == record
    assert verify(log).problems == []


def responses(path: Path) -> dict[str, str]:
    return {line["id"]: line["output"] for line in map(json.loads, path.read_text(encoding="utf-8").splitlines())}


def call(cli: Callable[..., Any], log: Path, command: str, name: str, *words: object) -> tuple[dict[str, str], str]:
    """Write a corpus; the log must prove every output afterwards."""
    done = cli(command, "--db", log, "-o", log.with_name(name), *words)
    assert done.code == 0, done.err
    assert verify(log).problems == []
    assert "CHANGED" not in (proof := cli("audit", "verify", "--db", log).out), proof
    return responses(log.with_name(name)), done.err


def test_verdicts_are_carried_out_on_what_was_left_undone(cli: Callable[..., Any], log: Path) -> None:
    """What a revert undid before stays undone, and places are followed to where they are now."""
    say(log, one__mojibake=Said("reject"), open__imperial_unit=Said("change", "8 km"))
    call(cli, log, "revert", "less.jsonl", "--kind", "decimal-separator")
    found, said = call(cli, log, "apply", "reviewed.jsonl")
    originals = {record["id"]: record["output"] for record in RECORDS}
    assert found == boosted(log) | {
        "one": originals["one"], "two": originals["two"], "open": "Es sind 8 km bis zum See.",
    }  # fmt: skip
    assert "from     run 3 (a revert): what was undone there stays undone" in said
    found, said = call(cli, log, "apply", "of-the-run.jsonl", "--run", 1)
    assert found["two"] == boosted(log)["two"]


def test_a_right_text_of_what_was_undone_before_is_told(cli: Callable[..., Any], log: Path) -> None:
    say(log, two__decimal_separator=Said("change", "|"), one__mojibake=Said("reject"))
    call(cli, log, "revert", "less.jsonl", "--kind", "decimal-separator")
    found, said = call(cli, log, "apply", "reviewed.jsonl")
    assert found["two"] == {record["id"]: record["output"] for record in RECORDS}["two"]
    assert "has no place of its own any more (other edits build on it, or it was undone before)" in said
    assert "1 undone, 0 with a person's own text" in said


def test_what_people_wanted_can_be_undone_and_the_rest_goes_on(cli: Callable[..., Any], log: Path) -> None:
    say(log, two__decimal_separator=Said("change", "|"), one__mojibake=Said("reject"))
    reviewed, _ = call(cli, log, "apply", "reviewed.jsonl")
    originals = {record["id"]: record["output"] for record in RECORDS}
    assert "3|5" in reviewed["two"]
    found, _ = call(cli, log, "revert", "less.jsonl", "--kind", "quotation-marks")
    assert found == reviewed | {"quotes": originals["quotes"]}, "it starts from what was done of the review"
    found, said = call(cli, log, "revert", "back.jsonl", "--pass", "review")
    assert found == boosted(log) | {"quotes": originals["quotes"]}
    assert "2 edits stand again" in said
    found, _ = call(cli, log, "revert", "all.jsonl", "--pass", "revert")
    assert found == reviewed, "undone, what was undone comes back, people's texts as well"
    shown = cli("audit", "show", "two", "--run", 1, "--db", log).out
    assert "put people's own text as e-" in shown
    refused = cli("apply", "--db", log, "-o", log.with_name("no.jsonl"), "--run", 4)
    assert refused.code == 2
    assert "run 4 has verdicts carried out already" in refused.err
    assert "--run 1" in refused.err
    again, said = call(cli, log, "apply", "again.jsonl")
    assert again == reviewed
    assert "from     run 1\n" in said, "reverts behind an earlier apply are not gone on from"


def test_only_verdicts_on_what_fits_are_carried_out(cli: Callable[..., Any], log: Path) -> None:
    say(
        log,
        two__decimal_separator=Said("reject"),
        one__mojibake=Said("reject"),
        open__imperial_unit=Said("change", "8 km"),
    )
    originals = {record["id"]: record["output"] for record in RECORDS}
    found, _ = call(cli, log, "apply", "one.jsonl", "--kind", "mojibake", "--kind", "imperial-unit")
    assert found == boosted(log) | {"one": originals["one"], "open": "Es sind 8 km bis zum See."}
    found, _ = call(cli, log, "apply", "two.jsonl", "--record", "two")
    assert found == boosted(log) | {"two": originals["two"]}
    refused = cli("apply", "--db", log, "-o", log.with_name("no.jsonl"), "--language", "tr")
    assert refused.code == 2
    assert "nothing in run 1 fits: language tr" in refused.err
