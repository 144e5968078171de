"""What the screen of a run says of its shards, where many machines run them. Knows no terminal."""

from __future__ import annotations

from collections import Counter

from rich.text import Text

from midb.dashboard.blocks import Block, make_lines
from midb.dashboard.text import crop, fit, format_count, format_share
from midb.domain.events import ShardSeen, ShardsSeen

#: States in the order in which they are told, with how they look.
_STATES = (("done", "green"), ("running", ""), ("waiting", "dim"), ("failed", "red"))

#: Cells that one running shard takes.
_CELLS = 38


def describe_shards(seen: ShardsSeen) -> str:
    """How many are in which state, and how many were begun again: ``3 done, 2 running (1 again), 5 waiting``."""
    counts: Counter[str] = Counter(shard.state for shard in seen.shards)
    again = sum(shard.attempts > 1 for shard in seen.shards)
    parts = [f"{format_count(counts[state])} {state}" for state, _ in _STATES if counts[state]]
    return ", ".join(parts) + (f"   {format_count(again)} begun again" if again else "")


def draw_shards(seen: ShardsSeen | None, width: int, most: int) -> Block:
    """A line about all shards, and below it the running ones, each with its machine, in ``most`` lines altogether."""
    if seen is None or most < 1:
        return Block(0, Text(""))
    lines = [Text.assemble(("shards  ", "bold"), crop(describe_shards(seen), max(width - 8, 1)))]
    running = [shard for shard in seen.shards if shard.state == "running"]
    across = max(width // _CELLS, 1)
    for start in range(0, min(len(running), across * (most - 1)), across):
        lines.append(Text("".join(_describe(shard) for shard in running[start : start + across])))
    return make_lines(lines)


def _describe(shard: ShardSeen) -> str:
    """One running shard, in as many cells as every other."""
    share = format_share(shard.done, shard.total)
    again = f" ×{shard.attempts}" if shard.attempts > 1 else ""
    said = fit(f"  {shard.number:>3}  {share:>7}  {shard.host or '…'}{again}", _CELLS - 1)
    return said.ljust(_CELLS)
