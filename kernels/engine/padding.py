"""Steps of padding alone: what a CUDA graph is captured with, and what shows how much memory a step takes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from midb.kernels.engine.step_batch import KeySpan, Prefill, StepBatch


@dataclass(frozen=True, slots=True)
class StepSize:
    """How much a padded step has room for.

    :param rows: of all sequences.
    :param samples: rows from which a token is sampled.
    :param longest: most rows of one sequence; it only chooses the tiles of attention.
    :param width: columns of the block tables of all keys.
    :param groups: groups of sequences that share a beginning; 0: none does.
    :param prefix_width: columns of the block tables of these beginnings; ``own_width`` of the rest of each sequence.
    :param adapter: what all rows are computed with.
    """

    rows: int
    samples: int
    sequences: int
    longest: int
    width: int
    groups: int = 0
    prefix_width: int = 0
    own_width: int = 0
    adapter: str | None = None


def make_padding(size: StepSize, device: torch.device) -> StepBatch:
    """Make a step of padding alone: its rows write nowhere and attend to nothing."""

    def ints(*shape: int, value: int = 0) -> Tensor:
        return torch.full(shape, value, dtype=torch.int32, device=device)

    def make_span(sequences: int, width: int, longest: int) -> KeySpan:
        return KeySpan(ints(sequences + 1), ints(sequences, width), ints(sequences), longest)

    all_keys = make_span(size.sequences, size.width, size.longest)
    shares = size.groups > 0
    return StepBatch(
        token_ids=ints(size.rows),
        positions=ints(size.rows),
        slots=ints(size.rows, value=-1),
        sample_rows=ints(size.samples),
        temperatures=torch.zeros(size.samples, dtype=torch.float32, device=device),
        noise_keys=ints(size.samples, 2),
        all_keys=all_keys,
        prefix_keys=make_span(size.groups, size.prefix_width, size.rows) if shares else None,
        own_keys=make_span(size.sequences, size.own_width, size.longest) if shares else all_keys,
        adapters=[(size.adapter, 0, size.rows)] if size.adapter is not None else [],
        works=[],
    )


def copy_into(padded: StepBatch, batch: StepBatch) -> None:
    """Copy a step into the buffers of a padded one. Block tables for which it has no room are left out."""
    rows, samples = batch.token_ids.numel(), batch.sample_rows.numel()
    padded.slots.fill_(-1)
    for to, of in (
        (padded.token_ids[:rows], batch.token_ids),
        (padded.positions[:rows], batch.positions),
        (padded.slots[:rows], batch.slots),
        (padded.sample_rows[:samples], batch.sample_rows),
        (padded.temperatures[:samples], batch.temperatures),
        (padded.noise_keys[:samples], batch.noise_keys),
    ):
        to.copy_(of)
    _copy_span(padded.all_keys, batch.all_keys, rows)
    if padded.prefix_keys is not None and batch.prefix_keys is not None:
        _copy_span(padded.prefix_keys, batch.prefix_keys, rows)
        _copy_span(padded.own_keys, batch.own_keys, rows)


def _copy_span(target: KeySpan, source: KeySpan, rows: int) -> None:
    sequences, width = source.block_tables.shape
    target.cu_seqlens_q[: sequences + 1].copy_(source.cu_seqlens_q)
    target.cu_seqlens_q[sequences + 1 :] = rows  # the sequences after the last one have no rows
    target.seqlens_k[:sequences].copy_(source.seqlens_k)
    target.seqlens_k[sequences:] = 0
    if width <= target.block_tables.shape[1]:
        target.block_tables[:sequences, :width].copy_(source.block_tables)


def make_prompt_step(
    rows: int, samples: int, *, longest: int, block_size: int, prefill: bool, device: torch.device
) -> StepBatch:
    """Make a step of new prompts, as large as steps get; their KV goes to blocks from 0 on.

    :param longest: most rows of one prompt.
    :param prefill: whether ``ops.prefill`` takes them.
    """
    starts = [*range(0, rows, longest), rows]
    counts = [end - start for start, end in pairwise(starts)]
    each = [-(-count // block_size) for count in counts]
    first_blocks = list(accumulate(each, initial=0))

    def ints(numbers: list[int]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.int32, device=device)

    slots = ints(
        [first * block_size + row for first, count in zip(first_blocks, counts, strict=False) for row in range(count)]
    )
    tables = [
        [first + min(column, own - 1) for column in range(max(each))]
        for first, own in zip(first_blocks, each, strict=False)
    ]
    lengths, cu_seqlens_q = ints(counts), ints(starts)
    span = KeySpan(
        cu_seqlens_q, ints([block for row in tables for block in row]).view(len(counts), -1), lengths, max(counts)
    )
    long = None
    if prefill:
        everything = ints(list(range(rows)))
        long = Prefill(everything, slots, cu_seqlens_q, cu_seqlens_q, max(counts), max(counts), lengths * 0, 1)
    return StepBatch(
        token_ids=ints([0] * rows),
        positions=ints([row for count in counts for row in range(count)]),
        slots=slots,
        sample_rows=ints([rows - 1] * samples),
        temperatures=torch.ones(samples, dtype=torch.float32, device=device),
        noise_keys=ints([0] * (2 * samples)).view(-1, 2),
        all_keys=span,
        prefix_keys=None,
        own_keys=span,
        adapters=[],
        works=[],
        prefill=long,
    )
