"""Attention with other tiles than those that are chosen: which is the fastest on this GPU."""

from __future__ import annotations

from unittest import mock

import gpu_ops

from gpu.context import GpuRun
from gpu.tables import make_bench
from midb.kernels.ops.paged_attention import Tile

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
