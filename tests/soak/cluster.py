"""Runs a large corpus on a Ray cluster of several nodes of this machine, and kills what can be killed meanwhile.

    python tests/soak/cluster.py --records 200000 --kills 12 --seed 1 [CORPUS...]

The corpora (by default the example) are repeated under new ids until there are enough records. Processes of shards,
nodes and the command itself are killed at random moments, and another program fills the object store. In the end output
and log must be, row for row, those of a run on one machine. Exit code 1, and a folder that is kept, where they are not.
Needs Linux and an installation with ray.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import ray
from ray.cluster_utils import Cluster
from same_runs import check_same

#: Seconds between two kills, at least and at most.
PAUSE = (3.0, 20.0)

#: Bytes of a node's object store: the least that Ray takes.
STORE = 80 * 1024 * 1024

#: Fills the object store of the cluster at the address that it is given, and holds it until it is ended.
FILLER = """
import sys, time, numpy, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="error")
kept = []
while True:
    if len(kept) < 60:  # four times what it holds: the rest is on its disk
        kept.append(ray.put(numpy.zeros(4 << 20, dtype=numpy.uint8)))
    else:
        time.sleep(1)
"""


def repeat(sources: Sequence[Path], records: int, target: Path) -> None:
    """Write so many records, with ids of their own, in an order in which languages alternate."""
    lines = [json.loads(line) for source in sources for line in source.read_text("utf-8").splitlines() if line.strip()]
    random.Random(0).shuffle(lines)
    with target.open("w", encoding="utf-8") as file:
        for number in range(records):
            record = lines[number % len(lines)]
            # The beginning of an id may tell the language: it stays.
            key = f"{record.get('id', 'r')}-{number}"
            file.write(json.dumps(record | {"id": key}, ensure_ascii=False) + "\n")


class Saboteur:
    """Kills things while a command runs on a cluster."""

    def __init__(self, nodes: int, seed: int) -> None:
        self.chance = random.Random(seed)
        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.nodes = [self._add() for _ in range(nodes)]
        self.kills: Counter[str] = Counter()

    def _add(self) -> Any:
        return self.cluster.add_node(num_cpus=1, object_store_memory=STORE)

    def kill(self, command: subprocess.Popen[bytes]) -> None:
        """One of the things that may be killed."""
        what = self.chance.choices(("shard", "node", "driver"), (5, 3, 2))[0]
        if what == "shard":
            found = [number for number in map(int, filter(str.isdigit, os.listdir("/proc"))) if is_shard(number)]
            if not found:
                return
            os.kill(self.chance.choice(found), signal.SIGKILL)
        elif what == "node":
            node = self.nodes.pop(self.chance.randrange(len(self.nodes)))
            self.cluster.remove_node(node, allow_graceful=False)
            self.nodes.append(self._add())
        else:
            command.kill()
        self.kills[what] += 1


def is_shard(process: int) -> bool:
    """Whether a process runs a shard."""
    try:
        return b"ray::midb-agent shard" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def start(folder: Path, address: str, *options: str) -> subprocess.Popen[bytes]:
    """The command, with what it says at the end of a file."""
    with (folder / "said.txt").open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "midb", "run", "corpus.jsonl", "-o", "cluster.jsonl", "--on", "ray", "--work",
             "work", *options],
            cwd=folder, stdout=said, stderr=said, env=os.environ | {"RAY_ADDRESS": address},
        )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="*", type=Path, metavar="CORPUS")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    corpora = asked.corpora or [Path(__file__).resolve().parents[2] / "examples" / "corpus.jsonl"]
    folder = Path(tempfile.mkdtemp(prefix="midb-cluster-"))
    print(f"in {folder}", flush=True)
    repeat(corpora, asked.records, folder / "corpus.jsonl")
    began = time.monotonic()
    single = [sys.executable, "-m", "midb", "run", "corpus.jsonl", "-o", "single.jsonl", "--quiet"]
    subprocess.run(single, cwd=folder, check=True)
    alone = time.monotonic() - began
    print(f"one machine: {alone:,.0f} s", flush=True)
    saboteur = Saboteur(asked.nodes, asked.seed)
    filler = subprocess.Popen([sys.executable, "-c", FILLER, saboteur.cluster.address], stderr=subprocess.DEVNULL)
    options = ["--snapshot-seconds", "10", "--scratch", str(folder / "scratch")]
    began = time.monotonic()
    try:
        command = start(folder, saboteur.cluster.address, *options)
        while command.poll() is None or command.returncode == -signal.SIGKILL:
            if command.poll() is not None:
                command = start(folder, saboteur.cluster.address, *options)
            try:
                command.wait(saboteur.chance.uniform(*PAUSE))
            except subprocess.TimeoutExpired:
                if saboteur.kills.total() < asked.kills:
                    saboteur.kill(command)
                    print(f"{time.monotonic() - began:6.0f} s  killed {dict(saboteur.kills)}", flush=True)
    finally:
        filler.kill()
        ray.shutdown()
        saboteur.cluster.shutdown()  # type: ignore[no-untyped-call]
    took = time.monotonic() - began
    print((folder / "said.txt").read_text("utf-8")[-2500:])
    print(
        f"cluster of {asked.nodes} nodes: {took:,.0f} s, exit code {command.returncode}, killed {dict(saboteur.kills)}"
    )
    if command.returncode:
        return 1
    check_same(folder / "single.jsonl", folder / "cluster.jsonl")
    print(f"{asked.records:,} records: output and log are those of one machine, and nothing is there twice")
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
