"""The audit logs of finished shard runs: opened, checked one by one and against each other, and read along a corpus.

Knows how a corpus is cut, and nothing of what is made of the shards.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import orjson

from midb.audit.proof.verify import LogProof, verify
from midb.audit.reader import AuditReader
from midb.audit.rows import LoggedRecord, as_text
from midb.audit.run_rows import Checkpoint, Run
from midb.corpus.formats.base import Container
from midb.corpus.formats.containers import corpus_sha256, open_container
from midb.corpus.raw import RawRecord
from midb.domain.errors import MidbError
from midb.domain.hashing import file_sha256
from midb.domain.portability import usable_cores
from midb.domain.results import RejectedLine
from midb.runs.config import differences
from midb.shards.split import DigestSink, cut, owners_by_line, parse_shard_name, shard_of, shard_of_key
from midb.text.terminal import quote_word

#: Records whose logs take longer to prove than processes for it take to start.
_MANY = 50_000


class MergeError(MidbError):
    """Shards, their logs and the corpus do not fit together."""


@dataclass(frozen=True)
class ShardLog:
    """The log of one shard's finished run. ``number`` counts from 1."""

    path: Path
    reader: AuditReader
    run: Run
    checkpoint: Checkpoint
    number: int
    shards: int

    @property
    def name(self) -> str:
        """How people know the shard."""
        return f"shard {self.number} of {self.shards}"

    @property
    def output(self) -> Path:
        """Where the run's output lies: the log names it relative to itself; gathered files lie side by side."""
        folder = self.path.absolute().parent
        named = folder / self.run.output
        gathered = folder / Path(self.run.output).name
        return gathered if gathered.is_file() and not named.is_file() else named

    def note(self) -> str:
        """What a merged log says of this one: enough to find it, and to prove that it was not changed since."""
        lines = self.checkpoint.rejected_lines
        what = "1 rejected line" if lines == 1 else f"{lines:,} rejected lines"
        rejected = f", {what} with head {self.checkpoint.rejected_head}" if lines else ""
        return (
            f"{self.name} merged from {self.path.name}, run {self.run.id}: {self.checkpoint.records:,} records, head "
            f"{self.checkpoint.head}{rejected}; its corpus has sha256 {self.run.corpus_sha256}, its output "
            f"{self.run.output_sha256}"
        )

    def events(self) -> Iterator[tuple[str, str, str]]:
        """What the run said to its user: (when, level, message)."""
        sql = "SELECT at, level, message FROM run_events WHERE run_id = ? ORDER BY id"
        return ((row["at"], row["level"], row["message"]) for row in self.reader.query(sql, [self.run.id]))


@contextlib.contextmanager
def open_shards(paths: Sequence[Path]) -> Iterator[list[ShardLog]]:
    """The logs by number, each finished and all alike in their settings; MergeError where they are not."""
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise MergeError(f"{path} is named twice.", hint="Name each shard's log once.")
        seen.add(path.resolve())
    with contextlib.ExitStack() as stack:
        shards = [_opened(stack.enter_context(AuditReader(path)), len(paths)) for path in paths]
        shards.sort(key=lambda shard: shard.number)
        for shard in shards[1:]:
            _check_alike(shards[0], shard)
        for before, shard in itertools.pairwise(shards):
            if before.number == shard.number:
                raise MergeError(
                    f"{shard.name} is there twice: {before.path} and {shard.path}.", hint="Leave one of them out."
                )
        yield shards


