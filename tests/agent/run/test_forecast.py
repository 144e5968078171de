"""A dry run: its sample has the shares of the corpus, and what it took is reckoned for all."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from model_runs import improving, write_corpus
from scripted import ScriptedEngine
from small_runs import engine_on_a_loop, names_in, session_over

from midb.agent.engines.protocol import FinishReason, TextReply, TextRequest
from midb.agent.run.batches import Item
from midb.agent.run.forecast import forecast, stratified
from midb.corpus.raw import RawRecord
from midb.domain.errors import MidbError


def record(position: int, language: str, length: int) -> Item:
    body = (language + "x" * length).encode()
    return RawRecord.alone(body, position), None


def language(item: Item) -> str:
    return item[0].body[:2].decode()


@pytest.mark.parametrize("size", [400, 40_000])
def test_languages_and_lengths_come_in_the_shares_they_have(size: int) -> None:
    """Three quarters are Thai and come first; of each language half are long."""
    items = [record(n, "th" if n < size * 3 // 4 else "tr", 10 if n % 2 else 1000) for n in range(size)]
    taken, seen = stratified(iter(items), 40, language)
    shares = Counter((language(item), len(item[0].body) > 500) for item in taken)
    assert seen == size
    for name, expected in (("th", 15), ("tr", 5)):
        for long in (False, True):
            assert abs(shares[name, long] - expected) <= 2, shares


@pytest.mark.parametrize(("size", "count"), [(0, 5), (1, 5), (3, 5), (5, 5)])
def test_a_corpus_smaller_than_its_sample_is_taken_whole(size: int, count: int) -> None:
    items = [record(n, "de", n) for n in range(size)]
    taken, seen = stratified(iter(items), count, language)
    assert sorted(item[0].position for item in taken) == list(range(size))
    assert seen == size


# -- the whole forecast ------------------------------------------------------------------------------------------------


IMPROVING = improving()


def answer(request: TextRequest) -> TextReply:
    """Always as long: a rewrite of a hundred tokens in and ten out, a verdict of fifty and five."""
    prompt, completion = (50, 5) if request.schema is not None else (100, 10)
    return TextReply(
        text=IMPROVING(request),
        finish_reason=FinishReason.STOP,
        prompt_tokens=prompt,
        completion_tokens=completion,
        seconds=0.5,
    )


def test_what_a_sample_took_is_reckoned_for_all(tmp_path: Path) -> None:
    engine = ScriptedEngine(answer)
    corpus = write_corpus(tmp_path, 20)
    with (
        engine_on_a_loop(engine) as on_loop,
        session_over(corpus, on_loop, model="scripted", concurrency=2, **{"dry-run": 4}) as session,
    ):
        found = forecast(session, 4, lambda _: None)
        run = session.attached.run.id
        assert session.log.db.execute("SELECT status FROM runs WHERE id = ?", [run]).fetchone()[0] == "finished"
    assert (found.sampled, found.records, found.at_once) == (4, 20, 2)
    assert found.prompt_tokens == (4000, 4000, 4000)
    assert found.completion_tokens == (400, 400, 400)
    assert found.seconds == (15, 15, 15), "one and a half seconds a record, two at once"
    assert (found.calls_per_record, found.improved, found.reverted) == (3.0, 4, 0)
    assert (found.judge_orders, found.verdicts_per_record) == (2, 2.0)
    assert found.verdict_tokens == (2200, 2200, 2200)
    assert len(engine.requests) == 12
    assert names_in(tmp_path) == ["c.boosted.jsonl.audit.db", "c.jsonl"]


def test_a_single_record_says_little_about_the_others(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, 9)
    with (
        engine_on_a_loop(ScriptedEngine(answer)) as on_loop,
        session_over(corpus, on_loop, model="scripted", **{"dry-run": 1}) as session,
    ):
        assert forecast(session, 1, lambda _: None).prompt_tokens == (0, 1800, 3600)


def test_a_verdict_in_one_order_costs_half(tmp_path: Path) -> None:
    engine = ScriptedEngine(answer)
    corpus = write_corpus(tmp_path, 4)
    with (
        engine_on_a_loop(engine) as on_loop,
        session_over(corpus, on_loop, model="scripted", **{"dry-run": 4, "judge-orders": 1}) as session,
    ):
        found = forecast(session, 4, lambda _: None)
    assert (found.judge_orders, found.verdicts_per_record, found.calls_per_record) == (1, 1.0, 2.0)
    assert found.verdict_tokens == (220, 220, 220)
    assert len(engine.requests) == 8


def test_lines_that_cannot_be_read_are_a_part_of_the_corpus_but_no_sample(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, 1)
    corpus.write_bytes(corpus.read_bytes() + b"oops\n")
    with (
        engine_on_a_loop(ScriptedEngine(answer)) as on_loop,
        session_over(corpus, on_loop, model="scripted", **{"dry-run": 5}) as session,
    ):
        found = forecast(session, 5, lambda _: None)
        assert (found.sampled, found.records) == (1, 2)
        corpus.write_bytes(b"oops\n")
        with pytest.raises(MidbError, match="none of the sampled records can be read"):
            forecast(session, 5, lambda _: None)
