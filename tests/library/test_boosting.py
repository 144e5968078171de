"""The library does what the command line does, for records that a program holds."""

from __future__ import annotations

import asyncio
import doctest
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_fixtures import Cli
from review_fixtures import candidates_of
from small_runs import BROKEN, MENDED

import midb
from midb.audit.reader import AuditReader
from midb.library import boosting, tables
from midb.review.desk import Desk, Said

RECORDS: list[dict[str, Any]] = [
    {"id": "de-1", "instruction": "Grüße!", "output": BROKEN, "kept": {"odd": (1, 2)}},
    {"id": "de-2", "instruction": "Nenne ein Tier.", "output": "Der Hund ist ein Tier."},
    {"id": "de-3", "instruction": "Sag etwas.", "output": ""},
    {"id": "de-4", "output": "ohne Anweisung"},
]
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "corpus.jsonl"


@pytest.mark.parametrize("module", [midb, boosting, tables])
def test_the_examples_of_the_docstrings_hold(module: Any) -> None:
    failed, tried = doctest.testmod(module)
    assert tried
    assert not failed


def test_records_come_back_repaired_with_every_edit_and_finding() -> None:
    result = midb.boost(RECORDS, language="de")
    assert result.records == [{**RECORDS[0], "output": MENDED}, *RECORDS[1:]]
    assert RECORDS[0]["output"] == BROKEN
    (edit,) = result.edits
    assert (edit.record, edit.field, edit.before, edit.after) == ("de-1", "response", "SchÃ¶n,", "Schön,")
    assert (edit.kind, edit.pass_, edit.reason) == ("mojibake", "translation", '"SchÃ¶n," reads "Schön,"')
    assert edit.to_dict()["pass"] == "translation"
    assert [(f.record, f.kind, f.status) for f in result.findings] == [
        ("de-1", "mojibake", "repaired"),
        ("de-3", "empty-response", "open"),
    ]
    (unexamined,) = result.unexamined
    assert (unexamined.position, unexamined.reason) == (3, "unexamined")
    assert unexamined.message == '"instruction" is missing or null'
    assert result.ledger == {"read": 4, "unchanged": 3, "improved": 1, "reverted": 0, "rejected": 0}


def test_edits_lead_from_the_old_texts_to_the_new_ones() -> None:
    records = [json.loads(line) for line in EXAMPLES.read_text(encoding="utf-8").splitlines()]
    result = midb.boost(records)
    assert result.ledger["improved"] > 50
    changed = {edit.position for edit in result.edits}
    for position, (old, new) in enumerate(zip(records, result.records, strict=True)):
        assert (old != new) == (position in changed)


def test_the_command_line_writes_the_same(cli: Cli, tmp_path: Path) -> None:
    corpus = tmp_path / "c.jsonl"
    corpus.write_bytes(EXAMPLES.read_bytes())
    assert cli("run", corpus, "-o", tmp_path / "out.jsonl", "--quiet").code == 0
    records = [json.loads(line) for line in EXAMPLES.read_text(encoding="utf-8").splitlines()]
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert midb.boost(records).records == written
    checked = cli("check", corpus, "--json")
    lines = [json.loads(line) for line in checked.out.splitlines()]
    findings = [(line["id"], f["kind"], f["start"]) for line in lines for f in line["findings"]]
    assert [(f.record, f.kind, f.start) for f in midb.check(records).findings] == findings


@pytest.mark.parametrize("kind", ["pandas", "polars", "datasets"])
def test_frames_and_data_sets(kind: str) -> None:
    library = pytest.importorskip(kind)
    rows = [{"id": row["id"], "prompt": row.get("instruction", "?"), "answer": row["output"]} for row in RECORDS]
    made = library.Dataset.from_list(rows) if kind == "datasets" else library.DataFrame(rows)
    result = midb.boost(made, language="de", mapping={"instruction": "prompt", "response": "answer"})
    assert type(result.records) is type(made)
    assert next(iter(result.records["answer"])) == MENDED
    assert list(result.records["id"]) == [row["id"] for row in rows]


def test_conversations_are_changed_inside_a_copy() -> None:
    turns = [{"role": "user", "content": "Grüße!"}, {"role": "assistant", "content": BROKEN}]
    result = midb.boost([{"messages": turns}], language="de")
    assert result.records[0]["messages"][1] == {"role": "assistant", "content": MENDED}
    assert turns[1]["content"] == BROKEN


SOURCE: dict[str, Any] = {"instruction": "What is the mean?", "output": "The mean is 3.5 meters."}
POINT: dict[str, Any] = {"id": "x", "instruction": "Was ist der Mittelwert?", "output": "Der Mittelwert ist 3.5 Meter."}


