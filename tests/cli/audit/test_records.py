"""`audit show` and `diff` on a log in nine languages: what an auditor reads of one record."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from log_fixtures import AuditCommand, Tamper, now

from midb.audit.rows import DecisionRow
from midb.cli.audit.records import describe_trail


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
        " named   ① e-1-0   ② e-2-0   ○ f-3",
        " checks  translation, localization, verification: which ones, the log does not say",
        f"         by midb-agent of an unknown version in run 1, {now()} to {now()}",
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


def test_diff_between_runs(call: AuditCommand) -> None:
    out = call("diff", "--run", 2, "--against", 1).out
    assert "[2,5] → [2.5]" in out
    assert "model calls  tokens" in out, "one of them asked a model"
    assert "1 of the 3 records of both came out differently in run 2 (+) and run 1 (-)" in out


def test_a_record_that_a_person_changed_says_so(call: AuditCommand, undone_log: Path) -> None:
    shown = call("show", "de-0417", "--run", 3, db=undone_log).out.splitlines()
    assert shown[0] == "de-0417 · de · undone · 1 edit · line 1 · verified: hashes and replay agree"
    assert shown[-2] == " trail   undone by request (kind decimal-separator)", "it went through no pass"
    assert shown[-1].startswith(" undo    midb-agent revert --edit e-"), "what it undid can stand again"


def test_diff_shows_edits_that_stand_and_no_others(call: AuditCommand) -> None:
    out = call("diff", "--run", 1, "--kind", "false-equation").out
    assert "Καλημέρα[.] → [!]" in out or "[Καλημέρα.] → [Καλημέρα!]" in out
    assert "Αθήνα[;]" not in out
    assert out.endswith("1 changed record\n")
    assert call("diff", "--run", 1, "--limit", 2).out.endswith(
        "9 changed records; the first 2 are shown, --limit 9 shows all\n"
    )


def decision(pass_: str, action: str, reason: str = "repaired", **more: object) -> DecisionRow:
    """A decision as it stands in the log."""
    values: dict[str, object] = {
        "id": 1, "record_id": 1, "pair": 0, "pass_": pass_, "attempt": 1, "action": action, "reason": reason,
        "detail": "", "before_hash": "", "after_hash": "", "prompt_hash": None, "generation_id": None,
        "previous_hash": "", "hash": "",
    }  # fmt: skip
    return DecisionRow(**values | more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ([], "diagnose → record"),
        ([decision("route", "skipped", "nothing-found")], "diagnose → route (nothing-found) → record"),
        (
            [decision("content", "rejected", "number-changed"), decision("content", "applied", attempt=2)],
            "diagnose → content (taken back: number-changed) → content (applied, attempt 2) → record",
        ),
        (
            [decision("translation", "applied"), decision("verification", "rejected", "not-idempotent")],
            "diagnose → translation (applied) → verify (taken back: not-idempotent) → record",
        ),
        ([decision("revert", "applied", detail="kind mojibake")], "undone by request (kind mojibake)"),
        ([decision("con\x1b[2Jtent", "applied")], "diagnose → con␛[2Jtent (applied) → record"),
    ],
)
def test_the_trail_says_how_each_pass_ended(decisions: list[DecisionRow], expected: str) -> None:
    assert describe_trail(decisions) == expected
