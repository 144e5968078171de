"""CUDA graphs of small steps, one for each bucket of sizes, captured when it is first needed.

A graph replays the same launches on the same buffers, so a step is padded to a bucket: the rows that pad it write no KV
and attend to nothing. The kernels choose their grid from shapes alone (``kernels.ops``), so that one graph serves texts
of any length up to the width of its block tables.

Buckets are coarse, for each costs a capture; but not so coarse that a replay would launch mostly programs that find
nothing to do: the grid of attention is about sequences times splits of the keys, and both are bounded by the bucket.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from midb.kernels.engine.padding import StepSize, pad_plan
from midb.kernels.engine.step_batch import StepBatch, view_batch
from midb.kernels.engine.step_plan import Ints, StepPlan

if TYPE_CHECKING:
    from midb.kernels.engine.model_runner import ModelRunner

#: Rows of a step that is replayed. Launched one by one, a step of 8 billion parameters took the host 27 ms, and an H200
#: 15 ms for 670 rows. From about 256 rows on every row takes its time, so there the buckets are a few per cent apart.
_ROWS = (1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 160, 192, 224, *range(256, 2049, 128))

#: Most rows of a step that is replayed.
MOST_ROWS = _ROWS[-1]

#: Rows of each sequence, and of each sample, that a bucket assumes: many in prompts, several while drafts are verified,
#: one in decoding.
_ROWS_EACH = (64, 16, 4, 1)

#: Rows of one sequence that make attention take its largest tile. A graph is right for longer runs as well.
_LARGEST_TILE = 64

#: Steps of a bucket before its graph is captured, which takes as long as several of them: a short run needs few graphs.
_WORTH = 2

#: Keys of the narrowest block tables, one split of attention; each wider bucket has twice as many. Splits that
#: find nothing to do still cost a merge.
_LEAST_KEYS = 512

#: Groups that share a beginning, in the smallest bucket; each larger one has twice as many.
_LEAST_GROUPS = 4

#: Most graphs that are kept; each takes a few megabytes. Steps of other sizes run without.
_MOST_GRAPHS = 512


@dataclass(slots=True)
class _Graph:
    """A captured graph, and the buffers that it reads and writes: the numbers of a step, and the tokens."""

    graph: torch.cuda.CUDAGraph
    numbers: Tensor
    sampled: Tensor


class StepGraphs:
    """Graphs by bucket. Steps with several adapters, or of prompts for another kernel, run without a graph."""

    def __init__(self, forward: Callable[[StepBatch], Tensor], runner: ModelRunner) -> None:
        self._forward, self._runner = forward, runner
        self._graphs: dict[StepSize, _Graph] = {}
        self._met: dict[StepSize, int] = {}  # steps of buckets without a graph
        self._memory: Any = None  # the memory pool that all graphs share

    def __len__(self) -> int:
        return len(self._graphs)

    def capture(self, plan: StepPlan) -> None:
        """Capture the graph of a step's bucket, if it was met often enough and there is none yet."""
        bucket = self.find_bucket(plan)
        if bucket is None or bucket in self._graphs or len(self._graphs) >= _MOST_GRAPHS:
            return
        met = self._met[bucket] = self._met.get(bucket, 0) + 1
        if met > _WORTH:
            self._graphs[bucket] = self._capture(pad_plan(plan, bucket))
            del self._met[bucket]

    def run(self, plan: StepPlan) -> Tensor | None:
        """Replay a step and return its sampled tokens; None if no graph was captured for it."""
        bucket = self.find_bucket(plan)
        captured = self._graphs.get(bucket) if bucket is not None else None
        if bucket is None or captured is None:
            return None
        captured.numbers.copy_(self._runner.staging.put(pad_plan(plan, bucket)), non_blocking=True)
        captured.graph.replay()
        return captured.sampled[: len(plan.sample_rows)]

    def find_bucket(self, plan: StepPlan) -> StepSize | None:
        """Find the least bucket that a step fits in; None if it is one that no graph can run."""
        rows = len(plan.token_ids)
        if rows > MOST_ROWS or plan.prefill is not None:
            return None
        adapter = None
        if plan.adapters:
            (adapter, start, end), *others = plan.adapters
            if others or (start, end) != (0, rows):
                return None
        padded = _ROWS[bisect_left(_ROWS, rows)]
        prefix = plan.prefix_keys
        # Where no layer sees a window, only the beginnings and the rest are attended to.
        whole = prefix is None or any(self._runner.model_config.windows)
        return StepSize(
            rows=padded,
            samples=_choose_share(padded, len(plan.sample_rows)),
            sequences=_choose_share(padded, len(plan.all_keys.seqlens_k)),
            longest=1 if plan.all_keys.max_seqlen_q == 1 else _LARGEST_TILE,
            width=self._widen(plan.all_keys.block_tables) if whole else 1,
            groups=_round_up(len(prefix.seqlens_k), _LEAST_GROUPS) if prefix else 0,
            prefix_width=self._widen(prefix.block_tables) if prefix else 0,
            own_width=self._widen(plan.own_keys.block_tables) if prefix else 0,
            adapter=adapter,
        )

    def _widen(self, block_tables: Ints) -> int:
        block_size = self._runner.config.block_size
        keys = _round_up(block_tables.shape[1] * block_size, _LEAST_KEYS)
        return -(-min(keys, self._runner.max_model_len) // block_size)

    def _capture(self, plan: StepPlan) -> _Graph:
        """Capture a padded step."""
        device = self._runner.device
        numbers = self._runner.staging.put(plan).to(device)
        batch = view_batch(plan, numbers)
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):  # once outside of the capture, to compile kernels and warm libraries up
            self._forward(batch)
        torch.cuda.current_stream(device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # Other threads of the process may use the GPU meanwhile.
        with torch.cuda.graph(graph, pool=self._memory, capture_error_mode="thread_local"):
            sampled = self._forward(batch)
        self._memory = self._memory or graph.pool()
        return _Graph(graph, numbers, sampled)


def _choose_share(rows: int, count: int) -> int:
    """The least share of the rows, by ``_ROWS_EACH``, that is enough for so many sequences or samples."""
    return next(share for each in _ROWS_EACH if (share := max(rows // each, 1)) >= count)


def _round_up(count: int, least: int) -> int:
    """Round up to ``least`` or to it times a power of 2."""
    while least < count:
        least *= 2
    return least
