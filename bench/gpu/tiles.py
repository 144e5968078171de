"""Attention with other tiles than those that are chosen, and in two launches: which is the fastest on this GPU."""

from __future__ import annotations

from functools import partial
from itertools import accumulate
from typing import Any
from unittest import mock

import gpu_ops
import torch

from gpu.context import GpuRun
from gpu.tables import make_bench
from midb.kernels import reference
from midb.kernels.ops.paged_attention import Tile, paged_attention

#: Sequences, rows of each, keys of each -> tiles to try.
TRIED: dict[tuple[int, int, int], tuple[Tile, ...]] = {
    (128, 9, 768): (
        Tile(64, 32, 4, 3), Tile(64, 64, 4, 3), Tile(64, 64, 8, 3), Tile(64, 32, 8, 3), Tile(64, 128, 8, 3),
        Tile(64, 32, 4, 4), Tile(64, 16, 4, 4),
    ),
    (128, 1, 768): (
        Tile(16, 64, 4, 3), Tile(16, 128, 4, 3), Tile(16, 64, 2, 3), Tile(16, 32, 4, 4), Tile(16, 32, 2, 4),
        Tile(16, 128, 8, 3), Tile(16, 64, 4, 4),
    ),
    (8, 33, 768): (Tile(64, 32, 4, 3), Tile(64, 64, 8, 3), Tile(128, 32, 8, 3), Tile(128, 64, 8, 3)),
    (1, 2048, 2048): (Tile(128, 32, 8, 3), Tile(128, 64, 8, 3), Tile(64, 64, 4, 3), Tile(128, 128, 8, 3)),
}  # fmt: skip


def measure_tiles(run: GpuRun) -> None:
    """Measure attention at the shapes of Llama 3.1 8B with each tile, in blocks of 16."""
    if run.smoke:
        run.say("tiles", left_out="Triton's interpreter says nothing about time")
        return
    bench = make_bench(run)
    for shape, tiles in TRIED.items():
        for tile in tiles:
            if not run.begin("tiles", f"{shape} {tile}", 4):
                continue
            with (
                run.telling("tiles", shape=shape, tile=tile),
                mock.patch("midb.kernels.ops.paged_attention.choose_tile", lambda *_, tile=tile: tile),
            ):
                rows = gpu_ops.paged_attention(bench, gpu_ops.MODELS[:1], (shape,), (16,))
                found = next(row for row in rows if row["way"] == "kernel")
                run.say(
                    "tiles", shape=shape, us_p50=found["us_p50"], share_of_copy=found["share_of_copy"],
                    rows=tile.rows, keys=tile.keys, warps=tile.warps, stages=tile.stages,
                )  # fmt: skip


#: Sequences that decode, and the rows of one prompt that is computed beside them.
MIXED = ((255, 512), (127, 512), (31, 512), (255, 1500))

#: Keys of a sequence that decodes.
DECODED_KEYS = 768


def measure_mixed(run: GpuRun) -> None:
    """Measure attention of a prompt beside sequences that decode: in one launch, whose tiles are those of the prompt,
    and in two, of which that for the others has their small tiles."""
    bench = make_bench(run)
    shapes = ((3, 20),) if run.smoke else MIXED
    for sequences, rows in shapes:
        if not run.begin("mixed", f"{sequences} {rows}", 4):
            continue
        with run.telling("mixed", sequences=sequences, rows=rows):
            calls = make_mixed_calls(bench, sequences, rows, 40 if run.smoke else DECODED_KEYS)
            told = {name: round(bench.measure(call)[1], 1) for name, call in calls.items()}
            run.say("mixed", sequences=sequences, rows=rows, us_p50=told)


def make_mixed_calls(bench: gpu_ops.Bench, sequences: int, rows: int, keys: int) -> dict[str, gpu_ops.Call]:
    """Make the calls: all rows together, the sequences that decode alone, the prompt alone."""
    model, block = gpu_ops.MODELS[0], 16
    attend: Any = reference.paged_attention if bench.device == "cpu" else paged_attention
    lengths = [keys] * sequences + [rows]
    blocks = [-(-length // block) for length in lengths]
    caches = [bench.make_normal(sum(blocks) * block, model.kv_heads, model.head_dim) for _ in range(2)]
    tables = torch.zeros(len(lengths), max(blocks), dtype=torch.int32)
    for row, (first, count) in enumerate(zip(accumulate(blocks, initial=0), blocks, strict=False)):
        tables[row, :count] = torch.arange(first, first + count)
    tables = tables.to(bench.device)
    q = bench.make_normal(sequences + rows, model.heads, model.head_dim)
    starts = bench.make_ints([*range(sequences + 1), sequences + rows])

    def make(q: Any, tables: Any, starts: Any, lengths: list[int], most: int) -> gpu_ops.Call:
        options = {"block_size": block, "scale": model.head_dim**-0.5, "max_seqlen_q": most}
        return partial(attend, q, *caches, tables, starts, bench.make_ints(lengths), **options)

    return {
        "together": make(q, tables, starts, lengths, rows),
        "others": make(q, tables, starts, [*lengths[:-1], 0], 1),
        "prompt": make(q[sequences:].contiguous(), tables[-1:], bench.make_ints([0, rows]), lengths[-1:], rows),
    }
