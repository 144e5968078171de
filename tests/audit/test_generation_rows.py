"""Replies as rows: system messages are kept once, a reply is found by its key, and one changed by hand is not used."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from log_fixtures import REPLY, RUN, now

from midb.audit.file import seals
from midb.audit.generation_rows import (
    NotedPrompts,
    ReplyCosts,
    find_generation,
    full_prompt,
    generation_rows,
    last_prompt,
    note_prompts,
    seal_of,
    spent_on,
)
from midb.audit.log import AuditLog
from midb.domain.errors import AuditError
from midb.domain.generations import GenerationKey

SYSTEM = "Keep what is right."
ASKED = replace(REPLY, id=1, messages=(("system", SYSTEM), ("user", "Die cat.")), cached_tokens=2, steps=3)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    """A log with two replies to prompts that share their system message."""
    with AuditLog(tmp_path / "c.audit.db", now=now) as log:
        run, _ = log.begin(RUN)
        key = GenerationKey("cd" * 32, "tiny", "greedy")
        log.add_generations(run, [ASKED, replace(ASKED, key=key, completion="zwei")])
        yield log


def test_a_system_message_is_named_by_its_hash_and_kept_apart() -> None:
    row, shared = generation_rows(ASKED, run=4)
    name = hashlib.sha256(SYSTEM.encode()).hexdigest()
    assert orjson.loads(row["prompt"]) == [{"role": "system", "sha256": name}, {"role": "user", "content": "Die cat."}]
    assert shared == [(name, SYSTEM, seals.row_seal("prompts", {"hash": name, "text": SYSTEM}))]
    assert (row["run_id"], row["pass"], row["cached_tokens"], row["steps"]) == (4, "translation", 2, 3)


def test_a_row_has_every_column_and_its_seal() -> None:
    row, _ = generation_rows(ASKED, run=4)
    assert set(row) == {*seals.COVERED["generations"], "seal"}
    assert row["seal"] == seals.row_seal("generations", row)


def test_texts_that_prompts_share_are_stored_once(log: AuditLog) -> None:
    assert log.db.execute("SELECT count(*) FROM prompts").fetchone()[0] == 1
    assert log.db.execute("SELECT count(*) FROM generations").fetchone()[0] == 2


def test_a_system_message_whose_transaction_failed_is_written_with_the_next(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = log.latest_run()
    assert run is not None
    other = replace(ASKED, key=GenerationKey("ef" * 32, "tiny", "greedy"), messages=(("system", "Keep less."),))
    with monkeypatch.context() as broken:
        broken.setattr(log, "_add_head", lambda *_: log.db.execute("SELECT * FROM nowhere"))
        with pytest.raises(AuditError):
            log.add_generations(run, [other])
    for prompt in ("12" * 32, "34" * 32):
        log.add_generations(run, [replace(other, key=GenerationKey(prompt, "tiny", "greedy"))])
    texts = [text for (text,) in log.db.execute("SELECT text FROM prompts ORDER BY text")]
    assert texts == ["Keep less.", SYSTEM]


def test_a_whole_prompt_is_put_together_again(log: AuditLog) -> None:
    prompt = log.db.execute("SELECT prompt FROM generations WHERE id = 1").fetchone()[0]
    assert full_prompt(log.db, prompt) == [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": "Die cat."},
    ]
    log.db.execute("DELETE FROM prompts")
    missing, _ = full_prompt(log.db, prompt)
    assert missing["content"].startswith("(missing: system message ")


def test_the_last_prompt_that_an_engine_answered_is_given_whole(log: AuditLog) -> None:
    run, _ = log.begin(RUN)
    key = GenerationKey("ef" * 32, "another", "greedy")
    log.add_generations(run, [replace(ASKED, key=key, messages=(("user", "Der dog."),))])
    assert last_prompt(log.db, "tiny") == (("system", SYSTEM), ("user", "Die cat."))
    assert last_prompt(log.db, "another") == (("user", "Der dog."),)
    assert last_prompt(log.db, "a third") == ()


@pytest.mark.parametrize("other", [{"prompt_hash": "x"}, {"engine": "x"}, {"sampling": "x"}])
def test_a_reply_is_found_by_prompt_engine_and_sampling(log: AuditLog, other: dict[str, str]) -> None:
    found = find_generation(log.db, ASKED.key)
    assert found is not None
    assert (found.id, found.completion, found.prompt_tokens, found.reused) == (1, "übersetzt", 3, True)
    assert find_generation(log.db, replace(ASKED.key, **other)) is None


@pytest.mark.parametrize("change", ["completion = 'better'", "finish_reason = 'length'", "seal = 'x'"])
def test_a_reply_changed_by_hand_is_not_used_again(log: AuditLog, change: str) -> None:
    log.db.execute(f"UPDATE generations SET {change} WHERE id = 1")
    with pytest.raises(AuditError, match="generation 1 of the audit log was changed by hand"):
        find_generation(log.db, ASKED.key)


def test_what_replies_took_is_summed_by_id(log: AuditLog) -> None:
    assert spent_on(log.db, [1, 2, 7]) == ReplyCosts(2, 6, 8, 1.0)
    assert spent_on(log.db, []) == ReplyCosts(0, 0, 0, 0.0)


def test_the_seal_of_a_reply_is_what_its_decisions_cover(log: AuditLog) -> None:
    stored = log.db.execute("SELECT seal FROM generations WHERE id = 2").fetchone()[0]
    assert seal_of(log.db, 2) == stored
    assert seal_of(log.db, 9) is None
    assert seal_of(log.db, None) is None


def test_one_reply_per_key(log: AuditLog) -> None:
    row, _ = generation_rows(replace(ASKED, id=9), run=1)
    with pytest.raises(sqlite3.IntegrityError):
        log.db.execute(f"INSERT INTO generations ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
                       list(row.values()))  # fmt: skip


def test_a_prompt_that_was_noted_is_never_denied_and_others_nearly_always_are() -> None:
    asked, others = (
        [hashlib.sha256(b"%d" % n).hexdigest() for n in range(*ends)] for ends in ((0, 50_000), (50_000, 90_000))
    )
    noted = NotedPrompts(asked[:100])
    noted.update(asked[100:])
    assert all(prompt in noted for prompt in asked)
    assert sum(prompt in noted for prompt in others) < 40


def test_the_prompts_of_a_log_are_noted_unless_they_are_too_many(log: AuditLog) -> None:
    noted = note_prompts(log.db, most=2)
    assert noted is not None
    assert ASKED.key.prompt_hash in noted
    assert "cd" * 32 in noted
    assert "12" * 32 not in noted
    assert note_prompts(log.db, most=1) is None


def test_replies_are_found_in_a_log_that_is_opened_again_and_where_prompts_are_not_noted(log: AuditLog) -> None:
    run = log.latest_run()
    assert run is not None
    later = GenerationKey("12" * 32, "tiny", "greedy")
    assert log.find_generation(later) is None
    log.add_generations(run, [replace(ASKED, key=later)])
    log.close()
    with AuditLog(log.path, now=now) as again, AuditLog(log.path.with_name("other.db"), now=now) as other:
        for _ in range(2):
            for key in (ASKED.key, later):
                found = again.find_generation(key)
                assert found is not None
                assert found.key == key
            assert again.find_generation(replace(later, engine="other")) is None
            assert again.find_generation(replace(later, prompt_hash="34" * 32)) is None
            again._noted = None
        assert other.find_generation(ASKED.key) is None
