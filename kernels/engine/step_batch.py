"""One step as flat arrays: which tokens, where they stand, where their KV goes, what each sequence attends to.

All integers of a step lie in one int32 buffer, so that a GPU gets them in one copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from midb.kernels.engine.sampling import make_noise_key
from midb.kernels.engine.scheduler import Work
from midb.kernels.models.decoder import group_adapter_rows
from midb.kernels.models.linear import AdapterRows

#: Fewest sequences of a group for which attention to their common beginning is computed once for all. On a CPU it saves
#: to gather that beginning for each. On a GPU it has to make up for a second launch and for the CUDA graph that is not
#: used; 16 is an estimate, as no GPU was there to measure it.
_LEAST_CASCADE = {"cpu": 2, "cuda": 16}


@dataclass(frozen=True, slots=True)
class KeySpan:
    """What the rows of each sequence attend to: a block table, and how many of its keys.

    :param cu_seqlens_q: ``[sequences + 1]`` int32.
    :param block_tables: ``[sequences, max_num_blocks]`` int32.
    :param seqlens_k: ``[sequences]`` int32.
    """

    cu_seqlens_q: Tensor
    block_tables: Tensor
    seqlens_k: Tensor
    max_seqlen_q: int


@dataclass(frozen=True, slots=True)
class Prefill:
    """The sequences with long runs of rows, for ``ops.prefill``.

    :param rows: ``[rows]`` int32: the rows of the step that are theirs.
    :param slots: ``[keys]`` int32: where their keys lie.
    :param other_seqlens_k: ``seqlens_k`` of all sequences, with 0 for these, so that the paged kernel leaves them out.
    :param other_max_seqlen_q: most rows of one of the others, at least 1: those that decode keep their small tiles.
    """

    rows: Tensor
    slots: Tensor
    cu_seqlens_q: Tensor
    cu_seqlens_k: Tensor
    max_q: int
    max_k: int
    other_seqlens_k: Tensor
    other_max_seqlen_q: int


@dataclass(frozen=True, slots=True)
class StepBatch:
    """The tensors of one step. Its rows are all its tokens; a token is sampled from each of the ``sample_rows``.

    :param all_keys: what each sequence attends to.
    :param prefix_keys: the beginnings that groups of sequences share, one run of rows for each group; None if no group
        does. Layers that see only a window take ``all_keys``.
    :param own_keys: what each sequence attends to besides the beginning that it shares; ``all_keys`` if it shares none.
    """

    token_ids: Tensor
    positions: Tensor
    slots: Tensor
    sample_rows: Tensor
    temperatures: Tensor
    noise_keys: Tensor
    all_keys: KeySpan
    prefix_keys: KeySpan | None
    own_keys: KeySpan
    adapters: AdapterRows
    works: list[Work]
    prefill: Prefill | None = None


@dataclass(slots=True)
class _Rows:
    """The rows of a step as lists, while they are put together."""

    token_ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    sample_rows: list[int] = field(default_factory=list)
    noise_keys: list[int] = field(default_factory=list)
    temperatures: list[float] = field(default_factory=list)

    def add(self, work: Work, block_size: int) -> None:
        """Add the rows of one sequence."""
        sequence = work.sequence
        assert sequence.block_table is not None
        end = work.start + work.count
        self.token_ids += sequence.token_ids[work.start : end]
        self.token_ids += work.draft
        block_ids = sequence.block_table.block_ids
        for position in range(work.start, end + len(work.draft)):
            self.slots.append(block_ids[position // block_size] * block_size + position % block_size)
        self.positions += range(work.start, end + len(work.draft))
        if work.samples:
            last = len(self.token_ids) - len(work.draft) - 1
            self.sample_rows += range(last, len(self.token_ids))
            sampling = sequence.sampling
            drawn = len(work.draft) + 1
            self.temperatures += [sampling.temperature] * drawn
            for position in range(sequence.num_output_tokens, sequence.num_output_tokens + drawn):
                self.noise_keys += make_noise_key(sampling.seed, position) if sampling.temperature else (0, 0)


@dataclass(frozen=True, slots=True)
class _Span:
    """A KeySpan as lists: where the rows of each sequence begin, its block ids, and its number of keys."""

    cu_seqlens_q: list[int]
    block_ids: list[list[int]]
    seqlens_k: list[int]

    @property
    def width(self) -> int:
        """Columns of its block tables."""
        return max((len(ids) for ids in self.block_ids), default=1) or 1

    def flatten(self) -> tuple[list[int], list[int], list[int]]:
        """List the numbers of the span, block tables padded with 0."""
        width = self.width
        padded = [block_id for ids in self.block_ids for block_id in [*ids, *[0] * (width - len(ids))]]
        return self.cu_seqlens_q, padded, self.seqlens_k

    def take_from(self, views: Iterator[Tensor]) -> KeySpan:
        """Make the tensors of the span from the next three views of the step's buffer."""
        longest = max((b - a for a, b in pairwise(self.cu_seqlens_q)), default=0)
        cu_seqlens_q, tables, seqlens_k = next(views), next(views), next(views)
        return KeySpan(cu_seqlens_q, tables.view(len(self.block_ids), self.width), seqlens_k, longest)


