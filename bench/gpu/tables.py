"""How fast the kernels are, next to a copy of memory, and torch's own kernel for prompts next to ours."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from typing import Any

import gpu_ops
import torch
from gpu_ops import Bench
from torch import Tensor

from gpu.context import GpuRun
from midb.kernels.dispatch import choose_ops

#: Sequences, rows of each, keys of each, in the order of what they say about the engine.
ATTENTION = (
    (128, 1, 768), (8, 9, 768), (32, 9, 768), (1, 1, 768), (8, 1, 768), (32, 1, 768), (256, 1, 768), (128, 9, 768),
    (1, 9, 768), (256, 9, 768), (32, 1, 8192), (1, 1, 8192), (1, 2048, 2048),
)  # fmt: skip

#: Sequences, rows of each, keys of each: whole prompts, and prompts behind a cached beginning.
PROMPTS = (
    *((sequences, rows, rows) for sequences in (1, 8) for rows in (64, 256, 512, 1024, 2048)),
    (8, 256, 512),
    (1, 64, 2048),
)

#: Tokens of a block.
BLOCK = 16


def make_bench(run: GpuRun) -> Bench:
    """Make what measures calls; on a CPU each is made once."""
    if run.smoke:

        def measure(call: Callable[[], object]) -> tuple[float, float, float]:
            call()
            return 1.0, 1.0, 1.0

        return Bench("cpu", measure, None, copy_bytes=1000)
    found = gpu_ops.find_gpu()
    assert found is not None
    return found if run.compile_peers else dataclasses.replace(found, compile=None)


def measure_kernels(run: GpuRun) -> None:
    """Measure microseconds, GB/s and the share of a copy's of each kernel, at the shapes of Llama 3.1 8B."""
    bench = make_bench(run)
    run.say("kernels", copy_GB_per_s=round(bench.measure_copy()))
    for op, calls in (make_tiny_plan() if run.smoke else make_plan()).items():
        for options in calls:
            case = f"{op} {options}"
            if not run.begin("kernels", case, 5):
                continue
            with run.telling("kernels", case=case):
                for row in getattr(gpu_ops, op)(bench, **options):
                    told = {name: row.pop(name) for name in ("us_p50", "share_of_copy", "way")}
                    run.say("kernels", op=op, **told, **row)


def make_plan() -> dict[str, list[dict[str, Any]]]:
    """Make the calls of each table, one for each shape, so that what fails is one shape."""
    llama = {"models": gpu_ops.MODELS[:1]}
    rows = [llama | {"rows": (count,)} for count in (8, 128, 256, 2048)]
    return {
        "paged_attention": [llama | {"shapes": (shape,), "block_sizes": (16, 64)} for shape in ATTENTION],
        "add_rms_norm": rows,
        "rotary_kv_write": rows,
        "gated_activation": rows,
        "sample_chunk": [{"rows": (count,)} for count in (1, 128, 256)],
    }


def make_tiny_plan() -> dict[str, list[dict[str, Any]]]:
    """Make one small call of each table, for Triton's interpreter."""
    tiny = {"models": (gpu_ops.ModelShape("tiny", 48, 80, 4, 2, 32),)}
    return {
        "paged_attention": [tiny | {"shapes": ((2, 3, 40),), "block_sizes": (16,)}],
        **{op: [tiny | {"rows": (3,)}] for op in ("add_rms_norm", "rotary_kv_write", "gated_activation")},
        "sample_chunk": [{"rows": (3,), "chunk": 50}],
    }


@dataclasses.dataclass(frozen=True)
class PackedPrompts:
    """Sequences of as many rows and keys, packed and in blocks."""

    q: Tensor
    k: Tensor
    v: Tensor
    sequences: int
    rows: int
    keys: int

    @property
    def scale(self) -> float:
        """Of the dot products."""
        return 1.0 / math.sqrt(self.q.shape[-1])

    def count(self, each: int) -> Tensor:
        """Where each sequence starts, ``[sequences + 1]`` int32."""
        starts = list(accumulate([each] * self.sequences, initial=0))
        return torch.tensor(starts, dtype=torch.int32, device=self.q.device)

    def compute_exactly(self) -> Tensor:
        """Attention in fp32, sequence by sequence."""
        share = self.q.shape[1] // self.k.shape[1]
        mask = torch.ones(self.rows, self.keys, dtype=torch.bool, device=self.q.device).tril(self.keys - self.rows)
        outs = []
        for number in range(self.sequences):
            q = self.q[number * self.rows : (number + 1) * self.rows].float().transpose(0, 1)
            k, v = (
                t[number * self.keys : (number + 1) * self.keys].float().repeat_interleave(share, 1).transpose(0, 1)
                for t in (self.k, self.v)
            )
            scores = (q @ k.transpose(1, 2) * self.scale).masked_fill(~mask, -torch.inf)
            outs.append((scores.softmax(dim=-1) @ v).transpose(0, 1))
        return torch.cat(outs)


