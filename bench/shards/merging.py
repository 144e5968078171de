"""Merging shards: records a second and memory, for corpora of growing size: time must be linear, memory flat."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from registry import Row, benchmark

#: Records of the smallest corpus, how often they are repeated under new ids in the others, and into how many shards
#: each is cut.
RECORDS, TIMES, SHARDS = 5_000, (1, 2, 4), 4


def midb_agent(folder: Path, *words: str) -> tuple[float, float, float]:
    """Run a command in a folder: its processor time and wall time (s), and its peak resident memory (MiB)."""
    with (folder / "said.txt").open("w") as said:
        started = os.times().elapsed
        process = subprocess.Popen(
            [sys.executable, "-m", "midb", *words], cwd=folder, stdout=said, stderr=said, env=dict(os.environ)
        )
        _, status, used = os.wait4(process.pid, 0)
        took = os.times().elapsed - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((folder / "said.txt").read_text("utf-8"))
    return used.ru_utime + used.ru_stime, took, used.ru_maxrss / 1024


def repeat(lines: Sequence[bytes], times: int) -> Iterator[bytes]:
    """The records so often, each time with other ids; what an id begins with, such as its language, stays."""
    for number in range(times):
        for line in lines:
            record = json.loads(line)
            yield json.dumps(record | {"id": f"{record['id']}-{number}"}, ensure_ascii=False).encode() + b"\n"


def measure(lines: Sequence[bytes], times: int, folder: Path) -> Row:
    """Cut, run and merge; only the merge is measured."""
    corpus = folder / "corpus.jsonl"
    corpus.write_bytes(b"".join(repeat(lines, times)))
    for number in range(1, SHARDS + 1):
        midb_agent(folder, "run", "corpus.jsonl", "--shard", f"{number}/{SHARDS}", "--work", "work", "--scratch", "own")
    logs = sorted(str(path.relative_to(folder)) for path in folder.glob("work/done/*/*.audit.db"))
    processor, took, peak = midb_agent(folder, "merge", "corpus.jsonl", *logs, "-o", "merged.jsonl")
    records = times * len(lines)
    return {
        "records": records,
        "shards": SHARDS,
        "records_per_s": round(records / took),
        "processor_ms_per_record": round(processor / records * 1e3, 3),
        "peak_MiB": round(peak),
        "log_bytes_per_record": round((folder / "merged.jsonl.audit.db").stat().st_size / records),
    }


@benchmark("shards-merge", "merging four shards of 5k, 10k and 20k records: records/s, memory, size of the log")
def merging(corpora: Path) -> Iterator[Row]:
    lines = [line for path in sorted(corpora.glob("*.jsonl")) for line in path.open("rb")]
    lines = lines[:: max(len(lines) // RECORDS, 1)][:RECORDS]
    for times in TIMES:
        with tempfile.TemporaryDirectory() as name:
            yield measure(lines, times, Path(name))
