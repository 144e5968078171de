"""Steps that are padded to a size, for CUDA graphs, and a step of prompts that shows how much memory one takes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from midb.kernels.engine.step_plan import Ints, PrefillPlan, SpanPlan, StepPlan


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


def pad_plan(plan: StepPlan, size: StepSize) -> StepPlan:
    """Pad a step: the rows that are added write nowhere and attend to nothing, and their samples mean nothing.

    Block tables of all keys for which there is no room are left out: they are not needed where a beginning is shared.
    """
    rows = len(plan.token_ids)
    all_keys = _pad_span(plan.all_keys, size.sequences, size.width, size.longest, rows)
    prefix_keys, own_keys = None, all_keys
    if plan.prefix_keys is not None:
        prefix_keys = _pad_span(plan.prefix_keys, size.groups, size.prefix_width, size.rows, rows)
        own_keys = _pad_span(plan.own_keys, size.sequences, size.own_width, size.longest, rows)
    return StepPlan(
        token_ids=_pad(plan.token_ids, size.rows),
        positions=_pad(plan.positions, size.rows),
        slots=_pad(plan.slots, size.rows, -1),
        sample_rows=_pad(plan.sample_rows, size.samples),
        noise_keys=_pad(plan.noise_keys.ravel(), 2 * size.samples).reshape(-1, 2),
        temperatures=_pad(plan.temperatures.view(np.int32), size.samples).view(np.float32),
        all_keys=all_keys,
        prefix_keys=prefix_keys,
        own_keys=own_keys,
        adapters=[(size.adapter, 0, size.rows)] if size.adapter is not None else [],
        works=plan.works,
    )


def _pad(numbers: Ints, count: int, value: int = 0) -> Ints:
    found = np.full(count, value, np.int32)
    found[: len(numbers)] = numbers
    return found


def _pad_span(span: SpanPlan, sequences: int, width: int, longest: int, rows: int) -> SpanPlan:
    known, columns = span.block_tables.shape
    tables = np.zeros((sequences, width), np.int32)
    if columns <= width:
        tables[:known, :columns] = span.block_tables
    # The sequences after the last one have no rows.
    return SpanPlan(_pad(span.cu_seqlens_q, sequences + 1, rows), tables, _pad(span.seqlens_k, sequences), longest)


def plan_prompts(rows: int, samples: int, *, longest: int, block_size: int, prefill: bool) -> StepPlan:
    """Plan a step of new prompts, as large as steps get; their KV goes to blocks from 0 on.

    :param longest: most rows of one prompt.
    :param prefill: whether ``ops.prefill`` takes them.
    """
    starts = np.array([*range(0, rows, longest), rows], np.int32)
    counts = np.diff(starts)
    each = -(-counts // block_size)
    first_blocks = np.cumsum(each) - each
    columns = np.arange(each.max(), dtype=np.int32)
    tables = (first_blocks[:, None] + np.minimum(columns, each[:, None] - 1)).astype(np.int32)
    positions = np.concatenate([np.arange(end - start, dtype=np.int32) for start, end in pairwise(starts)])
    slots = np.repeat(first_blocks * block_size, counts).astype(np.int32) + positions
    most = int(counts.max())
    span = SpanPlan(starts, tables, counts, most)
    temperatures: NDArray[np.float32] = np.ones(samples, np.float32)
    return StepPlan(
        token_ids=np.zeros(rows, np.int32),
        positions=positions,
        slots=slots,
        sample_rows=np.full(samples, rows - 1, np.int32),
        noise_keys=np.zeros((samples, 2), np.int32),
        temperatures=temperatures,
        all_keys=span,
        prefix_keys=None,
        own_keys=span,
        adapters=[],
        works=[],
        prefill=PrefillPlan(np.arange(rows, dtype=np.int32), slots, starts, starts, counts * 0, most, most, 1)
        if prefill
        else None,
    )
