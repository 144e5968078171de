"""`midb-agent audit` and `revert`, on the log of a real run over the examples."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_fixtures import Cli
from log_fixtures import AuditCommand

from midb.cli.audit.commands import name_logs

ROOT = Path(__file__).resolve().parents[3]
DB = "c.boosted.jsonl.audit.db"

#: Asks a database by plain SQL.
Ask = Callable[[Path, str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def boosted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples and everything a run over them leaves."""
    from midb.cli.main import main

    folder = tmp_path_factory.mktemp("boosted")
    shutil.copy(ROOT / "examples" / "corpus.jsonl", folder / "c.jsonl")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["run", "c.jsonl", "--quiet"]) == 0
    return folder


@pytest.fixture
def audit(cli: Cli, boosted: Path, tmp_path: Path) -> Cli:
    """Call a command in a copy of that folder."""
    shutil.copytree(boosted, tmp_path, dirs_exist_ok=True)
    return cli


def test_show_tells_what_changed_why_and_how_to_undo_it(audit: Cli) -> None:
    shown = audit("audit", "show", "de-004")
    assert shown.code == 0
    for text in ("de-004 · de · improved", "translated-code", "critical", "[wenn]", "[if]", "verify (accepted)",
                 "midb-agent revert --record de-004"):  # fmt: skip
        assert text in shown.out
    told = json.loads(audit("audit", "show", "de-004", "--json").out)
    assert told["outcome"] == "improved"
    assert {edit["after"] for decision in told["decisions"] for edit in decision["edits"]} == {"if", "else"}


def test_show_by_position_and_unknown_ids(audit: Cli) -> None:
    assert "it-001" in audit("audit", "show", "#0").out
    unknown = audit("audit", "show", "de-0044")
    assert unknown.code == 2
    assert "de-004" in unknown.err


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--kind", "translated-code"], {"es-005", "de-004", "pt-008", "cs-007", "vi-010"}),
        (["--kind", "wrong-language", "--status", "open"], {"it-003", "ko-012", "vi-006"}),
        (["--language", "fr", "--outcome", "improved", "--pass", "localization"], {"fr-009"}),
        (["--text", "CHAMBORD"], {"fr-003"}),
        (["--text", "%"], None),
    ],
)
def test_find(audit: Cli, filters: list[str], expected: set[str] | None) -> None:
    found = audit("audit", "find", *filters, "--json", "--limit", 200)
    ids = {json.loads(line)["record"] for line in found.out.splitlines()}
    if expected is None:  # a wildcard of SQL is an ordinary character here
        labelled = [json.loads(line) for line in Path("c.jsonl").read_text(encoding="utf-8").splitlines()]
        assert 0 < len(ids) < len(labelled)
    elif "wrong-language" in filters:
        assert len(ids) == len(expected)
    else:
        assert ids == expected


def test_find_names_the_nearest_word(audit: Cli) -> None:
    for option, word, nearest in (("--kind", "mojibak", "mojibake"), ("--outcome", "improvd", "improved")):
        called = audit("audit", "find", option, word)
        assert called.code == 2
        assert f"Did you mean {nearest}?" in called.err


def test_diff_and_summary_read_well(audit: Cli) -> None:
    diff = audit("audit", "diff", "--kind", "decimal-separator", "--limit", 100).out
    assert "[3.5]" in diff
    assert "[3,5]" in diff
    assert "leaked-markup" not in diff
    summary = audit("audit", "summary").out
    for text in ("total", "repaired", "mojibake", "open", "untranslated-text"):
        assert text in summary
    told = json.loads(audit("audit", "summary", "--json").out)
    assert sum(count for _, _, count in told["ledger"]) == 192


def test_export_is_exact_as_json_and_complete_as_csv(audit: Cli, ask: Ask) -> None:
    (edits,) = ask(Path(DB), "SELECT count(*) FROM edits")[0]
    lines = audit("audit", "export", "--format", "jsonl", "--what", "edits").out.splitlines()
    table = list(
        csv.DictReader(io.StringIO(audit("audit", "export", "--format", "csv", "--what", "edits").out, newline=""))
    )
    assert len(lines) == len(table) == edits
    assert json.loads(lines[0])["kind"] == table[0]["kind"]
    assert audit("audit", "export", "-o", "edits.csv").code == 0
    assert audit("audit", "export", "-o", "edits.csv").code == 2, "an export never replaces a file unasked"
    assert audit("audit", "export", "-o", "edits.csv", "--force").code == 0


def test_the_log_is_found_in_its_folder_or_asked_for(audit: Cli) -> None:
    assert audit("audit", "verify").code == 0
    shutil.copy(DB, "second.audit.db")
    called = audit("audit", "verify")
    assert called.code == 2
    assert "Name it with --db" in called.err


