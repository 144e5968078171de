"""CUDA graphs of small steps, one for each number of rows and samples, captured when first needed.

A graph replays the same launches on the same buffers, so a step is padded to a bucket: padding rows write no KV and
attend to nothing. Kernels choose their grid from shapes alone (``kernels.ops``), so one graph serves any lengths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from midb.kernels.engine.step_batch import KeySpan, StepBatch

if TYPE_CHECKING:
    from midb.kernels.engine.runner import Runner

#: Rows up to which launches, not arithmetic, bound a step.
_MOST_ROWS = 256


@dataclass(slots=True)
class _Graph:
    graph: torch.cuda.CUDAGraph
    batch: StepBatch
    sampled: Tensor


class StepGraphs:
    """Graphs by bucket. Steps with long prompts, shared prefixes or adapters run without."""

    def __init__(self, forward: Callable[[StepBatch], Tensor], runner: Runner) -> None:
        self._forward, self._runner = forward, runner
        self._graphs: dict[tuple[int, int], _Graph] = {}
        self._pool: Any = None

    def run(self, batch: StepBatch) -> Tensor | None:
        """The sampled tokens of a step, or None if it is none for a graph."""
        rows, samples = batch.token_ids.numel(), batch.sample_rows.numel()
        # A verify window is one more than a draft; a longer run of rows is a prompt.
        longest = self._runner.config.max_draft + 1
        if rows > _MOST_ROWS or samples == 0 or batch.prefix or batch.prefill or batch.whole.max_seqlen_q > longest:
            return None
        bucket = padded(rows), padded(samples)
        if bucket not in self._graphs:
            self._graphs[bucket] = self._capture(*bucket)
        held = self._graphs[bucket]
        fill(held.batch, batch)
        held.graph.replay()
        return held.sampled[:samples]

    def _capture(self, rows: int, samples: int) -> _Graph:
        runner = self._runner
        batch = blank(
            rows,
            samples,
            pages=-(-runner.max_model_len // runner.config.page_size),
            longest=runner.config.max_draft + 1,
            device=runner.device,
        )
        stream = torch.cuda.Stream(runner.device)
        stream.wait_stream(torch.cuda.current_stream(runner.device))
        with torch.cuda.stream(stream):  # kernels compile and libraries warm up outside of the capture
            self._forward(batch)
        torch.cuda.current_stream(runner.device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            sampled = self._forward(batch)
        self._pool = self._pool or graph.pool()
        return _Graph(graph, batch, sampled)


def padded(count: int) -> int:
    """The bucket of a number of rows: powers of two up to 16, then multiples of 16."""
    return 1 << (count - 1).bit_length() if count <= 16 else -(-count // 16) * 16


def blank(rows: int, samples: int, *, pages: int, longest: int, device: torch.device) -> StepBatch:
    """A step of padding alone: its rows write nowhere and attend to nothing.

    :param pages: of the longest block table; ``longest`` run of rows of one sequence.
    """

    def ints(*shape: int, value: int = 0) -> Tensor:
        return torch.full(shape, value, dtype=torch.int32, device=device)

    span = KeySpan(ints(rows + 1), ints(rows, pages), ints(rows), longest)
    return StepBatch(
        token_ids=ints(rows),
        positions=ints(rows),
        slots=ints(rows, value=-1),
        sample_rows=ints(samples),
        temperatures=torch.zeros(samples, dtype=torch.float32, device=device),
        noise_keys=ints(samples, 2),
        whole=span,
        prefix=None,
        rest=span,
        adapters=(),
        works=[],
    )


def fill(held: StepBatch, batch: StepBatch) -> None:
    """Copy a step into the buffers of a padded one."""
    rows, samples, runs = batch.token_ids.numel(), batch.sample_rows.numel(), batch.whole.seqlens_k.numel()
    held.slots.fill_(-1)
    for target, source in (
        (held.token_ids[:rows], batch.token_ids),
        (held.positions[:rows], batch.positions),
        (held.slots[:rows], batch.slots),
        (held.sample_rows[:samples], batch.sample_rows),
        (held.temperatures[:samples], batch.temperatures),
        (held.noise_keys[:samples], batch.noise_keys),
        (held.whole.cu_seqlens_q[: runs + 1], batch.whole.cu_seqlens_q),
        (held.whole.seqlens_k[:runs], batch.whole.seqlens_k),
        (held.whole.block_tables[:runs, : batch.whole.block_tables.shape[1]], batch.whole.block_tables),
    ):
        target.copy_(source)
    held.whole.cu_seqlens_q[runs + 1 :] = rows  # the sequences behind have no rows
    held.whole.seqlens_k[runs:] = 0
