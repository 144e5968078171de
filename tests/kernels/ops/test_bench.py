"""The benchmarks of the kernels run through, in small, with a watch that stands still."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("triton", reason="the kernels need Triton, which is made for Linux")

BENCH = Path(__file__).resolve().parents[3] / "bench"


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """``bench/gpu_ops.py``, which is run as a script beside its siblings."""
    monkeypatch.syspath_prepend(str(BENCH))
    before = set(sys.modules)
    yield importlib.import_module("gpu_ops")
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(BENCH)):
            del sys.modules[name]


@pytest.fixture
def small(kernels: ModuleType, device: str) -> Any:
    """Each call is made once and said to take 1, 2 and 4 microseconds."""

    def measure(call: Callable[[], object]) -> tuple[float, float, float]:
        call()
        return 1.0, 2.0, 4.0

    return kernels.Bench(device, measure, lambda function: function, copy_bytes=1000)


@pytest.mark.parametrize(
    ("op", "options", "ways", "size"),
    [
        ("add_rms_norm", {"rows": (3,)}, 3, 4 * (4 * 3 * 48 + 48)),
        ("rotary_kv_write", {"rows": (3,)}, 3, 4 * (2 * 3 * 8 * 32 + 2 * 3 + 3 * 32)),
        ("gated_activation", {"rows": (3,)}, 3, 4 * 3 * 3 * 80),
        ("sample_chunk", {"rows": (3,), "chunk": 50}, 6, 4 * 3 * 50),
        (
            "paged_attention",
            {"shapes": ((2, 3, 40),), "block_sizes": (16,)},
            2,
            4 * (2 * 6 * 4 * 32 + 2 * 2 * 40 * 2 * 32),
        ),
        (
            "paged_attention",
            {"shapes": ((1, 20, 20),), "block_sizes": (16,)},
            2,
            4 * (2 * 20 * 4 * 32 + 2 * 20 * 2 * 32),
        ),
    ],
)
def test_each_way_has_its_row(
    kernels: ModuleType, small: Any, device: str, op: str, options: dict[str, Any], ways: int, size: int
) -> None:
    """``size`` is in fp32; on a GPU most of it is in bf16."""
    if op != "sample_chunk":
        options = options | {"models": (kernels.ModelShape("tiny", 48, 80, 4, 2, 32),)}
    rows = list(getattr(kernels, op)(small, **options))
    assert len(rows) == ways
    for row in rows:
        assert row["bytes"] == size if device == "cpu" else size / 2 <= row["bytes"] < size
        assert [row["us_p20"], row["us_p50"], row["us_p80"]] == [1.0, 2.0, 4.0]
        assert row["GB_per_s"] == round(row["bytes"] / 2e3, 1)
        assert row["share_of_copy"] == round(row["bytes"] / 2000, 3)


def test_all_are_registered_for_a_gpu(kernels: ModuleType) -> None:
    ours = {
        name: known
        for name, known in importlib.import_module("registry").BENCHMARKS.items()
        if name.startswith("kernels-") and name != "kernels-compiled"  # which only compiles, and needs none
    }
    assert set(ours) >= {
        "kernels-add-rms-norm", "kernels-rotary-kv-write", "kernels-gated-activation", "kernels-sample-chunk",
        "kernels-paged-attention",
    }  # fmt: skip
    assert {known.needs for known in ours.values()} == {"gpu"}


def test_without_a_gpu_nothing_is_measured_and_that_is_said(
    kernels: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    benchmarks = importlib.import_module("registry").BENCHMARKS
    assert list(benchmarks["kernels-add-rms-norm"].run(BENCH)) == []
    assert "no GPU" in capsys.readouterr().err