def prepare(
    works: list[Work], block_size: int, device: torch.device, *, cascade: bool = True, prefill_rows: int = 0
) -> StepBatch:
    """Lay out a step. The works are reordered, so that those of one pass stand together, and those of one adapter.

    :param prefill_rows: rows from which on a sequence goes to ``ops.prefill``; 0: none does.
    """
    prefilling = prefill_rows > 0 and any(work.rows >= prefill_rows for work in works)
    least = _LEAST_CASCADE[device.type] if cascade and not prefilling else len(works) + 1
    groups = _group_by_prefix(works, least, block_size)
    works = [work for _, members in groups for work in members]
    rows = _Rows()
    for work in works:
        rows.add(work, block_size)
    spans = _list_spans(groups, works, block_size)
    parts = [rows.token_ids, rows.positions, rows.slots, rows.sample_rows, rows.noise_keys]
    parts += [numbers for span in spans for numbers in span.flatten()]
    views = iter(_copy_to_device(parts, device))
    token_ids, positions, slots, sample_rows, noise_keys = (next(views) for _ in range(5))
    key_spans = [span.take_from(views) for span in spans]
    return StepBatch(
        token_ids=token_ids,
        positions=positions,
        slots=slots,
        sample_rows=sample_rows,
        noise_keys=noise_keys.view(-1, 2),
        temperatures=torch.tensor(rows.temperatures, dtype=torch.float32, device=device),
        all_keys=key_spans[0],
        prefix_keys=key_spans[1] if len(key_spans) > 1 else None,
        own_keys=key_spans[-1],
        adapters=group_adapter_rows([work.sequence.request.adapter for work in works], spans[0].cu_seqlens_q),
        works=works,
        prefill=_prepare_prefill(spans[0], block_size, device, prefill_rows) if prefilling else None,
    )


def _list_spans(groups: list[tuple[list[int], list[Work]]], works: list[Work], block_size: int) -> list[_Span]:
    """The spans of ``StepBatch``: all keys; and where groups share a beginning, the beginnings and what is left."""
    cu_seqlens_q = list(accumulate((work.rows for work in works), initial=0))
    seqlens_k = [work.start + work.rows for work in works]
    tables = [work.sequence.block_table.block_ids for work in works if work.sequence.block_table]
    used = [ids[: -(-length // block_size)] for ids, length in zip(tables, seqlens_k, strict=True)]
    spans = [_Span(cu_seqlens_q, used, seqlens_k)]
    if any(common for common, _ in groups):
        rows_of_groups = [sum(work.rows for work in members) for _, members in groups]
        beginnings = [common for common, _ in groups]
        lengths = [len(common) * block_size for common in beginnings]
        spans.append(_Span(list(accumulate(rows_of_groups, initial=0)), beginnings, lengths))
        shared = [len(common) for common, members in groups for _ in members]
        left = [ids[count:] for ids, count in zip(used, shared, strict=True)]
        lengths = [length - count * block_size for length, count in zip(seqlens_k, shared, strict=True)]
        spans.append(_Span(cu_seqlens_q, left, lengths))
    return spans


def _prepare_prefill(span: _Span, block_size: int, device: torch.device, least: int) -> Prefill:
    """Lay out the sequences with ``least`` rows or more."""
    runs = list(pairwise(span.cu_seqlens_q))
    chosen = [number for number, (start, end) in enumerate(runs) if end - start >= least]
    rows = [row for number in chosen for row in range(*runs[number])]
    slots = [
        span.block_ids[number][place // block_size] * block_size + place % block_size
        for number in chosen
        for place in range(span.seqlens_k[number])
    ]
    counts = [runs[number][1] - runs[number][0] for number in chosen]
    lengths = [span.seqlens_k[number] for number in chosen]
    cu_seqlens_q, cu_seqlens_k = (list(accumulate(numbers, initial=0)) for numbers in (counts, lengths))
    long = set(chosen)
    others = [0 if number in long else length for number, length in enumerate(span.seqlens_k)]
    other_rows = [end - start for number, (start, end) in enumerate(runs) if number not in long]
    views = _copy_to_device([rows, slots, cu_seqlens_q, cu_seqlens_k, others], device)
    return Prefill(
        rows=views[0],
        slots=views[1],
        cu_seqlens_q=views[2],
        cu_seqlens_k=views[3],
        max_q=max(counts),
        max_k=max(lengths),
        other_seqlens_k=views[4],
        other_max_seqlen_q=max(other_rows, default=1),
    )


def _copy_to_device(parts: list[list[int]], device: torch.device) -> tuple[Tensor, ...]:
    """One int32 buffer with all the parts, and a view of each."""
    buffer = torch.tensor([number for part in parts for number in part], dtype=torch.int32)
    if device.type != "cpu":
        buffer = buffer.pin_memory().to(device, non_blocking=True)
    views: tuple[Tensor, ...] = buffer.split([len(part) for part in parts])
    return views


def _group_by_prefix(works: list[Work], least: int, block_size: int) -> list[tuple[list[int], list[Work]]]:
    """Group works by the blocks that they all begin with; the last group is of those that share none.

    Sequences of one pass hold the same blocks for their common beginning, so it is enough to compare block ids. Each
    pass has a beginning of its own.

    :param least: fewest works of a group.
    """
    passes: dict[tuple[str, int], list[Work]] = {}
    for work in sorted(works, key=lambda work: work.sequence.request.adapter or ""):
        passes.setdefault((work.sequence.request.adapter or "", work.sequence.group), []).append(work)
    groups: list[tuple[list[int], list[Work]]] = []
    alone: list[Work] = []
    for members in passes.values():
        common = _find_common_blocks(members, block_size) if len(members) >= least else []
        if common:
            groups.append((common, members))
        else:
            alone += members
    return [*groups, ([], alone)] if alone else groups


def _find_common_blocks(works: list[Work], block_size: int) -> list[int]:
    """Find the blocks that all works begin with, and that lie before every row of theirs."""
    tables = [work.sequence.block_table.block_ids for work in works if work.sequence.block_table]
    most = min(work.start // block_size for work in works)
    low, high = min(tables), max(tables)  # what the first and the last in order have in common, all have
    for number in range(min(most, len(low), len(high))):
        if low[number] != high[number]:
            return low[:number]
    return low[:most]
