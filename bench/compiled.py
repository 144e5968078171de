"""What the Triton kernels compile to: registers, spills, shared memory, matrix instructions, loads. Needs no GPU.

The ops are called as the engine calls them, on tensors that have a shape but no memory, and each launch is compiled for
a pretended device instead of being run. So exactly what is launched is audited, with its hints, constants and options.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from registry import Row, benchmark

#: Compute capabilities: Ampere (A100), Hopper (H100, H200) and Blackwell (B200).
TARGETS = (80, 90, 100)

#: What cuobjdump says about the resources of a kernel.
_RESOURCES = re.compile(r"REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)")

#: An instruction in cuobjdump's listing, after its address and its predicate.
_OPCODE = re.compile(r"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)", re.MULTILINE)

#: Instructions that multiply matrices.
_MATRIX = ("HMMA", "IMMA", "HGMMA", "QGMMA", "UTCHMMA", "UTCQMMA")

#: Instructions that read global memory.
_LOADS = ("LDG", "LDGSTS")


@dataclass(frozen=True)
class Compiled:
    """One kernel for one target.

    :param registers: of a thread.
    :param local_bytes: of a thread, which are registers that spill.
    :param shared_bytes: of a program.
    :param matrix: number of matrix instructions, by kind.
    :param loads: number of loads from global memory, by kind and bits, such as ``LDGSTS.128``.
    """

    kernel: str
    target: int
    warps: int
    registers: int
    local_bytes: int
    shared_bytes: int
    matrix: dict[str, int]
    loads: dict[str, int]


@dataclass(frozen=True)
class Case:
    """A launch in a real configuration: ``launch`` calls an op on tensors without memory."""

    name: str
    launch: Callable[[], object]


class _PretendedDriver:
    """What Triton asks of a driver before it runs a kernel."""

    def __init__(self, capability: int) -> None:
        self._capability = capability

    def get_current_target(self) -> Any:
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", self._capability, 32)

    def get_current_device(self) -> int:
        # Triton caches by device: a number that no real one has.
        return 1000 + self._capability

    def get_current_stream(self, device: int) -> int:
        return 0


@contextmanager
def compile_only(capability: int) -> Iterator[list[Any]]:
    """Inside, launches are compiled for a target and collected, not run. Needs a process without TRITON_INTERPRET."""
    from triton.runtime.driver import driver
    from triton.runtime.jit import JITFunction

    kernels: list[Any] = []
    run = JITFunction.run

    def compile_instead(self: Any, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
        kernels.append(run(self, *args, grid=grid, warmup=True, **kwargs))
        return kernels[-1]

    before = driver._active
    driver.set_active(_PretendedDriver(capability))
    try:
        with mock.patch.object(JITFunction, "run", compile_instead):
            yield kernels
    finally:
        driver._active = before


def audit(case: Case, capability: int) -> list[Compiled]:
    """Compile the kernels of a case for a compute capability such as 90, and say what they take."""
    with compile_only(capability) as kernels:
        case.launch()
    return [_audit_kernel(kernel, capability) for kernel in kernels]


def _audit_kernel(kernel: Any, capability: int) -> Compiled:
    from triton import knobs

    tool = knobs.nvidia.cuobjdump.path
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(kernel.asm["cubin"])
        file.flush()
        usage = subprocess.run([tool, "--dump-resource-usage", file.name], capture_output=True, text=True, check=True)
        code = subprocess.run([tool, "-sass", file.name], capture_output=True, text=True, check=True).stdout
    found = _RESOURCES.search(usage.stdout)
    if found is None:
        raise ValueError(f"cuobjdump named no resources: {usage.stdout}{usage.stderr}")
    registers, stack, _, local = map(int, found.groups())
    opcodes = Counter(_OPCODE.findall(code))
    spilled = sum(count for opcode, count in opcodes.items() if opcode.split(".")[0] in ("STL", "LDL"))
    matrix: Counter[str] = Counter()
    loads: Counter[str] = Counter()
    for opcode, count in opcodes.items():
        kind, *modifiers = opcode.split(".")
        if kind in _MATRIX:
            matrix[kind] += count
        if kind in _LOADS:
            loads[f"{kind}.{_find_bits(modifiers)}"] += count
    return Compiled(
        kernel=kernel.metadata.name,
        target=capability,
        warps=kernel.metadata.num_warps,
        registers=registers,
        local_bytes=max(local + stack, spilled * 4),
        shared_bytes=kernel.metadata.shared,
        matrix=dict(matrix),
        loads=dict(sorted(loads.items())),
    )


def _find_bits(modifiers: list[str]) -> int:
    """Find the width of a load in its opcode's modifiers; without one it is a word."""
    widths = {"256": 256, "128": 128, "64": 64, "U16": 16, "S16": 16, "U8": 8, "S8": 8}
    return next((widths[modifier] for modifier in modifiers if modifier in widths), 32)


#: The attention of some models.
_ATTENTION: dict[str, dict[str, Any]] = {
    "llama": {"heads": 32, "kv_heads": 8, "head_dim": 128},
    "qwen": {"heads": 14, "kv_heads": 2, "head_dim": 64},
    "gemma": {"heads": 16, "kv_heads": 8, "head_dim": 256, "softcap": 50.0, "window": 4096},
}


