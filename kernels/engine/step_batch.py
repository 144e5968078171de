"""One step as flat arrays: which tokens, where they stand, where their KV goes, what each sequence attends to.

All integers of a step lie in one int32 buffer, so that a GPU gets them in one copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from midb.kernels.engine.sampling import noise_key
from midb.kernels.engine.scheduler import Work
from midb.kernels.models.decoder import adapter_rows
from midb.kernels.models.linear import AdapterRows

#: Fewer sequences than this gain nothing from attending to their common beginning together. A CPU saves gathering it
#: for each; on a GPU it must outweigh a second launch and the CUDA graph, which is an estimate: no GPU was at hand.
_CASCADE_LEAST = {"cpu": 2, "cuda": 16}


@dataclass(frozen=True, slots=True)
class KeySpan:
    """What rows attend to: for each of some runs of rows, a block table and how many keys of it.

    :param cu_seqlens_q: ``[runs + 1]`` int32; ``block_tables`` ``[runs, max_pages]`` int32; ``seqlens_k`` ``[runs]``
        int32.
    """

    cu_seqlens_q: Tensor
    block_tables: Tensor
    seqlens_k: Tensor
    max_seqlen_q: int


@dataclass(frozen=True, slots=True)
class Prefill:
    """The sequences with long runs of rows, for ``ops.prefill``.

    :param rows: ``[rows]`` int32, which of the step's rows are theirs; ``slots`` ``[keys]`` int32, where their keys
        lie.
    :param others: ``seqlens_k`` of all sequences, 0 for these: the paged kernel leaves them out.
    """

    rows: Tensor
    slots: Tensor
    cu_seqlens_q: Tensor
    cu_seqlens_k: Tensor
    max_q: int
    max_k: int
    others: Tensor


@dataclass(frozen=True, slots=True)
class StepBatch:
    """The tensors of one step; ``rows`` are all its tokens, ``samples`` those from which a token is drawn.

    :param prefix: the beginnings that groups of sequences share, and ``rest`` what each attends to besides; ``whole``
        is both in one, for layers that see a window only. Without groups ``prefix`` is None and ``rest`` is ``whole``.
    """

    token_ids: Tensor
    positions: Tensor
    slots: Tensor
    sample_rows: Tensor
    temperatures: Tensor
    noise_keys: Tensor
    whole: KeySpan
    prefix: KeySpan | None
    rest: KeySpan
    adapters: AdapterRows
    works: list[Work]
    prefill: Prefill | None = None


def prepare(
    works: list[Work], page_size: int, device: torch.device, *, cascade: bool = True, long: int = 0
) -> StepBatch:
    """Lay out a step. The works are put in order: those of one pass stand together, and so do those of one adapter.

    :param long: rows from which a sequence goes to ``ops.prefill``; 0: none does.
    """
    prefilling = long > 0 and any(work.rows >= long for work in works)
    least = _CASCADE_LEAST[device.type] if cascade and not prefilling else len(works) + 1
    grouped = _group(works, least, page_size)
    works = [work for _, members in grouped for work in members]
    tokens: list[int] = []
    positions: list[int] = []
    slots: list[int] = []
    sample_rows: list[int] = []
    keys: list[int] = []
    temperatures: list[float] = []
    for work in works:
        sequence = work.sequence
        assert sequence.table is not None
        end = work.start + work.count
        tokens += sequence.tokens[work.start : end]
        tokens += work.draft
        pages = sequence.table.indices
        for position in range(work.start, end + len(work.draft)):
            slots.append(pages[position // page_size] * page_size + position % page_size)
        positions += range(work.start, end + len(work.draft))
        if work.samples:
            last = len(tokens) - len(work.draft) - 1
            sample_rows += range(last, len(tokens))
            sampling = sequence.sampling
            drawn = len(work.draft) + 1
            temperatures += [sampling.temperature] * drawn
            for place in range(drawn):
                keys += noise_key(sampling.seed, sequence.generated + place) if sampling.temperature else (0, 0)
    cu = list(accumulate((work.rows for work in works), initial=0))
    lengths = [work.start + work.rows for work in works]
    tables = [work.sequence.table.indices for work in works if work.sequence.table]
    used = [table[: -(-length // page_size)] for table, length in zip(tables, lengths, strict=True)]
    spans = [(cu, used, lengths)]
    if any(common for common, _ in grouped):
        shared = [(common, sum(w.rows for w in members), len(members)) for common, members in grouped]
        spans.append((
            list(accumulate((rows for _, rows, _ in shared), initial=0)),
            [table for table, _, _ in shared],
            [len(table) * page_size for table, _, _ in shared],
        ))  # fmt: skip
        cut = [len(table) for table, _, members in shared for _ in range(members)]
        spans.append((
            cu,
            [table[pages:] for table, pages in zip(used, cut, strict=True)],
            [length - pages * page_size for length, pages in zip(lengths, cut, strict=True)],
        ))  # fmt: skip
    parts = [tokens, positions, slots, sample_rows, keys]
    widths = []
    for starts, rows, counts in spans:
        width = max((len(table) for table in rows), default=1) or 1
        widths.append(width)
        parts += [starts, [page for table in rows for page in [*table, *[0] * (width - len(table))]], counts]
    flat = _to_device([number for part in parts for number in part], device)
    views = iter(flat.split([len(part) for part in parts]))
    heads = [next(views) for _ in range(5)]
    made = []
    for (starts, rows, _), width in zip(spans, widths, strict=True):
        longest = max((b - a for a, b in pairwise(starts)), default=0)
        made.append(KeySpan(next(views), next(views).view(len(rows), width), next(views), longest))
    return StepBatch(
        token_ids=heads[0],
        positions=heads[1],
        slots=heads[2],
        sample_rows=heads[3],
        noise_keys=heads[4].view(-1, 2),
        temperatures=torch.tensor(temperatures, dtype=torch.float32, device=device),
        whole=made[0],
        prefix=made[1] if len(made) > 1 else None,
        rest=made[-1],
        adapters=adapter_rows([work.sequence.request.adapter for work in works], cu),
        works=works,
        prefill=_prefill(cu, used, lengths, page_size, device, long) if prefilling else None,
    )


def _prefill(
    cu: list[int], tables: list[list[int]], lengths: list[int], page_size: int, device: torch.device, long: int
) -> Prefill:
    chosen = [number for number in range(len(lengths)) if cu[number + 1] - cu[number] >= long]
    rows = [row for number in chosen for row in range(cu[number], cu[number + 1])]
    slots = [
        tables[number][place // page_size] * page_size + place % page_size
        for number in chosen
        for place in range(lengths[number])
    ]
    cu_q = list(accumulate((cu[number + 1] - cu[number] for number in chosen), initial=0))
    cu_k = list(accumulate((lengths[number] for number in chosen), initial=0))
    others = [0 if number in chosen else length for number, length in enumerate(lengths)]
    parts = [rows, slots, cu_q, cu_k, others]
    flat = _to_device([number for part in parts for number in part], device)
    views = flat.split([len(part) for part in parts])
    return Prefill(
        rows=views[0],
        slots=views[1],
        cu_seqlens_q=views[2],
        cu_seqlens_k=views[3],
        max_q=max(cu[number + 1] - cu[number] for number in chosen),
        max_k=max(lengths[number] for number in chosen),
        others=views[4],
    )


def _to_device(numbers: list[int], device: torch.device) -> Tensor:
    buffer = torch.tensor(numbers, dtype=torch.int32)
    if device.type == "cpu":
        return buffer
    return buffer.pin_memory().to(device, non_blocking=True)


def _group(works: list[Work], least: int, page_size: int) -> list[tuple[list[int], list[Work]]]:
    """Runs of works with the pages that all of a run begin with; the others in one run without.

    Sequences of one pass hold the same pages for their common beginning, so comparing page numbers is enough. Where
    there are several passes each has its own tree: a forest.
    """
    passes: dict[tuple[str, int], list[Work]] = {}
    for work in sorted(works, key=lambda work: work.sequence.request.adapter or ""):
        passes.setdefault((work.sequence.request.adapter or "", work.sequence.group), []).append(work)
    runs: list[tuple[list[int], list[Work]]] = []
    alone: list[Work] = []
    for members in passes.values():
        common = _common(members, page_size) if len(members) >= least else []
        if common:
            runs.append((common, members))
        else:
            alone += members
    return [*runs, ([], alone)] if alone else runs


def _common(works: list[Work], page_size: int) -> list[int]:
    """Pages that all works begin with and that lie before every row of theirs."""
    tables = [work.sequence.table.indices for work in works if work.sequence.table]
    most = min(work.start // page_size for work in works)
    low, high = min(tables), max(tables)  # what the least and the greatest have in common, all have
    for number in range(min(most, len(low), len(high))):
        if low[number] != high[number]:
            return low[:number]
    return low[:most]
