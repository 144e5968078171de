"""One record of a merge: corpus, log and output of its shard agree on it, or it is not merged."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from cli_fixtures import rows
from same_runs import execute
from shard_halves import Halves
from small_runs import BROKEN, MENDED

from midb.audit.log import AuditLog
from midb.audit.proof.verify import verify
from midb.corpus.formats.containers import open_container
from midb.corpus.language_plan import LanguagePlan
from midb.corpus.layouts import parse_mapping
from midb.corpus.raw import RawRecord
from midb.corpus.reading import ReadingRules, RecordReader
from midb.domain.decisions import Outcome
from midb.domain.generations import Generation, GenerationKey
from midb.domain.results import RecordResult
from midb.shards.logs import MergeError, ShardCursor, ShardLog, open_shards
from midb.shards.records import RecordMerger, carry_generations
from midb.shards.split import shard_of
from midb.text.languages import LanguageIdentifier


def merger(languages: LanguagePlan | None = None) -> RecordMerger:
    rules = ReadingRules(languages=languages or LanguagePlan())
    return RecordMerger([RecordReader(rules, LanguageIdentifier())])


def records(corpus: Path, number: int) -> list[RawRecord]:
    """The records of a corpus that fall to a shard, but for the line that cannot be read."""
    items = [item for item in open_container(corpus).read() if isinstance(item, RawRecord)]
    return [raw for raw in items if shard_of(raw, 2) == number and raw.body != b"oops"]


def merged(shard: ShardLog, corpus: Path, by: RecordMerger) -> list[RecordResult]:
    cursor = ShardCursor(shard)
    results = []
    for raw in records(corpus, shard.number):
        found = cursor.take(raw)
        assert isinstance(found, tuple)
        results.append(by.result(cursor, raw, *found))
    return results


def test_a_result_is_what_the_run_said_at_its_place_in_the_corpus(run_halves: Halves, shards: list[ShardLog]) -> None:
    for shard in shards:
        for raw, result in zip(
            records(run_halves.corpus, shard.number), merged(shard, run_halves.corpus, merger()), strict=True
        ):
            said = json.loads(raw.body)
            assert (result.position, result.line, result.key) == (raw.position, raw.line, said["id"])
            (pair,) = result.pairs
            assert (pair.original.response, pair.final.response) == (said["output"], MENDED)
            improved = said["output"] == BROKEN
            assert result.outcome is (Outcome.IMPROVED if improved else Outcome.UNCHANGED)
            assert [finding.finding.kind for finding in pair.findings] == (["mojibake"] if improved else [])
            assert (result.body is None) == (not improved)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Gru", b"Gra"),  # a text
        (b'"id": ', b'"id":  '),  # what is no text
        (b'"output": ', b'"response": '),
    ],
)
def test_a_record_that_the_run_did_not_read_is_noticed(
    before: bytes, after: bytes, run_halves: Halves, shards: list[ShardLog]
) -> None:
    raw = records(run_halves.corpus, 1)[0]
    changed = dataclasses.replace(raw, body=raw.body.replace(before, after))
    cursor = ShardCursor(shards[0])
    found = cursor.take(changed)
    assert isinstance(found, tuple)
    with pytest.raises(MergeError, match=r"of the corpus is not what shard 1 of 2 read in its place"):
        merger().result(cursor, changed, *found)


def test_another_key_is_noticed_unless_it_is_a_mere_position(halves: Halves) -> None:
    execute(halves.log(1), "UPDATE records SET record_key = '#' || position")
    with open_shards(halves.logs) as shards:
        assert [result.key for result in merged(shards[0], halves.corpus, merger())] == [
            json.loads(raw.body)["id"] for raw in records(halves.corpus, 1)
        ]
    execute(halves.log(1), "UPDATE records SET record_key = 'another'")
    with open_shards(halves.logs) as shards, pytest.raises(MergeError, match="record another "):
        merged(shards[0], halves.corpus, merger())


def test_an_output_that_is_not_what_the_log_says_is_noticed(run_halves: Halves, shards: list[ShardLog]) -> None:
    cursor = ShardCursor(shards[0])
    for raw in records(run_halves.corpus, 1):
        found = cursor.take(raw)
        assert isinstance(found, tuple)
        logged, body = found
        with pytest.raises(MergeError, match="is not what"):
            merger().result(cursor, raw, logged, body.replace(b"Gru", b"Gra"))
        if json.loads(raw.body)["output"] == BROKEN:
            with pytest.raises(MergeError, match="is not what"):  # without the edit that the log has
                merger().result(cursor, raw, logged, raw.body)


def test_a_record_may_have_been_read_by_other_rules(run_halves: Halves, shards: list[ShardLog]) -> None:
    """What is usual in a shard need not be what is usual in the corpus: the readers are tried in turn."""
    mapped = ReadingRules(languages=LanguagePlan(), mapping=parse_mapping("instruction=id"))
    plain = ReadingRules(languages=LanguagePlan())
    only_mapped, both = (
        RecordMerger([RecordReader(one, LanguageIdentifier()) for one in rules])
        for rules in ((mapped,), (mapped, plain))
    )
    with pytest.raises(MergeError):
        merged(shards[0], run_halves.corpus, only_mapped)
    assert len(merged(shards[0], run_halves.corpus, both)) == len(records(run_halves.corpus, 1))


def test_other_languages_than_one_run_would_have_taken_are_told(run_halves: Halves, shards: list[ShardLog]) -> None:
    agrees = merger(LanguagePlan(fixed="de"))
    merged(shards[0], run_halves.corpus, agrees)
    assert agrees.warning() == ""
    differs = merger(LanguagePlan(fixed="fr"))
    cursor = ShardCursor(shards[0])
    first, second, *_ = records(run_halves.corpus, 1)
    for raw, told in ((first, "1 record was"), (second, "2 records were")):
        found = cursor.take(raw)
        assert isinstance(found, tuple)
        differs.result(cursor, raw, *found)
        assert differs.warning().startswith(f"{told} examined in another language")
    key = json.loads(first.body)["id"]
    assert f"({key}: de, not fr)" in differs.warning()


@pytest.mark.parametrize(("language", "pinned"), [("de", True), ("la", False)])
def test_no_warning_where_one_run_would_have_read_it_so(
    shards: list[ShardLog], run_halves: Halves, language: str, pinned: bool
) -> None:
    """Shards that were read by a survey, and records in languages that are none of ours."""
    rules = ReadingRules(languages=LanguagePlan(fixed="fr"))
    by = RecordMerger([RecordReader(rules, LanguageIdentifier())], pinned=pinned)
    cursor = ShardCursor(shards[0])
    raw = records(run_halves.corpus, 1)[0]
    taken = cursor.take(raw)
    assert isinstance(taken, tuple)
    logged, body = taken
    row = dataclasses.replace(logged.row, language=language)
    by.result(cursor, raw, dataclasses.replace(logged, row=row), body)
    assert by.warning() == ""


# -- replies of a model ------------------------------------------------------------------------------------------------


def generation(prompt: str, completion: str) -> Generation:
    return Generation(
        key=GenerationKey(prompt, "engine", '{"temperature":0.0}'), pass_="content",
        messages=(("system", "Mend the text."), ("user", prompt)), completion=completion, finish_reason="stop",
        prompt_tokens=7, seconds=0.5,
    )  # fmt: skip


def referring(result: RecordResult, reply: Generation) -> RecordResult:
    """The result with a first decision that a reply of a model led to."""
    pair = result.pairs[0]
    first = dataclasses.replace(pair.decisions[0], prompt_hash=reply.key.prompt_hash, generation=reply.id)
    return dataclasses.replace(
        result, pairs=(dataclasses.replace(pair, decisions=(first, *pair.decisions[1:])), *result.pairs[1:])
    )


def answered(halves: Halves, answers: dict[int, Sequence[Generation]]) -> list[tuple[int, RecordResult]]:
    """Results of the shards by number, as if a model had been asked; the replies are in the shards' logs."""
    found: list[tuple[int, RecordResult]] = []
    with open_shards(halves.logs) as shards:
        results = {shard.number: merged(shard, halves.corpus, merger()) for shard in shards}
    for number, replies in answers.items():
        with AuditLog(halves.log(number)) as log:
            run = log.latest_run()
            assert run is not None
            written = log.add_generations(run, [generation("unused", "-"), *replies])[1:]
        for result, reply in zip(results[number], written, strict=False):
            found.append((number, dataclasses.replace(referring(result, reply), position=len(found))))
    return found


