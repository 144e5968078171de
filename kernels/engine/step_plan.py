"""One step as arrays on the host: which tokens, where they stand, where their KV goes, what each sequence attends to.

Everything is worked out for all rows at once, for a step may have thousands, and the GPU waits meanwhile. No torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from midb.kernels.engine.sampling import make_noise_key
from midb.kernels.engine.scheduler import Work

Ints = NDArray[np.int32]

#: Rows ``start:end`` of a step that one adapter serves.
AdapterRuns = list[tuple[str, int, int]]


class SharedBounds(NamedTuple):
    """From when on attention to a common beginning is computed once for all sequences of a group.

    :param sequences: fewest of a group; 0: it never is.
    :param tokens: fewest of the beginning.
    """

    sequences: int
    tokens: int


#: No beginning is shared.
NEVER_SHARED = SharedBounds(0, 0)


@dataclass(frozen=True, slots=True)
class SpanPlan:
    """What the rows of each sequence attend to: a block table, and how many of its keys.

    :param cu_seqlens_q: ``[sequences + 1]`` int32.
    :param block_tables: ``[sequences, max_num_blocks]`` int32.
    :param seqlens_k: ``[sequences]`` int32.
    """

    cu_seqlens_q: Ints
    block_tables: Ints
    seqlens_k: Ints
    max_seqlen_q: int

    @property
    def arrays(self) -> tuple[Ints, ...]:
        """All its numbers, in the order in which they are copied to the device."""
        return self.cu_seqlens_q, self.block_tables, self.seqlens_k


@dataclass(frozen=True, slots=True)
class PrefillPlan:
    """The sequences with long runs of rows, for ``ops.prefill``.

    :param rows: ``[rows]`` int32: the rows of the step that are theirs.
    :param slots: ``[keys]`` int32: where their keys lie.
    :param other_seqlens_k: ``seqlens_k`` of all sequences, with 0 for these, so that the paged kernel leaves them out.
    :param other_max_seqlen_q: most rows of one of the others, at least 1: those that decode keep their small tiles.
    """

    rows: Ints
    slots: Ints
    cu_seqlens_q: Ints
    cu_seqlens_k: Ints
    other_seqlens_k: Ints
    max_q: int
    max_k: int
    other_max_seqlen_q: int

    @property
    def arrays(self) -> tuple[Ints, ...]:
        """All its numbers, in the order in which they are copied to the device."""
        return self.rows, self.slots, self.cu_seqlens_q, self.cu_seqlens_k, self.other_seqlens_k


@dataclass(frozen=True, slots=True)
class StepPlan:
    """A step. Its rows are all its tokens; a token is sampled from each of the ``sample_rows``.

    :param noise_keys: ``[samples, 2]`` int32.
    :param temperatures: ``[samples]`` float32.
    :param all_keys: what each sequence attends to.
    :param prefix_keys: the beginnings that groups of sequences share, one run of rows for each group; None if no group
        does. Layers that see only a window take ``all_keys``.
    :param own_keys: what each sequence attends to besides the beginning that it shares; ``all_keys`` if it shares none.
    :param works: in the order of their rows.
    """

    token_ids: Ints
    positions: Ints
    slots: Ints
    sample_rows: Ints
    noise_keys: Ints
    temperatures: NDArray[np.float32]
    all_keys: SpanPlan
    prefix_keys: SpanPlan | None
    own_keys: SpanPlan
    adapters: AdapterRuns
    works: list[Work]
    prefill: PrefillPlan | None = None

    @property
    def arrays(self) -> tuple[Ints, ...]:
        """All its numbers as int32, in the order in which they are copied to the device."""
        spans = [self.all_keys] if self.prefix_keys is None else [self.all_keys, self.prefix_keys, self.own_keys]
        return (
            self.token_ids,
            self.positions,
            self.slots,
            self.sample_rows,
            self.noise_keys,
            self.temperatures.view(np.int32),
            *(array for span in spans for array in span.arrays),
            *(self.prefill.arrays if self.prefill is not None else ()),
        )


def plan_step(
    works: list[Work], block_size: int, *, shared: SharedBounds = NEVER_SHARED, prefill_rows: int = 0
) -> StepPlan:
    """Lay out a step. The works are reordered, so that those of one pass stand together, and those of one adapter.

    :param prefill_rows: rows from which on a sequence goes to ``ops.prefill``; 0: none does.
    """
    prefilling = prefill_rows > 0 and any([work.rows >= prefill_rows for work in works])
    groups = _group_by_prefix(works, NEVER_SHARED if prefilling else shared, block_size)
    works = [work for _, members in groups for work in members]
    drafts = np.array([len(work.draft) for work in works], np.int32)
    counts = np.array([work.count for work in works], np.int32) + drafts
    starts = np.array([work.start for work in works], np.int32)
    cu_seqlens_q = _accumulate(counts)
    owner = np.repeat(np.arange(len(works)), counts)  # the work of each row
    positions = starts[owner] + _count_within(counts)
    all_keys = SpanPlan(cu_seqlens_q, _join_tables(works, starts + counts, block_size), starts + counts, _most(counts))
    block_ids = all_keys.block_tables[owner, positions // block_size]
    prefix_keys, own_keys = _split_spans(groups, all_keys, block_size)
    drawn = np.where([work.samples for work in works], drafts + 1, 0).astype(np.int32)  # samples of each
    sample_rows = np.repeat(cu_seqlens_q[1:] - drawn, drawn) + _count_within(drawn)
    temperatures = np.repeat(np.array([work.sequence.sampling.temperature for work in works], np.float32), drawn)
    return StepPlan(
        token_ids=_list_tokens(works),
        positions=positions,
        slots=block_ids * np.int32(block_size) + positions % np.int32(block_size),
        sample_rows=sample_rows,
        noise_keys=_make_noise_keys(works, temperatures),
        temperatures=temperatures,
        all_keys=all_keys,
        prefix_keys=prefix_keys,
        own_keys=own_keys,
        adapters=_group_adapter_rows(works, cu_seqlens_q.tolist()),
        works=works,
        prefill=_plan_prefill(all_keys, block_size, prefill_rows) if prefilling else None,
    )


def _accumulate(counts: Ints) -> Ints:
    """Where each of some runs begins, and the end of the last one."""
    found = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=found[1:])
    return found


def _count_within(counts: Ints) -> Ints:
    """0, 1, 2 ... within each of some runs."""
    starts = _accumulate(counts)
    return np.arange(starts[-1], dtype=np.int32) - np.repeat(starts[:-1], counts)


def _most(counts: Ints) -> int:
    return int(counts.max(initial=0))


def _list_tokens(works: list[Work]) -> Ints:
    tokens: list[int] = []
    for work in works:
        if work.count == 1:
            tokens.append(work.sequence.token_ids[work.start])
        else:
            tokens += work.sequence.token_ids[work.start : work.start + work.count]
        if work.draft:
            tokens += work.draft
    return np.array(tokens, np.int32)


def _join_tables(works: list[Work], lengths: Ints, block_size: int) -> Ints:
    """The blocks that each sequence uses, ``[sequences, most of them]``, padded with 0."""
    used = -(-lengths // block_size)
    tables = np.zeros((len(works), max(_most(used), 1)), np.int32)
    rows: list[Ints] = []
    for work, count in zip(works, used.tolist(), strict=True):
        assert work.sequence.block_table is not None
        rows.append(work.sequence.block_table.array[:count])
    if rows:  # in one go, which is quicker than row by row
        tables[np.arange(tables.shape[1]) < used[:, None]] = np.concatenate(rows)
    return tables


def _make_noise_keys(works: list[Work], temperatures: NDArray[np.float32]) -> Ints:
    keys = np.zeros((len(temperatures), 2), np.int32)
    if temperatures.any():
        keys[:] = list(_list_noise_keys(works))
    return keys


def _list_noise_keys(works: list[Work]) -> Iterator[tuple[int, int]]:
    for work in works:
        if work.samples:
            first, sampling = work.sequence.num_output_tokens, work.sequence.sampling
            for position in range(first, first + len(work.draft) + 1):
                yield make_noise_key(sampling.seed, position) if sampling.temperature else (0, 0)


def _split_spans(
    groups: list[tuple[list[int], list[Work]]], all_keys: SpanPlan, block_size: int
) -> tuple[SpanPlan | None, SpanPlan]:
    """Split what is attended to: the beginnings that groups share, and what is left for each sequence."""
    if not any(common for common, _ in groups):
        return None, all_keys
    cu_seqlens_q, tables = all_keys.cu_seqlens_q, all_keys.block_tables
    edges = list(accumulate((len(members) for _, members in groups), initial=0))  # of groups, in sequences
    rows = cu_seqlens_q[edges]
    shared = np.array([len(common) for common, _ in groups], np.int32)
    beginnings = np.zeros((len(groups), max(_most(shared), 1)), np.int32)
    of_each = np.repeat(shared, np.diff(edges))
    lengths = all_keys.seqlens_k - of_each * np.int32(block_size)
    own = np.zeros((len(of_each), max(-(-_most(lengths) // block_size), 1)), np.int32)
    for number, ((common, _), (first, end)) in enumerate(zip(groups, pairwise(edges), strict=True)):
        beginnings[number, : len(common)] = common
        part = tables[first:end, len(common) : len(common) + own.shape[1]]
        own[first:end, : part.shape[1]] = part
    prefix = SpanPlan(rows, beginnings, shared * np.int32(block_size), _most(np.diff(rows)))
    return prefix, SpanPlan(cu_seqlens_q, own, lengths, all_keys.max_seqlen_q)


def _plan_prefill(span: SpanPlan, block_size: int, least: int) -> PrefillPlan:
    """Lay out the sequences with ``least`` rows or more."""
    counts, lengths = np.diff(span.cu_seqlens_q), span.seqlens_k
    chosen = np.flatnonzero(counts >= least)
    owner = np.repeat(chosen, lengths[chosen])
    places = _count_within(lengths[chosen])
    rows = np.repeat(span.cu_seqlens_q[chosen], counts[chosen]) + _count_within(counts[chosen])
    slots = span.block_tables[owner, places // block_size] * np.int32(block_size) + places % np.int32(block_size)
    others = lengths.copy()
    others[chosen] = 0
    return PrefillPlan(
        rows=rows,
        slots=slots,
        cu_seqlens_q=_accumulate(counts[chosen]),
        cu_seqlens_k=_accumulate(lengths[chosen]),
        other_seqlens_k=others,
        max_q=_most(counts[chosen]),
        max_k=_most(lengths[chosen]),
        other_max_seqlen_q=max(_most(np.delete(counts, chosen)), 1),
    )


def _group_adapter_rows(works: list[Work], cu_seqlens_q: list[int]) -> AdapterRuns:
    """Group rows by adapter; neighbours are joined."""
    runs: AdapterRuns = []
    for work, (start, end) in zip(works, pairwise(cu_seqlens_q), strict=True):
        name = work.sequence.request.adapter
        if name is None:
            continue
        if runs and runs[-1][0] == name and runs[-1][2] == start:
            runs[-1] = (name, runs[-1][1], end)
        else:
            runs.append((name, start, end))
    return runs


def _group_by_prefix(works: list[Work], shared: SharedBounds, block_size: int) -> list[tuple[list[int], list[Work]]]:
    """Group works by the blocks that they all begin with; the last group is of those that share none.

    Sequences of one pass hold the same blocks for their common beginning, so it is enough to compare block ids. Each
    pass has a beginning of its own.
    """
    passes: dict[tuple[str, int], list[Work]] = {}
    for work in works:
        passes.setdefault((work.sequence.request.adapter or "", work.sequence.group), []).append(work)
    if len(passes) > 1:
        passes = dict(sorted(passes.items(), key=lambda item: item[0][0]))
    groups: list[tuple[list[int], list[Work]]] = []
    alone: list[Work] = []
    for members in passes.values():
        many = 0 < shared.sequences <= len(members)
        common = _find_common_blocks(members, block_size) if many else []
        if common and len(common) * block_size >= shared.tokens:
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
