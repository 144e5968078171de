"""`midb-agent audit` on a log full of hostile texts in nine languages: what an auditor sees."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest
from log_fixtures import AuditCommand, Tamper

#: Nothing of this may reach a terminal. Isolates are ours and checked apart.
STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\ufeff]")

COMMANDS = [
    ["show", "#8"], ["show", "#8", "--full"], ["show", "#8", "--json"], ["find"], ["find", "--json"], ["diff"],
    ["summary"], ["summary", "--json"], ["export", "--format", "jsonl", "--what", "findings"],
    ["find", "--text", "drop table"], ["show", "\x1b[31mx"], ["find", "--kind", "\x1b[31m"],
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_nothing_in_a_log_steers_the_terminal(words: list[str], call: AuditCommand) -> None:
    called = call(*words, "--run", 1)
    shown = called.out + called.err
    assert shown
    assert not STEERING.search(shown)
    for line in shown.splitlines():
        assert line.count("\u2068") == line.count("\u2069")
        assert "\u2066" not in line


def test_markup_is_ordinary_text(call: AuditCommand) -> None:
    assert "[red]x[/red]" in call("show", "#8", "--run", 1).out


def test_verify_names_what_was_changed_and_exits_with_1(call: AuditCommand, tampered: Tamper) -> None:
    called = call("verify", db=tampered("UPDATE edits SET after = after || '!' WHERE decision_id = 17"))
    assert called.code == 1
    assert "edits (17/0)" in called.out
    assert not STEERING.search(called.out)
    told = orjson.loads(call("verify", "--json", db=tampered("DELETE FROM records WHERE id = 5")).out)
    assert told["intact"] is False
    assert any(problem["table"] == "records" for problem in told["problems"])


def test_verify_says_what_was_proved(call: AuditCommand) -> None:
    called = call("verify")
    assert called.code == 0
    for told in ("13 records, 25 decisions, 12 edits replayed", "interrupted", "is intact"):
        assert told in called.out
    runs = orjson.loads(call("verify", "--json").out)["runs"]
    assert call("verify", "--head", runs[0]["head"]).code == 0
    assert call("verify", "--head", runs[0]["head"][::-1]).code == 1


def lines(call: AuditCommand, record: str) -> list[str]:
    """What `audit show` prints of a record of run 1."""
    called = call("show", record, "--run", 1)
    assert called.code == 0
    return [line.rstrip() for line in called.out.splitlines()]


def test_show_reads_like_a_story(call: AuditCommand) -> None:
    assert lines(call, "de-0417")[:-1] == [
        "de-0417 · de · improved · 2 edits · line 1 · verified: hashes and replay agree",
        " ① translation / translated-code   critical   response 0-4   code block differs",
        "       [wenn] → [if] (20 > 18): Der Wert ist 2.5…",
        " ② localization / decimal-separator   minor   response 27-30   de writes a comma",
        "       if (20 > 18): Der Wert ist [2.5] → [2,5] Meter. Thanksgiving!",
        " ○ open culture-bound-reference   minor   response 38-50   a US holiday",
        "       …8): Der Wert ist 2,5 Meter. [Thanksgiving]!",
        " trail   diagnose → translation (applied) → localization (applied) → verify (accepted) → record",
    ]


def test_right_to_left_text_gets_lines_of_its_own(call: AuditCommand) -> None:
    shown = lines(call, "ar-1")
    assert "     - \u2068السعر هو [2.5] دولار ؟ شكرا لك\u2069" in shown
    assert "     + \u2068السعر هو [2٫5] دولار ؟ شكرا لك\u2069" in shown


def test_languages_without_blanks_are_shown_by_clusters(call: AuditCommand) -> None:
    assert "       東京は日本の首都で[␣、] → [、]人口は1400万人です[␣。] → [。]" in lines(call, "ja-1")


def test_what_was_taken_back_says_why(call: AuditCommand) -> None:
    shown = "\n".join(lines(call, "ru-1"))
    assert "✗ localization   taken back: number-changed   response: numbers differ: -20, +18" in shown
    assert "Ей 20 [лет ,] → [лет,] а ему 30 ." in shown
    assert "undo" not in shown


def test_what_a_verification_took_back_is_no_edit(call: AuditCommand) -> None:
    shown = lines(call, "el-1")
    assert shown[0].startswith("el-1 · el · improved · 1 edit ·")
    assert " ✗ content   taken back: by the verification below" in shown
    assert any(line.startswith(" ① content / false-equation") for line in shown)


def test_turns_of_a_conversation_are_told_apart(call: AuditCommand) -> None:
    shown = "\n".join(lines(call, "tr-1"))
    assert "turn 2 response 4-7" in shown
    assert "(turn 1) diagnose → route (nothing-found) → record" in shown


def test_records_with_one_id_are_all_shown(call: AuditCommand) -> None:
    shown = "\n".join(lines(call, "twice"))
    assert "(#11)" in shown
    assert "(#12)" in shown
    assert "--record '#11'" in shown, "undo means this one"


def test_a_hostile_id_is_undone_by_position(call: AuditCommand) -> None:
    assert "midb-agent revert --record '#8'" in "\n".join(lines(call, "#8"))


def test_a_changed_record_says_so(call: AuditCommand, tampered: Tamper) -> None:
    called = call("show", "th-1", "--run", 1, db=tampered("UPDATE edits SET before = '<hr>' WHERE before = '<br>'"))
    assert "DOES NOT AGREE" in called.out
    assert "[<hr>] → [⏎]" in called.out, "what the log says is shown even where it does not fit the text"


def test_show_full_shows_the_whole_text(call: AuditCommand) -> None:
    assert "กรุงเทพมหานครเป็นเมืองหลวง" in call("show", "th-1", "--run", 1, "--full").out
    assert "กรุงเทพมหานครเป็นเมืองหลวง" not in call("show", "th-1", "--run", 1).out


def test_show_as_json(call: AuditCommand) -> None:
    told = [orjson.loads(line) for line in call("show", "twice", "--run", 1, "--json").out.splitlines()]
    assert [record["position"] for record in told] == [11, 12]
    assert told[0]["original"] == [["?", None, "xx yy"]]
    assert told[0]["final"] == [["?", None, "xx zz"]]
    assert told[0]["problems"] == []


def test_find_counts_what_it_does_not_show(call: AuditCommand) -> None:
    called = call("find", "--run", 1, "--limit", 2)
    assert "13 records; the first 2 are shown, --limit 13 shows all" in called.out
    assert "ar-1" not in called.out
    assert call("find", "--run", 1, "--text", "nowhere").out == "0 records\n"


def test_find_shows_why(call: AuditCommand) -> None:
    row = next(
        line
        for line in call("find", "--run", 1, "--kind", "space-before-punctuation").out.splitlines()
        if "ru-1" in line
    )
    assert "space-before-punctuation (taken back) [ ,] → [,]" in row
    assert "space-before-punctuation (open) seen" in row


def test_summary_sums_up(call: AuditCommand) -> None:
    told = orjson.loads(call("summary", "--run", 1, "--json").out)
    assert sum(row[2] for row in told["ledger"]) == 13
    assert ["not-json", 1, 4] in told["rejected"]
    assert len(told["events"]) == 2
    shown = call("summary", "--run", 1).out
    assert re.search(r"total +15 +3 +9 +1 +2", shown)
    assert re.search(r"false-equation +content +1 +1", shown)


def test_diff_between_runs(call: AuditCommand) -> None:
    out = call("diff", "--run", 2, "--against", 1).out
    assert "[2,5] → [2.5]" in out
    assert "1 of the 3 records of both came out differently in run 2 (+) and 1 (-)" in out


def test_the_only_log_here_is_meant(
    call: AuditCommand, finished_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("verify", db=None).code == 2
    (tmp_path / "one.audit.db").write_bytes(finished_log.read_bytes())
    assert call("verify", db=None).code == 0
    (tmp_path / "two.audit.db").touch()
    refused = call("verify", db=None)
    assert (refused.code, "one.audit.db" in refused.err) == (2, True)