def make_prompts(run: GpuRun, shape: tuple[int, int, int]) -> PackedPrompts:
    """Draw queries, keys and values of a shape, at the heads of Llama 3.1 8B."""
    sequences, rows, keys = shape
    heads, kv_heads, head_dim = (4, 2, 16) if run.smoke else (32, 8, 128)
    make = partial(torch.randn, dtype=getattr(torch, run.dtype), device=run.device)
    q, k, v = (
        make(count, of, head_dim)
        for count, of in ((sequences * rows, heads), (sequences * keys, kv_heads), (sequences * keys, kv_heads))
    )
    return PackedPrompts(q, k, v, sequences, rows, keys)


def call_varlen(prompts: PackedPrompts, k: Tensor, v: Tensor, **options: Any) -> Tensor:
    """Call torch's varlen attention, causally, in the words of the torch that is here."""
    from torch.nn.attention.varlen import varlen_attn

    known = inspect.signature(varlen_attn).parameters
    options |= {"window_size": (-1, 0)} if "window_size" in known else {"is_causal": True}
    if "scale" in known:
        options["scale"] = prompts.scale  # elsewhere it is this one by itself
    starts = prompts.count(prompts.rows), prompts.count(prompts.keys)
    out = varlen_attn(prompts.q, k, v, *starts, prompts.rows, prompts.keys, **options)
    assert isinstance(out, Tensor)
    return out


def make_paged_call(run: GpuRun, prompts: PackedPrompts) -> Callable[[], Tensor]:
    """Make the call of the paged kernel, on keys that lie in blocks in any order."""
    each = -(-prompts.keys // BLOCK)
    order = torch.randperm(prompts.sequences * each, generator=torch.Generator().manual_seed(1))
    tables = order.view(prompts.sequences, each).to(run.device, torch.int32)
    slots = (tables.long()[:, :, None] * BLOCK + torch.arange(BLOCK, device=run.device)).flatten(1)[:, : prompts.keys]
    caches = []
    for tensor in (prompts.k, prompts.v):
        cache = torch.zeros(prompts.sequences * each * BLOCK, *tensor.shape[1:], dtype=tensor.dtype, device=run.device)
        cache[slots.flatten()] = tensor
        caches.append(cache)
    lengths = torch.full((prompts.sequences,), prompts.keys, dtype=torch.int32, device=run.device)
    attend = choose_ops(torch.device(run.device)).paged_attention
    starts = prompts.count(prompts.rows)
    options = {"block_size": BLOCK, "scale": prompts.scale, "max_seqlen_q": prompts.rows}
    return lambda: attend(prompts.q, *caches, tables, starts, lengths, **options)[0]


def measure_prefill(run: GpuRun) -> None:
    """Measure torch's varlen attention and the paged kernel on prompts: time, and the largest error against fp32."""
    with run.telling("prefill", way="signature"):
        from torch.nn.attention.varlen import varlen_attn

        run.say("prefill", torch=torch.__version__, signature=str(inspect.signature(varlen_attn)))
    bench = make_bench(run)
    shapes = [(sequences, 8, 8 + keys - rows) for sequences, rows, keys in PROMPTS[:1]] if run.smoke else PROMPTS
    for shape in shapes:
        if not run.begin("prefill", str(shape), 4):
            continue
        with run.telling("prefill", shape=shape):
            prompts = make_prompts(run, shape)
            exact = prompts.compute_exactly()
            wide = [t.repeat_interleave(prompts.q.shape[1] // t.shape[1], 1) for t in (prompts.k, prompts.v)]
            ways: dict[str, Callable[[], Tensor]] = {
                "paged kernel": make_paged_call(run, prompts),
                "torch varlen, keys expanded": partial(call_varlen, prompts, *wide),
                "torch varlen, fewer key heads": partial(call_varlen, prompts, prompts.k, prompts.v),
                "torch varlen, enable_gqa": partial(call_varlen, prompts, prompts.k, prompts.v, enable_gqa=True),
            }
            for way, call in ways.items():
                with run.telling("prefill", shape=shape, way=way):
                    worst = float((call().float() - exact).abs().max())
                    taken = bench.measure(call)[1]
                    pairs = prompts.sequences * (prompts.rows * prompts.keys - prompts.rows * (prompts.rows - 1) / 2)
                    flops = 4 * pairs * prompts.q.shape[1] * prompts.q.shape[2]
                    run.say(
                        "prefill", shape=shape, way=way, us=round(taken, 1), max_error=round(worst, 6),
                        TFLOP_per_s=round(flops / taken / 1e6, 1),
                    )  # fmt: skip