def _opened(reader: AuditReader, given: int) -> ShardLog:
    path, run = reader.path, reader.run()
    if run.kind != "run":
        raise MergeError(f"{path} holds no run of a corpus.", hint="Name the logs that midb-agent run wrote.")
    if run.status != "finished":
        raise MergeError(
            f"the run of {path} is not finished ({run.status}).",
            hint=f"Finish it first, where it began: midb-agent run {quote_word(run.corpus)}",
        )
    if (limit := orjson.loads(run.config).get("limit")) is not None:
        raise MergeError(f"the run of {path} stopped early (--limit {limit}).", hint="Run the shard without --limit.")
    rows = list(reader.query("SELECT * FROM checkpoints WHERE run_id = ?", [run.id]))
    if not rows:
        raise MergeError(
            f"{path} lacks the checkpoint of its run.",
            hint=f"See: midb-agent audit verify --db {quote_word(str(path))}",
        )
    checkpoint = Checkpoint(**{name: rows[0][name] for name in Checkpoint.__dataclass_fields__})
    if checkpoint.position != checkpoint.records + checkpoint.rejected_lines:
        raise MergeError(
            f"the ledger of {path} does not balance: {checkpoint.position:,} read, {checkpoint.records:,} logged and "
            f"{checkpoint.rejected_lines:,} rejected.",
            hint=f"See: midb-agent audit summary --db {quote_word(str(path))}; run the shard again with --fresh.",
        )
    named = parse_shard_name(Path(run.corpus).name) or parse_shard_name(path.name)
    number, shards = named or (_number_by_key(reader, run, given), given)
    return ShardLog(path, reader, run, checkpoint, number, shards)


def _number_by_key(reader: AuditReader, run: Run, shards: int) -> int:
    """Which shard a log without a telling name is of: the key of any record says it, unless it is a mere position."""
    for record in reader.records("r.run_id = ?", [run.id]):
        if record.record_key != f"#{record.position}":
            return shard_of_key(record.record_key, shards)
    raise MergeError(
        f"{reader.path} does not say which shard it is of.", hint="Rename it to NAME.shard-K-of-N.audit.db."
    )


def _check_alike(first: ShardLog, other: ShardLog) -> None:
    both = f"{first.path} and {other.path}"
    if first.shards != other.shards:
        raise MergeError(
            f"{first.path} is of {first.shards} shards and {other.path} of {other.shards}.",
            hint="Merge the shards of one split.",
        )
    if first.run.engine != other.run.engine:
        raise MergeError(
            f"other engines made {both}: {first.run.engine}, and {other.run.engine}.",
            hint="Run one of the shards again with the engine of the others (--fresh).",
        )
    settings = orjson.loads(other.run.config)
    # A source that is aligned by line is cut along with the corpus: each shard has its own.
    if differ := differences(first.run.config, settings | {"source": orjson.loads(first.run.config).get("source")}):
        differ = differ.replace(" before, ", f" in {first.path.name}, ").replace(" now)", f" in {other.path.name})")
        raise MergeError(
            f"the runs of {both} had other settings: {differ}.", hint="Run one of them again with --fresh."
        )


def check_complete(shards: Sequence[ShardLog], corpus: Container) -> None:
    """MergeError where a shard is missing that a record of the corpus belongs to (one without records needs no log)."""
    have, count = {shard.number for shard in shards}, shards[0].shards
    if len(have) == count:
        return
    for item in corpus.read():
        if isinstance(item, RawRecord) and (number := shard_of(item, count)) not in have:
            raise MergeError(
                f"shard {number} of {count} is missing: line {item.line:,} of {corpus.path} belongs to it.",
                hint="Name the audit logs of all shards.",
            )


def prove_logs(shards: Sequence[ShardLog]) -> Iterator[LogProof]:
    """What a proof of each log finds, in their order; many records are proved by several processes."""
    paths = [shard.path for shard in shards]
    processes = min(len(paths), usable_cores())
    if processes < 2 or sum(shard.checkpoint.records for shard in shards) < _MANY:
        yield from map(verify, paths)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _leave_signals) as pool:
        yield from pool.map(verify, paths)