def make_cases() -> list[Case]:
    """Make every kernel's cases: the shapes of Llama 3.1 8B, of Qwen2.5 0.5B and of Gemma 2 9B, in
    bf16; attention in fp32 as well."""
    return [
        *_make_norm_cases("llama 4096", 4096),
        *_make_norm_cases("qwen 896", 896),
        *_make_rotary_cases("llama", heads=32, kv_heads=8, head_dim=128),
        *_make_rotary_cases("qwen", heads=14, kv_heads=2, head_dim=64),
        *_make_rotary_cases("gemma", heads=16, kv_heads=8, head_dim=256),
        *(
            make_attention_case(f"{model} block {size} rows {rows}", block_size=size, rows=rows, **shape)
            for model, shape in _ATTENTION.items()
            for size in (16, 64)
            for rows in (1, 17, 512)
        ),
        *(
            make_attention_case(f"{model} fp32 rows {rows}", block_size=16, rows=rows, dtype="float32", **shape)
            for model, shape in _ATTENTION.items()
            for rows in (1, 512)
        ),
        _make_merge_case("llama", heads=32, head_dim=128),
        *_make_activation_cases("llama", "silu", 14336),
        *_make_activation_cases("gemma", "gelu_tanh", 14336),
        make_sampling_case("llama", 32768),
        make_sampling_case("gemma", 32768, softcap=30.0),
    ]


def _make_empty(*shape: int, dtype: str = "bfloat16") -> Any:
    import torch

    return torch.empty(shape, dtype=getattr(torch, dtype), device="meta")


def _make_norm_cases(label: str, hidden: int) -> Iterator[Case]:
    def launch(add: bool, centered: bool = False) -> object:
        from midb.kernels.ops.rms_norm import add_rms_norm

        x = _make_empty(256, hidden)
        residual = _make_empty(256, hidden) if add else None
        return add_rms_norm(x, residual, _make_empty(hidden), eps=1e-6, centered=centered)

    yield Case(f"norm {label}", lambda: launch(False))
    yield Case(f"add norm {label}", lambda: launch(True))
    yield Case(f"add centered norm {label}", lambda: launch(True, True))


def _make_rotary_cases(label: str, *, heads: int, kv_heads: int, head_dim: int) -> Iterator[Case]:
    def launch(norm: bool) -> object:
        from midb.kernels.ops.rotary_kv import rotary_kv_write

        weight = _make_empty(head_dim) if norm else None
        cache = _make_empty(4096, kv_heads, head_dim)
        return rotary_kv_write(
            _make_empty(256, (heads + 2 * kv_heads) * head_dim),
            _make_empty(256, dtype="int32"),
            _make_empty(256, dtype="int32"),
            _make_empty(4096, head_dim, dtype="float32"),
            cache,
            cache,
            q_weight=weight,
            k_weight=weight,
        )

    yield Case(f"rotary {label}", lambda: launch(False))
    yield Case(f"rotary {label} with norms", lambda: launch(True))


def make_attention_case(
    label: str,
    *,
    heads: int,
    kv_heads: int,
    head_dim: int,
    block_size: int,
    rows: int,
    softcap: float = 0.0,
    window: int = 0,
    dtype: str = "bfloat16",
) -> Case:
    """Make a case of attention: sequences of up to ``rows`` query rows, split and merged."""

    def launch() -> object:
        from midb.kernels.ops.paged_attention import paged_attention

        cache = _make_empty(65536, kv_heads, head_dim, dtype=dtype)
        return paged_attention(
            _make_empty(1024, heads, head_dim, dtype=dtype),
            cache,
            cache,
            _make_empty(64, 4096 // block_size, dtype="int32"),
            _make_empty(65, dtype="int32"),
            _make_empty(64, dtype="int32"),
            block_size=block_size,
            scale=head_dim**-0.5,
            window=window,
            softcap=softcap,
            max_seqlen_q=rows,
        )

    return Case(f"attention {label}", launch)


def _make_merge_case(label: str, *, heads: int, head_dim: int) -> Case:
    def launch() -> object:
        from midb.kernels.ops.paged_attention import merge_states

        out, lse = _make_empty(256, heads, head_dim), _make_empty(256, heads, dtype="float32")
        return merge_states(out, lse, out, lse)

    return Case(f"merge states {label}", launch)


def _make_activation_cases(label: str, kind: str, width: int) -> Iterator[Case]:
    def launch() -> object:
        from midb.kernels.ops.gated_activation import gated_activation

        return gated_activation(_make_empty(256, 2 * width), kind=kind)

    yield Case(f"activation {label} {kind}", launch)


def make_sampling_case(label: str, chunk: int, *, softcap: float = 0.0) -> Case:
    """Make a case of sampling over one chunk of logits."""

    def launch() -> None:
        from midb.kernels.ops.sample import sample_chunk

        sample_chunk(
            _make_empty(256, chunk),
            32768,
            _make_empty(256, dtype="float32"),
            _make_empty(256, 2, dtype="int32"),
            _make_empty(256, dtype="float32"),
            _make_empty(256, dtype="int32"),
            softcap=softcap,
        )

    return Case(f"sample {label}", launch)


@benchmark(
    "kernels-compiled", "registers, spills, shared memory, matrix instructions and loads of each kernel", needs=""
)
def run_compiled(corpora: Path) -> Iterator[Row]:
    """One row for each kernel, configuration and target; none is run."""
    for case in make_cases():
        for capability in TARGETS:
            for kernel in audit(case, capability):
                yield {
                    "case": case.name,
                    "kernel": kernel.kernel,
                    "target": f"sm_{capability}",
                    "warps": kernel.warps,
                    "registers": kernel.registers,
                    "local_bytes": kernel.local_bytes,
                    "shared_bytes": kernel.shared_bytes,
                    "matrix": kernel.matrix,
                    "loads": kernel.loads,
                }
