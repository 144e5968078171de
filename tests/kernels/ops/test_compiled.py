"""What the kernels compile to for GPUs that are not here: no spills, few registers, matrix instructions, wide loads.

Compiled in a process of its own, for Triton in this one is its interpreter.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("triton", reason="the kernels need Triton, which is made for Linux")

BENCH = Path(__file__).resolve().parents[3] / "bench"

#: Cases of ``bench/compiled.py`` -> most registers of a thread. With 65,536 on a multiprocessor, attention leaves room
#: for 4 programs (128 registers) or 2 of 4 warps, or at a head size of 256 for one of 8; sampling for 2 of 16 warps.
REGISTERS = {
    "add norm llama 4096": 40,
    "add centered norm llama 4096": 48,
    "rotary llama with norms": 64,
    "attention llama block 16 rows 1": 128,
    "attention llama block 64 rows 17": 255,
    "attention llama block 16 rows 512": 255,
    "attention qwen block 64 rows 17": 200,
    "attention qwen block 16 rows 512": 255,
    "attention gemma block 64 rows 17": 255,
    "attention gemma block 16 rows 512": 255,
    "attention llama fp32 rows 512": 128,
    "merge states llama": 64,
    "activation llama silu": 40,
    "sample gemma": 64,
}
TARGETS = (80, 90, 100)

#: Bytes of shared memory that one program may have: of an A100, an H100 and a B200.
SHARED = {80: 163 * 1024, 90: 227 * 1024, 100: 227 * 1024}

#: Instructions that multiply matrices, by generation.
MATRIX = {"HMMA", "HGMMA", "UTCHMMA"}

_SCRIPT = """
import json, sys
from dataclasses import asdict
sys.path.insert(0, sys.argv[1])
import compiled
wanted, targets = json.loads(sys.argv[2]), json.loads(sys.argv[3])
cases = [case for case in compiled.make_cases() if case.name in wanted]
print(json.dumps({
    target: {case.name: [asdict(kernel) for kernel in compiled.audit(case, target)] for case in cases}
    for target in targets
}))
"""

Audits = dict[str, list[dict[str, Any]]]


def _compiler() -> dict[str, str]:
    """The environment of a process in which Triton compiles."""
    return {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Audits]:
    """The kernels of each case for each target, a second or less for each."""
    script = [sys.executable, "-c", _SCRIPT, str(BENCH), json.dumps(list(REGISTERS)), json.dumps(TARGETS)]
    folder = tmp_path_factory.mktemp("compiled")
    done = subprocess.run(script, cwd=folder, env=_compiler(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Audits] = json.loads(done.stdout)
    return found


@pytest.fixture
def audits(audited: dict[str, Audits], target: int) -> Audits:
    return audited[str(target)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "target" in metafunc.fixturenames:
        metafunc.parametrize("target", TARGETS)
    if "case" in metafunc.fixturenames:
        of_attention = "attention" in metafunc.function.__name__
        metafunc.parametrize("case", [name for name in REGISTERS if "attention" in name or not of_attention])


def test_nothing_spills(audits: Audits, case: str, target: int) -> None:
    assert [kernel["local_bytes"] for kernel in audits[case]] == [0] * len(audits[case])


def test_registers_stay_under_their_cap(audits: Audits, case: str, target: int) -> None:
    assert max(kernel["registers"] for kernel in audits[case]) <= REGISTERS[case]


def test_a_program_fits_a_multiprocessor(audits: Audits, case: str, target: int) -> None:
    assert max(kernel["shared_bytes"] for kernel in audits[case]) <= SHARED[target]


def test_loads_are_wide(audits: Audits, case: str, target: int) -> None:
    """Tensors of bf16 are read 16 bytes at a time; words are tables, lengths and scalars, and narrower is nothing."""
    for kernel in audits[case]:
        loads = kernel["loads"]
        assert {name.partition(".")[2] for name in loads} <= {"128", "32"}
        assert sum(count for name, count in loads.items() if name.endswith(".128")) >= 1


def test_attention_multiplies_matrices(audits: Audits, case: str, target: int) -> None:
    attention = audits[case][0]
    if "fp32" in case:  # for which there are none
        assert not attention["matrix"]
        return
    assert set(attention["matrix"]) & MATRIX
    if not case.endswith("rows 1"):
        newest = {80: "HMMA", 90: "HGMMA", 100: "UTCHMMA"}[target]
        assert newest in attention["matrix"]


def test_attention_copies_keys_and_values_while_it_computes(audits: Audits, case: str, target: int) -> None:
    """Keys and values go to shared memory asynchronously, 16 bytes at a time; block numbers a word at a time."""
    loads = audits[case][0]["loads"]
    assert loads["LDGSTS.128"] >= loads.get("LDG.128", 0)
    # How many more than one a turn of the loop, which hold the block of each key, depends on Triton's version.
    assert loads.get("LDGSTS.32", 0) + loads["LDG.32"] <= loads["LDGSTS.128"]


def test_every_case_launched(audits: Audits, target: int) -> None:
    assert set(audits) == set(REGISTERS)
    assert {kernel["kernel"] for kernels in audits.values() for kernel in kernels} == {
        "_add_rms_norm", "_rotary_kv_write", "_paged_attention", "_merge_splits", "_merge_states",
        "_gated_activation", "_sample_chunk",
    }  # fmt: skip


_VARIANTS = """
import sys
sys.path.insert(0, sys.argv[1])
import compiled, torch
from midb.kernels.ops.paged_attention import merge_states, paged_attention
from midb.kernels.ops.rotary_kv import rotary_kv_write
from midb.kernels.ops.sample import sample_chunk

def ints(shift, *shape):
    size = torch.Size(shape).numel()
    return torch.zeros(size + shift, dtype=torch.int32)[shift:].view(shape)

half = torch.bfloat16
cache = torch.zeros(64, 2, 64, dtype=half)
with compiled.compile_only(90) as kernels:
    for shift, (rows, sequences, blocks) in enumerate([(1, 1, 40), (16, 16, 48), (23, 5, 33)]):
        q = torch.zeros(rows, 4, 64, dtype=half)
        lengths = ints(shift, sequences + 1), ints(shift, sequences)
        out, lse = paged_attention(
            q, cache, cache, ints(shift, sequences, blocks), *lengths, block_size=16, scale=1.0, max_seqlen_q=1
        )
        merge_states(out, lse, out, lse)
        qkv, cos_sin = torch.zeros(rows, 8 * 64, dtype=half), torch.zeros(9, 64)
        rotary_kv_write(qkv, ints(shift, rows), ints(shift, rows), cos_sin, cache, cache)
        values = torch.zeros(rows + shift)[shift:]
        keys, ids = ints(shift, rows, 2), ints(shift, rows)
        sample_chunk(torch.zeros(rows, 64, dtype=half), rows * shift, values, keys, values, ids)
print(len(kernels), len({kernel.hash for kernel in kernels}))
"""


def test_steps_of_other_sizes_compile_nothing_anew(tmp_path: Path) -> None:
    """Rows, sequences, blocks and where the step's integers lie change all the time; a compilation takes seconds."""
    script = [sys.executable, "-c", _VARIANTS, str(BENCH)]
    done = subprocess.run(script, cwd=tmp_path, env=_compiler(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["15", "5"]
