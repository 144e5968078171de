"""`midb-agent revert`: what it undoes, and what it refuses before anything is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_fixtures import Cli, rows
from small_runs import BROKEN, MENDED, broken_records, lines_of, names_in, run_over, write_lines

from midb.audit.log import AuditLog

LINES: list[dict[str, object]] = [
    *broken_records(4),
    {"id": "zahlen", "instruction": "Nenne vier Farben.", "output": "Gern:\n1. Rot.\n2. Blau.\n2. Grün.\n4. Gelb."},
]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """The log of a finished run; two records have mojibake, one a wrong number, and a line cannot be read."""
    run_over(write_lines(tmp_path / "c.jsonl", *LINES, b"oops"))
    return tmp_path / "c.boosted.jsonl.audit.db"


def outputs(path: Path) -> list[object]:
    return [line["output"] for line in lines_of(path)]


@pytest.mark.parametrize(
    ("words", "undone"),
    [
        (("--kind", "mojibake"), {1, 3}),
        (("--kind", "mojibake", "--kind", "broken-numbering"), {1, 3, 4}),
        (("--pass", "content"), {4}),
        (("--record", "de-3"), {3}),
        (("--record", "#1", "--record", "zahlen"), {1, 4}),
        (("--language", "de"), {1, 3, 4}),
        (("--kind", "mojibake", "--record", "zahlen"), set()),
    ],
)
def test_what_is_named_is_undone_and_nothing_else(
    words: tuple[str, ...], undone: set[int], cli: Cli, db: Path, tmp_path: Path
) -> None:
    called = cli("revert", "--db", db, *words, "-o", "out.jsonl")
    assert called.code == 0, called.err
    boosted, before = outputs(tmp_path / "c.boosted.jsonl"), [line["output"] for line in LINES]
    assert outputs(tmp_path / "out.jsonl") == [
        before[number] if number in undone else boosted[number] for number in range(len(LINES))
    ]
    assert called.err.startswith("6 read = ")
    assert "1 rejected" in called.err
    assert ("nothing matched" in called.err) == (not undone)


def test_what_was_undone_is_counted_by_kind_and_logged(cli: Cli, db: Path) -> None:
    called = cli("revert", "--db", db, "--language", "de", "-o", "out.jsonl")
    assert "(mojibake 2, broken-numbering 1)" in called.err
    assert "run 2 of " in called.err
    assert rows(db, "SELECT id, kind, parent_run, status FROM runs ORDER BY id") == [
        (1, "run", None, "finished"), (2, "revert", 1, "finished"),
    ]  # fmt: skip
    ((config,),) = rows(db, "SELECT config FROM runs WHERE id = 2")
    assert "language de" in config


@pytest.mark.parametrize(
    ("words", "told", "hint"),
    [
        ((), "what is to be undone?", "--kind"),
        (("--kind", "mojibak"), "mojibak", ""),
        (("--pass", "contents"), "contents", ""),
        (("--language", "tlh"), "tlh", ""),
        (("--record", "de-99"), "de-99", ""),
        (("--kind", "mojibake", "--run", "7"), "7", ""),
        (("--kind", "mojibake", "--db", "gone.db"), "there is no audit log gone.db", "--db"),
        (("--kind", "mojibake", "-o", "c.boosted.jsonl"), "c.boosted.jsonl exists", "never replaced"),
        (("--kind", "mojibake", "--corpus", "gone.jsonl"), "the corpus of run 1", "--corpus FILE"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    words: tuple[str, ...], told: str, hint: str, cli: Cli, db: Path, tmp_path: Path
) -> None:
    before = names_in(tmp_path)
    called = cli("revert", "--db", db, "-o", "out.jsonl", *words)
    assert called.code in (1, 2)
    assert called.err.startswith("error: ")
    assert told in called.err
    assert hint in called.err
    assert names_in(tmp_path) == before
    assert rows(db, "SELECT count(*) FROM runs") == [(1,)]


def test_only_a_finished_run_is_undone(cli: Cli, db: Path) -> None:
    with AuditLog(db) as log:
        run = log.latest_run()
        assert run is not None
        log.set_status(run, "interrupted")
    called = cli("revert", "--db", db, "--kind", "mojibake", "-o", "out.jsonl")
    assert called.code == 2
    assert "run 1 is not finished (interrupted)" in called.err


def revert(cli: Cli, db: Path, name: str, *words: object) -> str:
    """Undo something into a file; the log must prove every output afterwards. What was said."""
    done = cli("revert", "--db", db, "-o", name, *words)
    assert done.code == 0, done.err
    proof = cli("audit", "verify", "--db", db)
    assert proof.code == 0, proof.out
    assert "CHANGED" not in proof.out
    return str(done.err)


def test_a_second_revert_does_not_bring_back_what_the_first_undid(cli: Cli, db: Path, tmp_path: Path) -> None:
    revert(cli, db, "one.jsonl", "--kind", "mojibake")
    said = revert(cli, db, "two.jsonl", "--kind", "broken-numbering")
    assert "from     run 2 (a revert): what was undone there stays undone" in said
    assert "1 undone (broken-numbering 1)" in said
    assert outputs(tmp_path / "two.jsonl") == [line["output"] for line in LINES], "both are undone"
    said = revert(cli, db, "other.jsonl", "--kind", "broken-numbering", "--run", 1)
    assert "from     run 1\n" in said
    boosted = outputs(tmp_path / "c.boosted.jsonl")
    assert outputs(tmp_path / "other.jsonl") == [*boosted[:4], LINES[4]["output"]]
    said = revert(cli, db, "again.jsonl", "--kind", "mojibake", "--run", 3)
    assert "nothing matched: no edit that stands behind run 3 fits kind mojibake" in said
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()


def test_a_revert_can_be_reverted_whole_or_in_part(cli: Cli, db: Path, tmp_path: Path) -> None:
    revert(cli, db, "none.jsonl", "--language", "de")
    said = revert(cli, db, "all.jsonl", "--pass", "revert")
    assert "3 edits stand again (mojibake 2, broken-numbering 1)" in said
    assert (tmp_path / "all.jsonl").read_bytes() == (tmp_path / "c.boosted.jsonl").read_bytes()
    ((name,),) = rows(db, "SELECT 'e-' || e.decision_id || '-' || e.ordinal FROM edits e JOIN decisions d ON "
                          "d.id = e.decision_id JOIN records r ON r.id = d.record_id WHERE r.run_id = 2 AND "
                          "record_key = 'de-3'")  # fmt: skip
    said = revert(cli, db, "part.jsonl", "--edit", name, "--run", 2)
    assert "1 edit stands again" in said
    assert outputs(tmp_path / "part.jsonl")[:4] == [MENDED, BROKEN, MENDED, MENDED]
    # What stands again can be undone again, and that undone as well.
    revert(cli, db, "gone.jsonl", "--kind", "mojibake", "--run", 3)
    assert outputs(tmp_path / "gone.jsonl")[:4] == [MENDED, BROKEN, MENDED, BROKEN]
    revert(cli, db, "back.jsonl", "--pass", "revert", "--record", "de-1", "--run", 5)
    assert outputs(tmp_path / "back.jsonl")[:4] == [MENDED, MENDED, MENDED, BROKEN]


def test_a_single_edit_is_undone_by_its_name(cli: Cli, db: Path, tmp_path: Path) -> None:
    found = cli("audit", "find", "--kind", "mojibake", "--json", "--db", db).out.splitlines()
    names = [json.loads(line)["matches"][0]["id"] for line in found]
    assert len(names) == 2
    said = revert(cli, db, "out.jsonl", "--edit", names[1])
    assert "1 undone (mojibake 1)" in said
    assert outputs(tmp_path / "out.jsonl")[:4] == [MENDED, MENDED, MENDED, BROKEN]
    ((detail,),) = rows(db, "SELECT detail FROM decisions WHERE reason = 'revert-requested'")
    assert detail == f"edit {names[1]}: {names[1]}"


def test_what_a_later_run_undid_is_shown_where_it_was_made(cli: Cli, db: Path) -> None:
    revert(cli, db, "one.jsonl", "--record", "de-1")
    revert(cli, db, "two.jsonl", "--pass", "revert")
    shown = cli("audit", "show", "de-1", "--db", db).out.splitlines()
    assert [line for line in shown if line.startswith(" later ")] == [
        line for line in shown if "run 2 (revert" in line and "undid e-" in line and "record de-1" in line
    ] + [line for line in shown if "run 3 (revert of run 2" in line and "stands again" in line]
    assert sum(line.startswith(" later ") for line in shown) == 2
    assert shown[-1].startswith(" undo    midb-agent revert --record de-1 --db "), "it stands again"
    (told,) = [json.loads(line) for line in cli("audit", "show", "de-1", "--json", "--db", db).out.splitlines()]
    first, second = told["later"]
    (name,) = first["undone"]
    assert (first["run"], first["kind"], second["again"]) == (2, "revert", [name])
    assert name == told["decisions"][0]["edits"][0]["id"]


def test_an_undone_edit_offers_no_undoing(cli: Cli, db: Path) -> None:
    revert(cli, db, "one.jsonl", "--record", "de-1")
    shown = cli("audit", "show", "de-1", "--db", db).out
    assert " undo " not in shown
    again = cli("audit", "show", "de-1", "--run", 2, "--db", db).out.splitlines()[-1]
    assert again.startswith(" undo    midb-agent revert --edit e-")


def test_a_sample_of_what_still_stands_is_undone(cli: Cli, db: Path, tmp_path: Path) -> None:
    revert(cli, db, "one.jsonl", "--record", "de-1")
    said = revert(cli, db, "two.jsonl", "--kind", "mojibake", "--sample", 1)
    assert "1 undone (mojibake 1)" in said, "the one that is undone already is not drawn"
    assert outputs(tmp_path / "two.jsonl")[:4] == [MENDED, BROKEN, MENDED, BROKEN]
    ((config,),) = rows(db, "SELECT config FROM runs WHERE id = 3")
    assert "kind mojibake; sample 1, seed 0" in config


def test_a_review_has_no_output_to_start_from(cli: Cli, db: Path) -> None:
    assert cli("review", "sheet", "--db", db, "-o", "s.csv").code == 0
    lines = (db.parent / "s.csv").read_text(encoding="utf-8-sig").splitlines()
    (db.parent / "s.csv").write_text("\n".join([lines[0], lines[1].removesuffix('"","",""') + '"accept","",""']))
    assert cli("review", "apply", "s.csv", "--reviewer", "Ana", "--db", db).code == 0
    refused = cli("revert", "--db", db, "--kind", "mojibake", "-o", "out.jsonl", "--run", 2)
    assert refused.code == 2
    assert "run 2 is a review, which has no output" in refused.err
    assert "Runs with one are 1." in refused.err


def test_the_corpus_is_found_where_it_was_moved_along_with_its_log(
    cli: Cli, db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("c.jsonl", db.name):
        (tmp_path / name).rename(moved / name)
    called = cli("revert", "--db", moved / db.name, "--kind", "mojibake", "-o", "out.jsonl")
    assert called.code == 0, called.err
    assert outputs(tmp_path / "out.jsonl")[:4] == [MENDED, BROKEN, MENDED, BROKEN]


def test_a_corpus_that_has_changed_is_refused(cli: Cli, db: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "c.jsonl"
    corpus.write_bytes(corpus.read_bytes() + b"\n")
    called = cli("revert", "--db", db, "--kind", "mojibake", "-o", "out.jsonl")
    assert called.code == 2
    assert "has changed since the run" in called.err
