"""The Triton kernels on a GPU, next to torch eager, torch.compile and flash-attn, and to a copy of memory.

A kernel that touches memory once cannot be faster than a copy of as many bytes, so each row states its share of the
copy bandwidth that was measured in the same run. Every call is timed with a cold L2 cache.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from registry import Row, benchmark

Call = Callable[[], object]

#: Rows of a step: one sequence, a small batch, a large one, a prompt.
ROWS = (1, 16, 256, 2048)

#: Sequences, query rows of each and keys of each: decoding and verification of rewrites, long texts, a prompt.
ATTENTION = (
    *((sequences, rows, 768) for sequences in (1, 8, 32, 128, 256) for rows in (1, 9, 33)),
    (1, 1, 8192),
    (32, 1, 8192),
    (1, 2048, 2048),
)


@dataclass(frozen=True)
class ModelShape:
    """Sizes of a model's layer."""

    name: str
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int


#: A large model and a small one.
MODELS = (ModelShape("llama 8b", 4096, 14336, 32, 8, 128), ModelShape("qwen 0.5b", 896, 4864, 14, 2, 64))


@dataclass(frozen=True)
class Bench:
    """Where and how calls are timed.

    :param measure: measures a call: its microseconds at 20, 50 and 80 percent.
    :param compile: torch.compile, or what tests use in its place; None leaves it out.
    """

    device: str
    measure: Callable[[Call], tuple[float, float, float]]
    compile: Callable[[Callable[..., Any]], Callable[..., Any]] | None
    copy_bytes: int = 2**30

    def measure_rows(self, calls: dict[str, Call], size: int, **shape: object) -> Iterator[Row]:
        """Measure each way to do the same, which must move so many bytes: a row for each."""
        for way, call in calls.items():
            fast, usual, slow = self.measure(call)
            speed = size / usual / 1e3
            yield shape | {
                "way": way,
                "us_p20": round(fast, 2),
                "us_p50": round(usual, 2),
                "us_p80": round(slow, 2),
                "bytes": size,
                "GB_per_s": round(speed, 1),
                "share_of_copy": round(speed / self.measure_copy(), 3),
            }

    def measure_copy(self) -> float:
        """Measure the GB/s of a copy, read and written bytes together."""
        return _measure_copy(self)

    def make_normal(self, *shape: int) -> Any:
        """Make normal numbers, in bf16 on a GPU."""
        import torch

        dtype = torch.float32 if self.device == "cpu" else torch.bfloat16
        return torch.randn(*shape, dtype=dtype, device=self.device)  # drawn where it is used: some are gigabytes

    def make_ints(self, numbers: list[int]) -> Any:
        """Make an int32 tensor."""
        import torch

        return torch.tensor(numbers, dtype=torch.int32, device=self.device)


@cache
def _measure_copy(bench: Bench) -> float:
    import torch

    source = torch.zeros(bench.copy_bytes, dtype=torch.uint8, device=bench.device)
    target = torch.empty_like(source)
    return 2 * bench.copy_bytes / bench.measure(lambda: target.copy_(source))[1] / 1e3


def find_gpu() -> Bench | None:
    """Find the GPU and print its circumstances; None, and the reason on stderr, if there is none."""
    try:
        import torch
        import triton
    except ImportError as error:
        print(f"nothing measured: {error}", file=sys.stderr)
        return None
    if not torch.cuda.is_available():
        print("nothing measured: there is no GPU", file=sys.stderr)
        return None
    print(f"  {torch.cuda.get_device_name()}, torch {torch.__version__}, triton {triton.__version__}")

    def measure(call: Call) -> tuple[float, float, float]:
        fast, usual, slow = triton.testing.do_bench(call, quantiles=[0.2, 0.5, 0.8])
        return fast * 1e3, usual * 1e3, slow * 1e3

    return Bench("cuda", measure, partial(torch.compile, dynamic=False))