def test_verify_notices_a_changed_byte(audit: Cli) -> None:
    import sqlite3

    head = json.loads(audit("audit", "verify", "--json").out)["runs"][0]["head"]
    assert audit("audit", "verify", "--head", head).code == 0
    assert audit("audit", "verify", "--head", "0" * 64).code == 1
    connection = sqlite3.connect(DB)
    connection.execute("UPDATE findings SET evidence = evidence || ' ' WHERE id = 3")
    connection.commit()
    connection.close()
    called = audit("audit", "verify")
    assert called.code == 1
    assert "findings" in called.out or "records" in called.out


def texts(path: str) -> dict[str, str]:
    return {json.loads(line)["id"]: line for line in Path(path).read_text(encoding="utf-8").split("\n") if line}


def test_revert_undoes_what_is_named_and_nothing_else(audit: Cli, ask: Ask) -> None:
    called = audit("revert", "--kind", "decimal-separator", "--language", "it", "--language", "es", "-o", "less.jsonl")
    assert called.code == 0, called.err
    first, second, *_ = called.err.splitlines()
    found = re.fullmatch(r"192 read = (\d+) unchanged \+ (\d+) undone \+ 0 rejected", first)
    assert found, first
    assert re.fullmatch(r"  edits    \d+ undone \(decimal-separator \d+\)", second), second
    before, boosted, less = texts("c.jsonl"), texts("c.boosted.jsonl"), texts("less.jsonl")
    undone = {key for key in boosted if boosted[key] != less[key]}
    named = {
        key for (key,) in ask(Path(DB), "SELECT DISTINCT record_key FROM edits JOIN decisions d ON d.id = decision_id "
                              "JOIN records r ON r.id = record_id WHERE kind = 'decimal-separator' "
                              "AND language IN ('it', 'es') AND run_id = 1")
    }  # fmt: skip
    assert undone == named != set()
    assert (int(found[1]), int(found[2])) == (192 - len(undone), len(undone))
    ledger = json.loads(audit("audit", "summary", "--run", 2, "--json").out)["ledger"]
    assert sum(count for _, outcome, count in ledger if outcome == "undone") == len(undone)
    assert {outcome for _, outcome, _ in ledger} == {"unchanged", "undone"}
    assert all(less[key] == before[key] for key in undone)
    assert ask(Path(DB), "SELECT kind, parent_run, status FROM runs WHERE id = 2") == [("revert", 1, "finished")]
    assert audit("audit", "verify").code == 0
    assert "it-005 · it · improved" in audit("audit", "show", "it-005").out, "the run is shown, not its revert"
    assert "revert-requested" in audit("audit", "export", "--run", 2, "--what", "decisions", "--format", "jsonl").out


def test_reverting_everything_gives_the_corpus_back(audit: Cli) -> None:
    passes = [word for name in ("content", "translation", "localization") for word in ("--pass", name)]
    assert audit("revert", *passes, "-o", "all.jsonl").code == 0
    assert Path("all.jsonl").read_bytes() == Path("c.jsonl").read_bytes()


def test_what_revert_refuses(audit: Cli) -> None:
    for words, told in (
        (["-o", "x.jsonl"], "what is to be undone"),
        (["--kind", "nonsense", "-o", "x.jsonl"], 'unknown kind "nonsense"'),
        (["--record", "de-9", "-o", "x.jsonl"], 'no record "de-9"'),
        (["--kind", "mojibake", "-o", "c.jsonl"], "c.jsonl exists"),
    ):
        called = audit("revert", *words)
        assert called.code == 2
        assert told in called.err
    Path("c.jsonl").write_text("{}\n")
    assert "has changed since" in audit("revert", "--kind", "mojibake", "-o", "x.jsonl").err
    assert not Path("x.jsonl").exists()


def test_check_tells_findings_and_writes_nothing(cli: Cli, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "corpus.jsonl", tmp_path / "c.jsonl")
    told = [json.loads(line) for line in cli("check", "c.jsonl", "--json").out.splitlines()]
    assert len(told) == 192
    one = next(record for record in told if record["id"] == "it-006")
    assert one["language"] == "it"
    assert {"kind", "family", "severity", "field", "start", "end", "evidence"} <= set(one["findings"][0])
    table = cli("check", "c.jsonl").out
    assert "192 records" in table
    assert "false-equation" in table
    assert [path.name for path in tmp_path.iterdir()] == ["c.jsonl"]


def test_what_the_tool_says_about_itself(cli: Cli) -> None:
    for command, told in (("kinds", "translated-code"), ("languages", "日本語"), ("graph", "verify -.-> revert")):
        called = cli(command)
        assert called.code == 0
        assert told in called.out
    kinds = [json.loads(line) for line in cli("kinds", "--json").out.splitlines()]
    assert {"kind", "family", "severity", "repairs", "abstains"} <= set(kinds[0])
    assert cli("doctor").code == 0
    assert "midb-agent 0" in cli("--version").out


