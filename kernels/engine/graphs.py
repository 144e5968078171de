"""CUDA graphs of small steps, one for each bucket of rows and samples, captured when it is first needed.

A graph replays the same launches on the same buffers, so a step is padded to a bucket: the rows that pad it write no KV
and attend to nothing. The kernels choose their grid from shapes alone (``kernels.ops``), so that one graph serves texts
of any length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from midb.kernels.engine.step_batch import KeySpan, StepBatch

if TYPE_CHECKING:
    from midb.kernels.engine.model_runner import ModelRunner

#: Most rows of a step that is replayed. Up to about here the time goes into launches, beyond it into arithmetic.
_MOST_ROWS = 256

#: Numbers of rows up to this one are rounded up to a power of two, larger ones to a multiple of it.
_BUCKET_STEP = 16


@dataclass(slots=True)
class _Graph:
    """A captured graph, and the buffers that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    batch: StepBatch
    sampled: Tensor


class StepGraphs:
    """Graphs by bucket. Steps with long prompts, shared beginnings or adapters run without a graph."""

    def __init__(self, forward: Callable[[StepBatch], Tensor], runner: ModelRunner) -> None:
        self._forward, self._runner = forward, runner
        self._graphs: dict[tuple[int, int], _Graph] = {}
        self._memory: Any = None  # the memory pool that all graphs share

    def run(self, batch: StepBatch) -> Tensor | None:
        """Replay a step and return its sampled tokens; None if no graph can run it."""
        rows, samples = batch.token_ids.numel(), batch.sample_rows.numel()
        # A draft and the token before it make one row more than a draft. A longer run of rows is a prompt.
        longest = self._runner.config.num_speculative_tokens + 1
        if rows > _MOST_ROWS or samples == 0 or batch.prefix_keys or batch.prefill:
            return None
        if batch.all_keys.max_seqlen_q > longest:
            return None
        bucket = round_up_to_bucket(rows), round_up_to_bucket(samples)
        if bucket not in self._graphs:
            self._graphs[bucket] = self._capture(*bucket)
        captured = self._graphs[bucket]
        copy_into(captured.batch, batch)
        captured.graph.replay()
        return captured.sampled[:samples]

    def _capture(self, rows: int, samples: int) -> _Graph:
        runner = self._runner
        batch = make_padding(
            rows,
            samples,
            max_num_blocks=-(-runner.max_model_len // runner.config.block_size),
            longest=runner.config.num_speculative_tokens + 1,
            device=runner.device,
        )
        stream = torch.cuda.Stream(runner.device)
        stream.wait_stream(torch.cuda.current_stream(runner.device))
        with torch.cuda.stream(stream):  # once outside of the capture, to compile kernels and warm libraries up
            self._forward(batch)
        torch.cuda.current_stream(runner.device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._memory):
            sampled = self._forward(batch)
        self._memory = self._memory or graph.pool()
        return _Graph(graph, batch, sampled)


def round_up_to_bucket(count: int) -> int:
    """Round a number of rows up to its bucket: powers of two up to 16, then multiples of 16."""
    if count <= _BUCKET_STEP:
        return 1 << (count - 1).bit_length()
    return -(-count // _BUCKET_STEP) * _BUCKET_STEP


def make_padding(rows: int, samples: int, *, max_num_blocks: int, longest: int, device: torch.device) -> StepBatch:
    """Make a step of padding alone: its rows write nowhere and attend to nothing.

    :param max_num_blocks: of the longest block table.
    :param longest: most rows of one sequence.
    """

    def ints(*shape: int, value: int = 0) -> Tensor:
        return torch.full(shape, value, dtype=torch.int32, device=device)

    span = KeySpan(ints(rows + 1), ints(rows, max_num_blocks), ints(rows), longest)
    return StepBatch(
        token_ids=ints(rows),
        positions=ints(rows),
        slots=ints(rows, value=-1),
        sample_rows=ints(samples),
        temperatures=torch.zeros(samples, dtype=torch.float32, device=device),
        noise_keys=ints(samples, 2),
        all_keys=span,
        prefix_keys=None,
        own_keys=span,
        adapters=(),
        works=[],
    )


def copy_into(padded: StepBatch, batch: StepBatch) -> None:
    """Copy a step into the buffers of a padded one."""
    rows, samples = batch.token_ids.numel(), batch.sample_rows.numel()
    source, target = batch.all_keys, padded.all_keys
    sequences = source.seqlens_k.numel()
    padded.slots.fill_(-1)
    for to, of in (
        (padded.token_ids[:rows], batch.token_ids),
        (padded.positions[:rows], batch.positions),
        (padded.slots[:rows], batch.slots),
        (padded.sample_rows[:samples], batch.sample_rows),
        (padded.temperatures[:samples], batch.temperatures),
        (padded.noise_keys[:samples], batch.noise_keys),
        (target.cu_seqlens_q[: sequences + 1], source.cu_seqlens_q),
        (target.seqlens_k[:sequences], source.seqlens_k),
        (target.block_tables[:sequences, : source.block_tables.shape[1]], source.block_tables),
    ):
        to.copy_(of)
    target.cu_seqlens_q[sequences + 1 :] = rows  # the sequences after the last one have no rows
    target.seqlens_k[sequences:] = 0
