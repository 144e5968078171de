"""One record of a merge: that corpus, log and output of its shard agree on it, and what a merged log says of it.

Rows become decisions and findings again, with positions of the whole corpus. Writes nothing but generations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import orjson

from midb.audit.generation_rows import full_prompt
from midb.audit.log import AuditLog
from midb.audit.results import logged_pairs
from midb.audit.rows import LoggedRecord
from midb.audit.run_rows import Run
from midb.audit.texts import parse_texts, texts_hash
from midb.corpus.layouts import RecordError
from midb.corpus.raw import RawRecord
from midb.corpus.reading import RecordReader
from midb.corpus.records import ParsedRecord
from midb.corpus.splice import Stages, add_stage, splice
from midb.domain.decisions import Outcome, PairResult, standing
from midb.domain.generations import Generation, GenerationKey
from midb.domain.results import RecordResult
from midb.locales import LANGUAGES
from midb.shards.logs import ShardCursor, ShardLog


class RecordMerger:
    """Makes results out of logged records. ``readers`` are tried in turn: a shard may have read a record otherwise.

    ``pinned``: each shard was read as the whole corpus is, so that its languages are those of one run.
    """

    def __init__(self, readers: Sequence[RecordReader], *, pinned: bool = False) -> None:
        self._readers = readers
        self._pinned = pinned
        self._strays = 0
        self._stray = ""

    def result(self, cursor: ShardCursor, raw: RawRecord, logged: LoggedRecord, body: bytes) -> RecordResult:
        """The result of a record ``raw`` of the corpus, which has the bytes ``body`` in its shard's output.

        Raises MergeError where it is not the record that was logged, or the output is not what the log says of it.
        """
        row = logged.row
        parsed = self._parsed(raw, row.original_hash)
        if parsed is None or row.record_key not in (parsed.key, f"#{row.position}"):
            raise cursor.unlike(raw, row.record_key)
        self._compare_language(row.language, parsed)
        originals = [slot.pair for slot in parsed.slots]
        finals = list(parse_texts(row.final_text)) if row.final_text is not None else originals
        pairs = logged_pairs(logged, originals, finals)
        if body not in _possible_bodies(raw, parsed, pairs):
            raise cursor.unlike(raw, row.record_key)
        new = None if body == raw.body else body
        return RecordResult(raw.position, raw.line, parsed.key, row.language, Outcome(row.outcome), pairs, new)

    def warning(self) -> str:
        """What a user should know at the end, if anything."""
        if not self._strays:
            return ""
        records = "1 record was" if self._strays == 1 else f"{self._strays:,} records were"
        return (
            f"{records} examined in another language than a run over the whole corpus would have ({self._stray}): "
            "what a shard is mostly written in was found out from the shard; --language settles it"
        )

    def _parsed(self, raw: RawRecord, original_hash: str) -> ParsedRecord | None:
        for reader in self._readers:
            try:
                parsed = reader.parse(raw, texts_alone=True)
            except RecordError:
                continue
            if texts_hash([slot.pair for slot in parsed.slots]) == original_hash:
                return parsed
        return None

    def _compare_language(self, logged: str, parsed: ParsedRecord) -> None:
        """Count a record whose language would be another one without looking at its text; what is in none of ours reads
        so in every run."""
        if self._pinned or logged not in LANGUAGES:
            return
        expected = self._readers[0].rules.languages.expect(parsed.declared, parsed.key)
        if expected and expected != logged:
            self._strays += 1
            self._stray = self._stray or f"{parsed.key}: {logged}, not {expected}"


def _possible_bodies(raw: RawRecord, parsed: ParsedRecord, pairs: Sequence[PairResult]) -> set[bytes]:
    """The bytes that a record may have after its edits. New characters are escaped as the corpus has them; in a record
    that shows neither way, as the shard had them."""
    stages: Stages = {}
    for slot, pair in zip(parsed.slots, pairs, strict=True):
        for _, decision in standing(pair.decisions):
            add_stage(stages, slot.paths, decision.edits)
    if not stages:
        return {raw.body}
    return {splice(raw.body, stages, ascii_only=ascii_only) for ascii_only in (False, True)}


def carry_generations(log: AuditLog, run: Run, batch: Sequence[tuple[ShardLog, RecordResult]]) -> list[RecordResult]:
    """Take along the generations that decisions of a batch refer to; returns the results, which refer to the new rows.

    Two shards may have asked the same and got different answers. The merged log has one row for each: the sampling of
    the second one names its shard, so that no run takes it for the answer to that prompt.
    """
    new: dict[GenerationKey, Generation] = {}
    keys: dict[tuple[int, int], GenerationKey] = {}
    for shard, result in batch:
        for decision in (decision for pair in result.pairs for decision in pair.decisions):
            if decision.generation is None or (place := (shard.number, decision.generation)) in keys:
                continue
            generation = _generation(shard, decision.generation)
            for key in (generation.key, _of_shard(generation.key, shard)):
                there = new.get(key) or log.find_generation(key)
                if there is None:
                    new[key] = dataclasses.replace(generation, key=key)
                if there is None or there.completion == generation.completion:
                    keys[place] = key
                    break
    written = {generation.key: generation.id for generation in log.add_generations(run, list(new.values()))}
    ids: dict[tuple[int, int], int] = {}
    for place, key in keys.items():
        there = None if key in written else log.find_generation(key)
        ids[place] = written[key] if there is None else there.id
    return [_renumbered(shard, result, ids) for shard, result in batch]


def _generation(shard: ShardLog, number: int) -> Generation:
    """A generation of a shard's log, with all its messages."""
    (row,) = shard.reader.query("SELECT * FROM generations WHERE id = ?", [number])
    prompt = full_prompt(shard.reader.connection, row["prompt"])
    counts = ("prompt_tokens", "completion_tokens", "cached_tokens", "drafted", "accepted", "steps", "retries")
    return Generation(
        key=GenerationKey(row["prompt_hash"], row["engine"], row["sampling"]),
        pass_=row["pass"],
        messages=tuple((message["role"], message["content"]) for message in prompt),
        completion=row["completion"],
        finish_reason=row["finish_reason"],
        seconds=row["seconds"],
        **{name: row[name] for name in counts},
    )


def _of_shard(key: GenerationKey, shard: ShardLog) -> GenerationKey:
    sampling = {"sampling": key.sampling, "shard": f"{shard.number}/{shard.shards}"}
    return dataclasses.replace(key, sampling=orjson.dumps(sampling).decode())


def _renumbered(shard: ShardLog, result: RecordResult, ids: dict[tuple[int, int], int]) -> RecordResult:
    if not ids:
        return result
    pairs = tuple(
        dataclasses.replace(
            pair,
            decisions=tuple(
                decision
                if decision.generation is None
                else dataclasses.replace(decision, generation=ids[shard.number, decision.generation])
                for decision in pair.decisions
            ),
        )
        for pair in result.pairs
    )
    return dataclasses.replace(result, pairs=pairs)
