"""With a log, a call is a run like any other: it is proved, resumed, and can be undone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import scripted
from cli_fixtures import Cli
from replay_server import Body, ChatMessage, ReplayServers

import midb
from midb.agent.run.runner import Runner
from midb.audit.file.key import SealKey
from midb.audit.file.lock import WriterLock
from midb.audit.log import AuditLog
from midb.audit.proof.verify import verify
from midb.audit.reader import AuditReader
from midb.domain.errors import UsageError

RECORDS: list[dict[str, Any]] = [
    {"id": f"de-{n}", "instruction": f"Grüße {n}!", "output": "SchÃ¶n, dich zu sehen." if n % 3 == 0 else "Hallo."}
    for n in range(100)
] + [{"id": "leer", "output": "ohne Anweisung"}]


def test_it_says_the_same_as_without_one(tmp_path: Path, cli: Cli) -> None:
    db = tmp_path / "run.audit.db"
    logged, plain = midb.boost(RECORDS, language="de", audit=db), midb.boost(RECORDS, language="de")
    assert logged.records == plain.records
    assert logged.edits == plain.edits
    assert logged.unexamined == plain.unexamined
    assert logged.ledger == plain.ledger == {
        "read": 101, "unchanged": 67, "improved": 34, "reverted": 0, "rejected": 0,
    }  # fmt: skip
    assert [(f.record, f.kind, f.status) for f in logged.findings] == [
        (f.record, f.kind, f.status) for f in plain.findings
    ]
    assert [r.reason for r in logged.unexamined] == ["unexamined"]
    assert logged.audit == db
    assert cli("audit", "verify", "--db", db).code == 0
    undone = cli("revert", "--db", db, "--kind", "mojibake", "-o", tmp_path / "undone.jsonl")
    assert undone.code == 0, undone.err
    kept = (tmp_path / "run.corpus.jsonl").read_bytes().splitlines()
    assert (tmp_path / "undone.jsonl").read_bytes().splitlines() == kept


def test_an_interrupted_call_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midb.agent.run.batches.BATCH", 32)  # so that there are several
    db = tmp_path / "run.db"
    write = AuditLog.write_batch
    batches: list[int] = []

    def breaks(self: AuditLog, *args: Any, **kwargs: Any) -> Any:
        if len(batches) == 2:
            raise KeyboardInterrupt
        batches.append(1)
        return write(self, *args, **kwargs)

    monkeypatch.setattr(AuditLog, "write_batch", breaks)
    with pytest.raises(KeyboardInterrupt):
        midb.boost(RECORDS, language="de", audit=db)
    monkeypatch.setattr(AuditLog, "write_batch", write)
    seen: list[int] = []
    run = Runner.run

    def counted(self: Runner) -> Any:
        seen.append(self._session.attached.checkpoint.position)
        return run(self)

    monkeypatch.setattr(Runner, "run", counted)
    result = midb.boost(RECORDS, language="de", audit=db)
    assert seen == [64]
    assert result.ledger["read"] == 101
    assert midb.boost(RECORDS, language="de", audit=db).edits == result.edits
    assert seen == [64], "a finished call runs nothing again"


def test_a_caller_who_was_interrupted_calls_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midb.agent.run.batches.BATCH", 32)
    asked: list[bool] = []

    def after_two() -> bool:
        asked.append(True)
        return len(asked) > 2

    db = tmp_path / "run.db"
    with monkeypatch.context() as patched:
        patched.setattr("midb.library.logged.is_given_up", after_two)
        with pytest.raises(KeyboardInterrupt):
            midb.boost(RECORDS, language="de", audit=db)
        patched.setattr("midb.library.boosting.is_given_up", after_two)
        with pytest.raises(KeyboardInterrupt):
            midb.boost(RECORDS, language="de")
    with AuditReader(db) as reader:
        [(status, done)] = reader.query("SELECT status, position FROM runs JOIN checkpoints ON run_id = runs.id", [])
    assert status == "interrupted"
    assert 0 < done < len(RECORDS)
    assert midb.boost(RECORDS, language="de", audit=db).records == midb.boost(RECORDS, language="de").records


def test_nothing_is_written_beside_a_log_that_another_call_writes(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "run.db")
    with pytest.raises(midb.MidbError, match="in use by another run"):
        midb.boost(RECORDS, language="de", source=RECORDS, audit=tmp_path / "run.db")
    assert [path.name for path in tmp_path.iterdir()] == ["run.db.lock"]
    lock.release()
    assert midb.boost(RECORDS, language="de", audit=tmp_path / "run.db").ledger["read"] == len(RECORDS)


def test_a_key_seals_the_log(tmp_path: Path) -> None:
    db, key = tmp_path / "run.audit.db", tmp_path / "seal.key"
    key.write_bytes(b"k" * 32)
    midb.boost(RECORDS[:3], language="de", audit=db, seal_key=key)
    proof = verify(db, key=SealKey.read(key))
    assert (proof.problems, proof.macs) == ([], proof.heads)
    with pytest.raises(UsageError, match="sealed with a key") as caught:
        midb.boost(RECORDS[:3], language="de", audit=db, fresh=True)
    assert "seal_key=" in caught.value.hint
    with pytest.raises(UsageError, match="there is none"):
        midb.boost(RECORDS[:3], language="de", seal_key=str(key))


def test_other_records_under_the_same_name_are_refused(tmp_path: Path) -> None:
    midb.boost(RECORDS[:2], language="de", audit=tmp_path / "run.db")
    with pytest.raises(midb.MidbError, match="holds other records"):
        midb.boost(RECORDS[:3], language="de", audit=tmp_path / "run.db")
    with pytest.raises(midb.MidbError, match="settings differ"):
        midb.boost(RECORDS[:2], language="de", kinds=["-mojibake"], audit=tmp_path / "run.db")
    fresh = midb.boost(RECORDS[:2], language="de", kinds=["-mojibake"], audit=tmp_path / "run.db", fresh=True)
    assert fresh.edits == []


def test_a_model_rewrites_and_its_replies_are_kept(
    replay_server: ReplayServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = "Der Himmel ist blau, weil die Luft das blaue Licht der Sonne stärker streut als das rote Licht"

    def answer(messages: list[ChatMessage], body: Body) -> str:
        request = scripted.request_of(messages, body)
        if scripted.pass_of(request) == "verification":
            return scripted.prefer(request, "vielmehr")
        if scripted.pass_of(request) == "content":
            return scripted.reply(request, response=f"{sentence} vielmehr")
        return scripted.left_alone(request)

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = replay_server(answer)
    records = [{"instruction": "Erkläre, warum der Himmel blau ist.", "output": sentence}]
    model = f"openai:{server.model}@{server.url}"
    result = midb.boost(records, language="de", audit=tmp_path / "run.db", model=model)
    assert result.records[0]["output"] == f"{sentence} vielmehr"
    assert [(edit.kind, edit.pass_) for edit in result.edits] == [("content-rewrite", "content")]
    asked = len(server.requests)
    assert asked
    again = midb.boost(records, language="de", audit=tmp_path / "run.db", model=model, fresh=True)
    assert again.records == result.records
    assert len(server.requests) == asked, "what was answered once is not asked again"


@pytest.mark.parametrize("style", ["short", None])
def test_prompts_can_be_chosen(
    replay_server: ReplayServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, style: str | None
) -> None:
    def leave_alone(messages: list[ChatMessage], body: Body) -> str:
        tag = re.search(r"<\|end:[0-9a-f]+\|>", messages[-1]["content"])
        assert tag
        return f"<|same|>\n{tag[0]}"

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = replay_server(leave_alone)
    records = [{"instruction": "Erkläre, warum der Himmel blau ist.", "output": "Weil die Luft das Licht streut."}]
    model = f"openai:{server.model}@{server.url}"
    midb.boost(records, language="de", audit=tmp_path / "run.db", model=model, prompts=style)
    assert server.requests
    systems = [request.body["messages"][0]["content"] for request in server.requests]
    assert {len(text) < 400 for text in systems} == {style == "short"}