def _leave_signals() -> None:
    """Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def check_intact(shard: ShardLog, verdict: LogProof) -> None:
    """MergeError where a log, of which a proof found this, or its output is not as the run left it."""
    if verdict.problems:
        problem = verdict.problems[0]
        row = f" {problem.row}" if problem.row else ""
        more = f" (and {verdict.problem_count - 1:,} more)" if verdict.problem_count > 1 else ""
        raise MergeError(
            f"{shard.path} was changed: {problem.table}{row}: {problem.message}{more}.",
            hint=f"See: midb-agent audit verify --db {quote_word(str(shard.path))}; bring an intact copy, "
            "or run the shard again.",
        )
    output = shard.output
    if not output.is_file():
        raise MergeError(
            f"the output of {shard.name} is not at {output}.", hint="Keep each log and its output as the run left them."
        )
    if file_sha256(output) != shard.run.output_sha256:
        raise MergeError(
            f"{output} was changed since its run ended.", hint="Bring an intact copy, or run the shard with --fresh."
        )


def merged_source(shards: Sequence[ShardLog], corpus: Container, source: Path | None) -> str | None:
    """The SHA-256 of the source of the whole corpus, as a run over it would log it.

    Runs that had each a part of it need ``source``; what it gives when it is cut is held against what they read.
    (Not where it is compressed: another version of a library packs the same text into other bytes.)
    """
    used: dict[int, str | None] = {shard.number: orjson.loads(shard.run.config).get("source") for shard in shards}
    sha256 = corpus_sha256(source) if source else None
    if len(set(used.values())) == 1 and (source is None or sha256 in used.values()):
        return next(iter(used.values()))
    if source is None:
        raise MergeError(
            "each shard was run with a source of its own.", hint="Name the one they were cut from: --source FILE"
        )
    container = open_container(source)
    if not getattr(container, "compression", ""):
        sinks = [DigestSink() for _ in range(shards[0].shards)]
        cut(container, owners_by_line(corpus, len(sinks)), sinks)
        for shard in shards:
            if sinks[shard.number - 1].sha256() != used[shard.number]:
                raise MergeError(
                    f"the source that {shard.name} was run with is no part of {source}.",
                    hint="Name the source that was cut along with the corpus.",
                )
    return sha256


class ShardCursor:
    """Goes through a shard's log and output as the corpus is read; each record is asked for once, in order."""

    def __init__(self, shard: ShardLog) -> None:
        self.shard = shard
        self.taken = 0
        reader, run = shard.reader, shard.run
        self._records = reader.records("r.run_id = ?", [run.id])
        self._record = next(self._records, None)
        sql = "SELECT * FROM rejected_lines WHERE run_id = ? ORDER BY position"
        self._lines = reader.query(sql, [run.id])
        self._line = next(self._lines, None)
        self._output = open_container(shard.output)
        self._bodies = (item for item in self._output.read() if isinstance(item, RawRecord))

    def take(self, raw: RawRecord) -> RejectedLine | tuple[LoggedRecord, bytes]:
        """What became of the corpus's record ``raw``, the next of this shard: a rejected line with the place it has in
        the corpus, or the logged record with its bytes in the shard's output."""
        position = self.taken
        self.taken += 1
        if self._line is not None and self._line["position"] == position:
            line, self._line = self._line, next(self._lines, None)
            if (line["length"], line["sha256"]) != (raw.length, raw.sha256()):
                raise self.unlike(raw)
            return RejectedLine(
                raw.position, raw.line, raw.offset, raw.length, raw.sha256(), as_text(line["reason"]),
                as_text(line["message"]),
            )  # fmt: skip
        if self._record is None or self._record.position != position:
            raise MergeError(
                f"line {raw.line:,} of the corpus was not in {self.shard.name} when it was run: the log holds "
                f"{position:,} records, and this would be the next.",
                hint="The corpus must be the one that was split.",
            )
        row, self._record = self._record, next(self._records, None)
        body = next(self._bodies, None)
        if body is None:
            raise MergeError(f"{self.shard.output} has fewer records than its log.", hint="Run the shard again.")
        return self.shard.reader.parts(row), body.body

    def unlike(self, raw: RawRecord, key: str = "") -> MergeError:
        """The error for a record that is not the one the shard's run read."""
        what = f"record {key} (line {raw.line:,})" if key else f"line {raw.line:,}"
        return MergeError(
            f"{what} of the corpus is not what {self.shard.name} read in its place.",
            hint="The corpus or the shard was changed since the split: merge with the corpus that was split.",
        )

    def check_end(self) -> None:
        """MergeError where the shard has more than the corpus gave it."""
        if self._record is not None or self._line is not None:
            total = self.shard.checkpoint.position
            raise MergeError(
                f"{self.shard.name} was run with {total:,} records, of which the corpus has only {self.taken:,}.",
                hint="The corpus must be the one that was split.",
            )
        if next(self._bodies, None) is not None:
            raise MergeError(f"{self.shard.output} has more records than its log.", hint="Run the shard again.")
