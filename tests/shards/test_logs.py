"""The logs of shards: opened only where they are of finished runs that fit together, and read along the corpus."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from same_runs import execute
from shard_halves import Halves
from small_runs import MENDED, run_over, write_lines

from midb.audit.log import AuditLog
from midb.audit.proof.verify import verify
from midb.corpus.formats.containers import open_container
from midb.corpus.raw import RawRecord
from midb.domain.hashing import file_sha256
from midb.domain.results import RejectedLine
from midb.shards import logs
from midb.shards.logs import (
    MergeError,
    ShardCursor,
    ShardLog,
    check_complete,
    check_intact,
    merged_source,
    open_shards,
    prove_logs,
)
from midb.shards.split import shard_of, shard_of_key, split


def records(path: Path) -> list[RawRecord]:
    return [item for item in open_container(path).read() if isinstance(item, RawRecord)]


def refused(logs: list[Path]) -> MergeError:
    with pytest.raises(MergeError) as caught, open_shards(logs):
        pass
    assert caught.value.hint
    return caught.value


def test_logs_come_in_the_order_of_their_shards(run_halves: Halves) -> None:
    with open_shards(run_halves.logs[::-1]) as shards:
        assert [(shard.number, shard.shards, shard.name) for shard in shards] == [
            (1, 2, "shard 1 of 2"), (2, 2, "shard 2 of 2"),
        ]  # fmt: skip
        assert [shard.path for shard in shards] == run_halves.logs
        assert sum(shard.checkpoint.position for shard in shards) == 10


def test_a_log_says_which_shard_it_is_of_by_any_key(halves: Halves) -> None:
    """Where neither the corpus nor the log has a telling name."""
    for number, name in ((1, "b.db"), (2, "a.db")):
        execute(halves.log(number), "UPDATE runs SET corpus = 'renamed.jsonl'")
        halves.log(number).rename(halves.folder / name)
    with open_shards([halves.folder / "a.db", halves.folder / "b.db"]) as shards:
        assert [shard.path.name for shard in shards] == ["b.db", "a.db"]
    execute(halves.folder / "a.db", "UPDATE records SET record_key = '#' || position")
    told = refused([halves.folder / "a.db", halves.folder / "b.db"])
    assert "does not say which shard it is of" in told.message


def set_status(log: Path, status: str) -> None:
    with AuditLog(log) as opened:
        run = opened.latest_run()
        assert run is not None
        opened.set_status(run, status)


UNFIT: dict[str, tuple[Callable[[Path], None], str]] = {
    "unfinished": (lambda log: set_status(log, "interrupted"), "is not finished (interrupted)"),
    "a revert": (lambda log: execute(log, "UPDATE runs SET kind = 'revert'"), "holds no run of a corpus"),
    "limited": (
        lambda log: execute(log, "UPDATE runs SET config = json_set(config, '$.limit', 3)"),
        "stopped early (--limit 3)",
    ),
    "without a checkpoint": (lambda log: execute(log, "DELETE FROM checkpoints"), "lacks the checkpoint"),
    "unbalanced": (lambda log: execute(log, "UPDATE checkpoints SET position = 99"), "does not balance: 99 read"),
    "of another engine": (lambda log: execute(log, "UPDATE runs SET engine = 'tiny 2'"), "other engines made"),
    "with other settings": (
        lambda log: execute(log, "UPDATE runs SET config = json_set(config, '$.language', 'fr')"),
        "had other settings: language (de in c.shard-1-of-2.boosted.jsonl.audit.db, "
        "fr in c.shard-2-of-2.boosted.jsonl.audit.db)",
    ),
    "of another split": (
        lambda log: execute(log, "UPDATE runs SET corpus = 'c.shard-2-of-3.jsonl'"), "is of 2 shards and",
    ),
    "of the same shard": (
        lambda log: execute(log, "UPDATE runs SET corpus = 'c.shard-1-of-2.jsonl'"), "shard 1 of 2 is there twice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", UNFIT)
def test_a_log_that_does_not_fit_is_named(how: str, halves: Halves) -> None:
    spoil, told = UNFIT[how]
    spoil(halves.log(2))
    error = refused(halves.logs)
    assert told in error.message
    assert "shard-2-of-2" in error.message


def test_a_log_is_named_once(run_halves: Halves) -> None:
    assert "is named twice" in refused([*run_halves.logs, run_halves.log(1)]).message


def test_each_shard_may_have_had_a_part_of_the_source(halves: Halves) -> None:
    for number, sha256 in ((1, "aa"), (2, "bb")):
        execute(halves.log(number), "UPDATE runs SET config = json_set(config, '$.source', ?)", sha256)
    with open_shards(halves.logs) as shards, pytest.raises(MergeError, match="a source of its own"):
        merged_source(shards, open_container(halves.corpus), None)


def test_a_source_that_was_cut_along_is_known_again(halves: Halves) -> None:
    source = write_lines(halves.folder / "en.jsonl", *({"instruction": f"Greeting {n}"} for n in range(10)))
    for cut in split(halves.corpus, 2, folder=halves.folder, source=source).cuts:
        assert cut.source is not None
        sql = "UPDATE runs SET config = json_set(config, '$.source', ?)"
        execute(halves.log(cut.number), sql, file_sha256(cut.source))
    other = write_lines(halves.folder / "other.jsonl", *({"instruction": f"Gruss {n}"} for n in range(10)))
    with open_shards(halves.logs) as shards:
        assert merged_source(shards, open_container(halves.corpus), source) == file_sha256(source)
        with pytest.raises(MergeError, match=r"is no part of .*other\.jsonl"):
            merged_source(shards, open_container(halves.corpus), other)


def test_a_source_that_all_had_is_theirs(halves: Halves, shards: list[ShardLog]) -> None:
    assert merged_source(shards, open_container(halves.corpus), None) is None
    source = write_lines(halves.folder / "en.jsonl", {"instruction": "x"})
    for log in halves.logs:
        execute(log, "UPDATE runs SET config = json_set(config, '$.source', ?)", file_sha256(source))
    with open_shards(halves.logs) as opened:
        for given in (None, source):
            assert merged_source(opened, open_container(halves.corpus), given) == file_sha256(source)


def test_a_missing_shard_is_missed_where_a_record_falls_to_it(run_halves: Halves, tmp_path: Path) -> None:
    with open_shards(run_halves.logs[:1]) as shards:
        with pytest.raises(MergeError, match="shard 2 of 2 is missing: line "):
            check_complete(shards, open_container(run_halves.corpus))
        first = [raw.body for raw in records(run_halves.corpus) if shard_of(raw, 2) == 1]
        check_complete(shards, open_container(write_lines(tmp_path / "c.jsonl", *first)))


def test_a_log_and_its_output_are_as_the_run_left_them(halves: Halves) -> None:
    def checked() -> str:
        with open_shards(halves.logs) as shards:
            try:
                check_intact(shards[1], verify(shards[1].path))
            except MergeError as error:
                return error.message
        return ""

    assert checked() == ""
    output = halves.output(2)
    whole = output.read_bytes()
    output.write_bytes(whole.replace(MENDED.encode(), b"Neu.", 1))
    assert checked().endswith("was changed since its run ended.")
    output.unlink()
    assert "the output of shard 2 of 2 is not at " in checked()
    output.write_bytes(whole)
    execute(halves.log(2), "UPDATE records SET record_key = 'other' WHERE position = 0")
    assert "audit.db was changed: records" in checked()


def test_an_output_that_was_gathered_lies_beside_its_log(halves: Halves) -> None:
    gathered = halves.folder / "all"
    gathered.mkdir()
    execute(halves.log(1), "UPDATE runs SET output = '../far/c.shard-1-of-2.boosted.jsonl'")
    log = Path(shutil.move(halves.log(1), gathered))
    with open_shards([log]) as (shard,):
        assert shard.output == gathered / "../far/c.shard-1-of-2.boosted.jsonl"
        output = Path(shutil.move(halves.output(1), gathered))
        assert shard.output == output


def test_a_merged_log_can_tell_which_logs_it_was_made_of(shards: list[ShardLog]) -> None:
    for shard in shards:
        note = shard.note()
        assert note.startswith(f"shard {shard.number} of 2 merged from c.shard-{shard.number}-of-2.boosted.jsonl")
        assert shard.checkpoint.head in note
        assert str(shard.run.output_sha256) in note
        assert (shard.checkpoint.rejected_head in note) == (shard.checkpoint.rejected_lines > 0)
    assert sum("1 rejected line with" in shard.note() for shard in shards) == 1


def test_what_a_run_said_comes_with_its_time(tmp_path: Path) -> None:
    record = {"id": "de-1", "instruction": "x", "output": MENDED}
    number = shard_of_key("de-1", 2)
    corpus = write_lines(tmp_path / f"c.shard-{number}-of-2.jsonl", record, record)
    run_over(corpus)
    with open_shards([tmp_path / f"c.shard-{number}-of-2.boosted.jsonl.audit.db"]) as (shard,):
        ((at, level, message),) = shard.events()
    assert (level, message[:11]) == ("warning", "1 id stands")
    assert at >= shard.run.started_at


# -- reading along the corpus ------------------------------------------------------------------------------------------


def cursors(shards: list[ShardLog]) -> dict[int, ShardCursor]:
    return {shard.number: ShardCursor(shard) for shard in shards}


def test_each_record_finds_what_became_of_it(run_halves: Halves, shards: list[ShardLog]) -> None:
    along = cursors(shards)
    for raw in records(run_halves.corpus):
        found = along[shard_of(raw, 2)].take(raw)
        if raw.body == b"oops":
            assert isinstance(found, RejectedLine)
            assert (found.position, found.line, found.offset) == (raw.position, raw.line, raw.offset)
            assert found.reason == "invalid-json"
        else:
            assert isinstance(found, tuple)
            logged, body = found
            assert logged.row.record_key == json.loads(raw.body)["id"] == json.loads(body)["id"]
            assert json.loads(body)["output"] == MENDED
    for cursor in along.values():
        cursor.check_end()


def test_another_line_in_place_of_a_rejected_one_is_noticed(run_halves: Halves, shards: list[ShardLog]) -> None:
    number = shard_of(records(run_halves.corpus)[-1], 2)
    cursor = cursors(shards)[number]
    mine = [raw for raw in records(run_halves.corpus) if shard_of(raw, 2) == number]
    for raw in mine[:-1]:
        cursor.take(raw)
    with pytest.raises(MergeError, match=f"line 1 of the corpus is not what shard {number} of 2 read in its place"):
        cursor.take(RawRecord.alone(b"OOPS"))


def test_a_corpus_with_more_or_fewer_records_is_another_one(run_halves: Halves, shards: list[ShardLog]) -> None:
    along = cursors(shards)
    every = records(run_halves.corpus)
    for raw in every[:-2]:
        along[shard_of(raw, 2)].take(raw)
    shorter = along[shard_of(every[-2], 2)]
    with pytest.raises(MergeError, match="of which the corpus has only"):
        shorter.check_end()
    for raw in every[-2:]:
        along[shard_of(raw, 2)].take(raw)
    with pytest.raises(MergeError, match="line 3 of the corpus was not in shard 1 of 2 when it was run"):
        along[1].take(every[2])


@pytest.mark.parametrize("lines", [-1, 1])
def test_an_output_of_another_length_is_noticed(lines: int, halves: Halves) -> None:
    number = 1
    output = halves.output(number)
    whole = output.read_bytes().splitlines(keepends=True)
    output.write_bytes(b"".join(whole[:lines] if lines < 0 else [*whole, whole[0]]))
    with open_shards(halves.logs) as shards:
        cursor = cursors(shards)[number]
        told = "fewer" if lines < 0 else "more"
        with pytest.raises(MergeError, match=f"has {told} records than its log"):
            for raw in records(halves.corpus):
                if shard_of(raw, 2) == number:
                    cursor.take(raw)
            cursor.check_end()


def test_many_logs_are_proved_by_several_processes_with_the_same_result(
    halves: Halves, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(halves.log(2), "UPDATE records SET record_key = 'other' WHERE position = 0")
    with open_shards(halves.logs) as shards:
        alone = list(prove_logs(shards))
        monkeypatch.setattr(logs, "_MANY", 0)
        monkeypatch.setattr(logs, "usable_cores", lambda: 2)
        assert list(prove_logs(shards)) == alone
    assert [proof.intact for proof in alone] == [True, False]