@pytest.mark.parametrize(
    ("record", "source"),
    [
        (POINT | {"source": SOURCE}, None),
        (POINT | {"english": SOURCE}, "english"),
        (POINT, [SOURCE]),
        (POINT, [SOURCE | {"id": "other"}, SOURCE | {"id": "x"}]),
    ],
)
def test_an_english_source_by_a_column_or_of_its_own(record: dict[str, Any], source: Any) -> None:
    result = midb.boost([record], language="de", source=source)
    assert result.records[0]["output"] == "Der Mittelwert ist 3,5 Meter."
    without = midb.boost([POINT], language="de")
    assert without.records == [POINT]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"language": "xx"}, "xx"),
        ({"kinds": ["mojibak"]}, "unknown kind"),
        ({"passes": ["contents"]}, "unknown pass"),
        ({"mapping": {"instruction": "nowhere"}}, "nowhere"),
        ({"source": "output"}, "no English original"),
        ({"source": [SOURCE, SOURCE]}, "cannot be aligned"),
        ({"model": "openai:m@http://localhost:1/v1"}, "without a log"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(midb.MidbError, match=message):
        midb.boost([POINT], **settings)


def test_kinds_and_passes_are_chosen_as_on_the_command_line() -> None:
    assert midb.boost(RECORDS[:1], language="de", kinds=["-mojibake"]).edits == []
    assert midb.boost(RECORDS[:1], language="de", passes=["content"]).edits == []
    quoted = [{"instruction": "Schreib es.", "output": 'Er sagte "ja" und ging dann nach Hause.'}]
    assert midb.boost(quoted, language="de").edits == []
    assert {edit.kind for edit in midb.boost(quoted, language="de", typography=True).edits} == {"quotation-marks"}


def test_half_a_surrogate_pair_is_not_examined_and_stays() -> None:
    records = [{"instruction": "a", "output": "b\ud800"}, *RECORDS[:1]]
    result = midb.boost(records, language="de")
    assert [(r.position, r.reason) for r in result.unexamined] == [(0, "unexamined")]
    assert "surrogate" in result.unexamined[0].message
    assert midb.check(records, language="de").unexamined == result.unexamined
    assert result.records[0] is records[0]
    assert result.records[1]["output"] == MENDED


def test_it_works_within_an_event_loop_as_in_a_notebook() -> None:
    async def cell() -> Any:
        return midb.boost(RECORDS[:1], language="de").records, midb.fix_pair(
            instruction="Grüße!", response=BROKEN, language="de"
        )

    records, pair = asyncio.run(cell())
    assert records[0]["output"] == pair.response == MENDED

    async def wrong() -> None:
        midb.boost([])

    with pytest.raises(midb.MidbError, match="no records"):
        asyncio.run(wrong())


def test_workers_give_the_same() -> None:
    records = [{**RECORDS[n % 3], "id": str(n)} for n in range(70)]
    assert midb.boost(records, language="de", workers=2).records == midb.boost(records, language="de").records


def test_importing_it_loads_nothing_heavy(tmp_path: Path) -> None:
    heavy = ("torch", "langgraph", "lingua", "typer", "pandas", "polars", "datasets", "pydantic", "numpy")
    code = f"import sys, midb\nprint([name for name in {heavy!r} if name in sys.modules])\nmidb.boost\n"
    code += "print([name for name in ('torch', 'typer', 'polars', 'datasets') if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert shown.stdout.split("\n")[:2] == ["[]", "[]"]


def test_its_names_are_public_and_no_others() -> None:
    assert set(midb.__all__) <= set(dir(midb))
    assert all(getattr(midb, name).__doc__ for name in midb.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = midb.nonsense


def test_what_people_said_of_earlier_runs_holds_here_too(log: Path, tmp_path: Path) -> None:
    with AuditReader(log) as reader:
        Desk(log, reader.run(1)).say("Ana", candidates_of(log)["one mojibake"], Said("reject"))
    given: dict[str, Any] = {"language": "de", "reviewed": log, "min_verdicts": 1}
    for result in (midb.boost(RECORDS, **given), midb.boost(RECORDS, audit=tmp_path / "own.audit.db", **given)):
        assert result.records == RECORDS
        assert [note.partition(":")[0] for note in result.switched_off] == ["mojibake in de"]
    checked = midb.check(RECORDS, **given)
    assert [finding.kind for finding in checked.findings] == ["empty-response"]
    assert len(checked.switched_off) == 1
    assert midb.boost(RECORDS, language="de", reviewed=[log], min_precision=0.5).records != RECORDS, (
        "one verdict is few"
    )