def test_one_edit_or_finding_is_shown_by_its_name(call: AuditCommand) -> None:
    whole = call("show", "de-0417", "--run", 1).out
    for words in (("show", "--edit", "e-2-0"), ("show", "e-2-0"), ("show", "de-0417", "--edit", "e-2-0", "--run", 1)):
        shown = call(*words).out
        assert "decimal-separator" in shown
        assert "translated-code" not in shown
        assert "without --edit the whole record is shown" in shown
        assert "named   ① e-2-0" in shown
        assert set(whole.splitlines()) & set(shown.splitlines()), "the first line and the trail are those of the record"
    told = json.loads(call("find", "--run", 1, "--kind", "culture-bound-reference", "--json").out)
    found = told["matches"][0]["id"]
    shown = call("show", "--edit", found).out
    assert "○ open culture-bound-reference" in shown
    assert "decimal-separator" not in shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show",), "which record?"),
        (("show", "--edit", "e-99999-0"), "the log has no edit e-99999-0"),
        (("show", "e-99999-0"), "the log has no edit e-99999-0"),
        (("show", "ja-1", "--edit", "e-2-0"), "e-2-0 is of another record than ja-1"),
        (("show", "--edit", "e-2-0", "--run", 2), "e-2-0 is an edit of run 1, not of run 2"),
        (("find", "--edit", "2"), '"2" names no edit and no finding'),
        (("diff", "--against-run", 1), "names a run of another log"),
        (("diff", "--against", "gone.db"), "there is no audit log gone.db"),
        (("diff", "--against", 9), "there is no run 9"),
        (("export", "--format", "meb", "--kind", "mojibake"), "takes no filters"),
    ],
)
def test_what_cannot_be_shown_is_refused(words: tuple[object, ...], told: str, call: AuditCommand) -> None:
    refused = call(*words)
    assert (refused.code in (1, 2), refused.out) == (True, "")
    assert told in refused.err


def test_filters_mean_the_same_in_find_diff_and_export(call: AuditCommand) -> None:
    for words in (
        ("--kind", "decimal-separator", "--kind", "leaked-markup"),
        ("--kind", "decimal-separator", "--language", "de", "--language", "tr"),
        ("--severity", "minor"), ("--family", "localization", "--language", "ja"), ("--edit", "e-2-0"),
        ("--record", "ko-1", "--record", "#2"), ("--sample", 3, "--seed", 5),
    ):  # fmt: skip
        options = ("--run", 1, "--changed", *words)
        found = [json.loads(line) for line in call("find", "--json", *options).out.split("\n") if line]
        names = {match["id"] for record in found for match in record["matches"]}
        exported = [
            json.loads(line)["item"] for line in call("export", "--format", "jsonl", *options).out.split("\n") if line
        ]
        assert sorted(names) == sorted(exported) != []
        shown = call("diff", *options).out
        assert f"{len(found)} changed record" in shown
        assert set(re.findall(r"e-\d+-\d+", shown)) == names


def test_what_fits_nothing_says_so(call: AuditCommand) -> None:
    for command, more in (("find", ""), ("diff", "; changed")):
        out = call(command, "--run", 1, "--kind", "mojibake", "--language", "de").out
        assert out == f"nothing in run 1 fits: kind mojibake; language de{more}.\n"


def test_runs_of_two_logs_stand_side_by_side(call: AuditCommand, undone_log: Path) -> None:
    out = call("diff", "--run", 1, "--against", undone_log, "--against-run", 3).out
    head = [line.split() for line in out.splitlines()[1:4]]
    assert head[0][:2] == ["records", "read"]
    assert " ".join(head[0]).endswith("edits that stand open findings")
    assert head[1][:4] == ["+", "run", "1", "(run)"]
    assert head[2][:4] == ["-", "run", "3", "(revert)"]
    assert re.search(r"came out differently in run 1 of \S+/log0?/\S+ \(\+\) and run 3 of \S+ \(-\)", out)
    assert re.search(r"only in run 1 of \S+ \(\+\): 10 records: th-1, ko-1", out)
    assert name_logs(Path("a/x.db"), Path("a/y.db")) == ["x.db", "y.db"]


def test_records_in_which_nothing_was_found_are_hidden_and_counted(call: AuditCommand) -> None:
    assert "unchanged records in which nothing was found" in call("find", "--run", 1).out
    asked = call("find", "--run", 1, "--outcome", "unchanged").out
    assert "3 records\n" in asked
    assert "in which nothing was found" not in asked
