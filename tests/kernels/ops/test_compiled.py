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

BENCH = Path(__file__).resolve().parents[3] / "bench"

#: Cases of ``bench/compiled.py`` -> most registers of a thread. With 65,536 on a multiprocessor, attention leaves room
#: for 4 programs (128 registers) or 2 of 4 warps, or at a head size of 256 for one of 8; sampling for 2 of 16 warps.
REGISTERS = {
    "add norm llama 4096": 40,
    "rotary llama with norms": 64,
    "attention llama page 16 rows 1": 128,
    "attention llama page 64 rows 17": 255,
    "attention llama page 16 rows 512": 255,
    "attention qwen page 64 rows 17": 200,
    "attention gemma page 64 rows 17": 255,
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
wanted = json.loads(sys.argv[2])
for case in compiled.cases():
    if case.name in wanted:
        for target in json.loads(sys.argv[3]):
            print(json.dumps([case.name, target, [asdict(kernel) for kernel in compiled.audit(case, target)]]))
"""

Audits = dict[tuple[str, int], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def audits(tmp_path_factory: pytest.TempPathFactory) -> Audits:
    """The kernels of each case and target; about a second for each that Triton has not cached."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    script = [sys.executable, "-c", _SCRIPT, str(BENCH), json.dumps(list(REGISTERS)), json.dumps(TARGETS)]
    done = subprocess.run(
        script, cwd=tmp_path_factory.mktemp("compiled"), env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {(name, target): kernels for name, target, kernels in map(json.loads, done.stdout.splitlines())}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("target", TARGETS)
    if "case" in metafunc.fixturenames:
        of_attention = "attention" in metafunc.function.__name__
        metafunc.parametrize("case", [name for name in REGISTERS if "attention" in name or not of_attention])


def test_nothing_spills(audits: Audits, case: str, target: int) -> None:
    assert [kernel["local_bytes"] for kernel in audits[case, target]] == [0] * len(audits[case, target])


def test_registers_stay_under_their_cap(audits: Audits, case: str, target: int) -> None:
    assert max(kernel["registers"] for kernel in audits[case, target]) <= REGISTERS[case]


def test_a_program_fits_a_multiprocessor(audits: Audits, case: str, target: int) -> None:
    assert max(kernel["shared_bytes"] for kernel in audits[case, target]) <= SHARED[target]


def test_loads_are_wide(audits: Audits, case: str, target: int) -> None:
    """Tensors of bf16 are read 16 bytes at a time; words are tables, lengths and scalars, and narrower is nothing."""
    for kernel in audits[case, target]:
        loads = kernel["loads"]
        assert {name.partition(".")[2] for name in loads} <= {"128", "32"}
        assert sum(count for name, count in loads.items() if name.endswith(".128")) >= 1


def test_attention_multiplies_matrices(audits: Audits, case: str, target: int) -> None:
    attention = audits[case, target][0]
    assert set(attention["matrix"]) & MATRIX
    if not case.endswith("rows 1"):
        newest = {80: "HMMA", 90: "HGMMA", 100: "UTCHMMA"}[target]
        assert newest in attention["matrix"]


def test_attention_copies_keys_and_values_while_it_computes(audits: Audits, case: str, target: int) -> None:
    """Keys and values go to shared memory asynchronously, 16 bytes at a time; page numbers a word at a time."""
    loads = audits[case, target][0]["loads"]
    assert loads["LDGSTS.128"] >= 8
    assert loads["LDGSTS.128"] > loads.get("LDG.128", 0)
    assert loads.get("LDGSTS.32", 0) + loads["LDG.32"] <= 12


def test_every_case_launched(audits: Audits, target: int) -> None:
    assert [name for name in REGISTERS if (name, target) not in audits] == []
    assert {kernel["kernel"] for kernels in audits.values() for kernel in kernels} == {
        "_add_rms_norm", "_rotary_kv_write", "_paged_attention", "_merge_splits", "_merge_states",
        "_gated_activation", "_sample_chunk",
    }  # fmt: skip