def test_generations_that_decisions_refer_to_are_carried_over(halves: Halves) -> None:
    """The same answer of two shards becomes one row, another answer to the same prompt a second one."""
    results = answered(
        halves,
        {1: [generation("a", "A"), generation("b", "B")], 2: [generation("a", "A"), generation("b", "other")]},
    )
    db = halves.folder / "new.db"
    with open_shards(halves.logs) as shards, AuditLog(db) as log:
        run, checkpoint = log.begin(dataclasses.replace(shards[0].run, status="running"))
        by_number = {shard.number: shard for shard in shards}
        for number, result in results:  # one by one: what an earlier batch wrote is found again
            carried = carry_generations(log, run, [(by_number[number], result)])
            moved = dataclasses.replace(checkpoint, position=checkpoint.position + 1)
            checkpoint = log.write_batch(run, carried, [], moved)
    sql = "SELECT g.prompt_hash, g.completion, g.seconds FROM decisions d JOIN generations g ON g.id = d.generation_id"
    assert rows(db, f"{sql} ORDER BY d.id") == [("a", "A", 0.5), ("b", "B", 0.5), ("a", "A", 0.5), ("b", "other", 0.5)]
    assert rows(db, "SELECT sampling FROM generations ORDER BY id")[2] == (
        '{"sampling":"{\\"temperature\\":0.0}","shard":"2/2"}',
    )
    assert rows(db, "SELECT count(*) FROM generations") == [(3,)], "what nobody refers to stays where it is"
    assert rows(db, "SELECT text FROM prompts") == [("Mend the text.",)]
    verdict = verify(db)
    assert verdict.intact, verdict.problems


def test_the_replies_of_one_batch_are_carried_together(halves: Halves) -> None:
    same = [generation("a", "A")]
    results = answered(halves, {1: same, 2: same})
    with open_shards(halves.logs) as shards, AuditLog(halves.folder / "new.db") as log:
        run, _ = log.begin(shards[0].run)
        carried = carry_generations(log, run, [(shards[number - 1], result) for number, result in results])
        referred = [pair.decisions[0].generation for result in carried for pair in result.pairs]
    assert referred == [1, 1]
    assert rows(halves.folder / "new.db", "SELECT count(*) FROM generations") == [(1,)]


def test_results_without_replies_are_what_they_were(run_halves: Halves, shards: list[ShardLog], tmp_path: Path) -> None:
    results = [(shards[0], result) for result in merged(shards[0], run_halves.corpus, merger())]
    with AuditLog(tmp_path / "new.db") as log:
        run, _ = log.begin(shards[0].run)
        assert carry_generations(log, run, results) == [result for _, result in results]