def _count_bytes(*tensors: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _make_ways(bench: Bench, kernel: Callable[..., Any], plain: Callable[..., Any], *args: Any, **options: Any) -> Any:
    ways = {"kernel": partial(kernel, *args, **options), "torch eager": partial(plain, *args, **options)}
    if bench.compile is not None:
        ways["torch.compile"] = partial(bench.compile(plain), *args, **options)
    return ways


def add_rms_norm(bench: Bench, models: tuple[ModelShape, ...] = MODELS, rows: tuple[int, ...] = ROWS) -> Iterator[Row]:
    """Reads two tensors and writes two."""
    from midb.kernels import reference
    from midb.kernels.ops.rms_norm import add_rms_norm as kernel

    for model in models:
        for count in rows:
            x, residual, weight = (
                bench.make_normal(*shape) for shape in [(count, model.hidden)] * 2 + [(model.hidden,)]
            )
            ways = _make_ways(bench, kernel, reference.add_rms_norm, x, residual, weight, eps=1e-6)
            yield from bench.measure_rows(
                ways, 2 * _count_bytes(x, residual) + _count_bytes(weight), model=model.name, rows=count
            )


def rotary_kv_write(
    bench: Bench, models: tuple[ModelShape, ...] = MODELS, rows: tuple[int, ...] = ROWS
) -> Iterator[Row]:
    """Reads and writes queries, keys and values once; with the norms of Qwen3."""
    import torch

    from midb.kernels import reference
    from midb.kernels.ops.rotary_kv import rotary_kv_write as kernel

    for model in models:
        for count in rows:
            qkv = bench.make_normal(count, (model.heads + 2 * model.kv_heads) * model.head_dim)
            angles = torch.rand(count, model.head_dim // 2, device=bench.device)
            places = bench.make_ints(list(range(count)))
            cos_sin = torch.cat((angles.cos(), angles.sin()), dim=1)
            caches = [bench.make_normal(count, model.kv_heads, model.head_dim) for _ in range(2)]
            norms = {name: bench.make_normal(model.head_dim) for name in ("q_weight", "k_weight")}
            ways = _make_ways(bench, kernel, reference.rotary_kv_write, qkv, places, places, cos_sin, *caches, **norms)
            size = 2 * _count_bytes(qkv) + _count_bytes(places, places, cos_sin)
            yield from bench.measure_rows(ways, size, model=model.name, rows=count)


def gated_activation(
    bench: Bench, models: tuple[ModelShape, ...] = MODELS, rows: tuple[int, ...] = ROWS
) -> Iterator[Row]:
    """Reads two tensors and writes one."""
    from midb.kernels import reference
    from midb.kernels.ops.gated_activation import gated_activation as kernel

    for model in models:
        for count in rows:
            gate_up = bench.make_normal(count, 2 * model.intermediate)
            ways = _make_ways(bench, kernel, reference.gated_activation, gate_up, kind="silu")
            yield from bench.measure_rows(ways, _count_bytes(gate_up) * 3 // 2, model=model.name, rows=count)


def sample_chunk(bench: Bench, chunk: int = 32768, rows: tuple[int, ...] = (1, 16, 256)) -> Iterator[Row]:
    """Reads one chunk of logits."""
    import torch

    from midb.kernels import reference
    from midb.kernels.ops.sample import sample_chunk as kernel

    for temperature in (0.0, 0.8):
        for count in rows:
            logits = bench.make_normal(count, chunk)
            temperatures = torch.full((count,), temperature, device=bench.device)
            keys = bench.make_ints(list(range(2 * count))).view(count, 2)
            best = torch.full((count,), -torch.inf, device=bench.device), bench.make_ints([0] * count)
            ways = _make_ways(bench, kernel, reference.sample_chunk, logits, 0, temperatures, keys, *best)
            yield from bench.measure_rows(ways, _count_bytes(logits), chunk=chunk, rows=count, temperature=temperature)


def paged_attention(
    bench: Bench,
    models: tuple[ModelShape, ...] = MODELS,
    shapes: tuple[tuple[int, int, int], ...] = ATTENTION,
    block_sizes: tuple[int, ...] = (16, 64, 256),
) -> Iterator[Row]:
    """Reads the keys and values once for all rows of a sequence; ``shapes`` as in ``ATTENTION``.

    torch has no paged attention: its SDPA gets dense keys, gathered beforehand and not timed. flash-attn wants blocks
    of 256.
    """
    import torch

    from midb.kernels.ops.paged_attention import paged_attention as kernel

    for model in models:
        for batch, rows, keys in shapes:
            for block_size in block_sizes:
                each = -(-keys // block_size)
                order = torch.randperm(batch * each, generator=torch.Generator().manual_seed(1))
                table = order.view(batch, each).to(bench.device, torch.int32)
                k_cache, v_cache = (
                    bench.make_normal(batch * each * block_size, model.kv_heads, model.head_dim) for _ in range(2)
                )
                q = bench.make_normal(batch * rows, model.heads, model.head_dim)
                starts = bench.make_ints(list(accumulate([rows] * batch, initial=0)))
                lengths = bench.make_ints([keys] * batch)
                options = {"block_size": block_size, "scale": model.head_dim**-0.5, "max_seqlen_q": rows}
                ways: dict[str, Call] = {
                    "kernel": partial(kernel, q, k_cache, v_cache, table, starts, lengths, **options)
                }
                if block_size == block_sizes[0]:
                    dense = [_gather(tensor, table, block_size, keys) for tensor in (k_cache, v_cache)]
                    queries = q.view(batch, rows, model.heads, model.head_dim).transpose(1, 2)
                    ways["torch sdpa, dense keys"] = _make_sdpa_call(queries, *dense, rows=rows)
                if block_size % 256 == 0 and (
                    flash := _make_flash_call(q, k_cache, v_cache, table, lengths, block_size, rows)
                ):
                    ways["flash-attn"] = flash
                size = 2 * _count_bytes(q) + 2 * batch * keys * model.kv_heads * model.head_dim * q.element_size()
                shape = {"model": model.name, "sequences": batch, "rows": rows, "keys": keys, "block_size": block_size}
                yield from bench.measure_rows(ways, size, **shape)


def _gather(store: Any, table: Any, block_size: int, keys: int) -> Any:
    """``[sequences, kv_heads, keys, head_dim]`` of a paged cache."""
    paged = store.view(-1, block_size, *store.shape[1:])
    return paged[table.long()].flatten(1, 2)[:, :keys].transpose(1, 2).contiguous()


def _make_sdpa_call(q: Any, k: Any, v: Any, *, rows: int) -> Call:
    import torch

    keys = k.shape[2]
    # A mask would rule out the fused kernels. One row needs none, and for a whole prompt torch has its own.
    mask = None
    if 1 < rows < keys:
        mask = torch.ones(rows, keys, dtype=torch.bool, device=q.device).tril(keys - rows)
    attend = torch.nn.functional.scaled_dot_product_attention
    return partial(attend, q, k, v, attn_mask=mask, is_causal=rows == keys > 1, enable_gqa=True)


def _make_flash_call(
    q: Any, k_cache: Any, v_cache: Any, table: Any, lengths: Any, block_size: int, rows: int
) -> Call | None:
    try:
        from flash_attn import flash_attn_with_kvcache
    except ImportError:
        return None
    paged = [store.view(-1, block_size, *store.shape[1:]) for store in (k_cache, v_cache)]
    queries = q.view(-1, rows, *q.shape[1:])
    return partial(flash_attn_with_kvcache, queries, *paged, cache_seqlens=lengths, block_table=table, causal=True)


def _register(op: Callable[[Bench], Iterator[Row]], name: str, what: str) -> None:
    @benchmark(f"kernels-{name}", what, needs="gpu")
    def run(corpora: Path) -> Iterator[Row]:
        if bench := find_gpu():
            yield from op(bench)


_register(add_rms_norm, "add-rms-norm", "residual addition and RMSNorm: microseconds, GB/s, share of a copy's")
_register(rotary_kv_write, "rotary-kv-write", "norms, rotary embedding and KV write: the same figures")
_register(gated_activation, "gated-activation", "SwiGLU: the same figures")
_register(sample_chunk, "sample-chunk", "argmax and Gumbel sample over a chunk of logits: the same figures")
_register(paged_attention, "paged-attention", "attention over KV blocks, next to SDPA and flash-attn: the same figures")
