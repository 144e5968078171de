"""The kernels under Triton's interpreter, on a machine with no GPU; with TRITON_INTERPRET=0 and a GPU, on that.

Triton reads the variable when it is first imported, so it is set while tests are collected, before any of them runs.
Where Triton is missing, which is made for Linux, the modules that need it are skipped, each by its own first lines.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from importlib.util import find_spec

import pytest

os.environ.setdefault("TRITON_INTERPRET", "1")

pytest.importorskip("torch")

import torch
from kernel_judge import Judge, MakeNormal, is_interpreted
from torch import Tensor


@pytest.fixture(autouse=True)
def _interpreted() -> None:
    """Triton was imported after the variable was set."""
    if find_spec("triton") is None:
        return
    import triton.language as tl
    from triton.runtime.jit import JITFunction

    assert isinstance(tl.sum, JITFunction) is not is_interpreted(), (
        "triton was imported before tests/kernels/ops/conftest.py"
    )


@pytest.fixture(scope="session")
def device() -> str:
    """Where the kernels run."""
    if is_interpreted():
        return "cpu"
    if not torch.cuda.is_available():
        pytest.skip("TRITON_INTERPRET is 0, and there is no GPU")
    return "cuda"


@pytest.fixture(autouse=True)
def _poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kernel allocates holds NaN: an element that it does not write is seen."""

    def poison(allocate: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def allocate_poisoned(*args: object, **kwargs: object) -> Tensor:
            made = allocate(*args, **kwargs)
            return made.fill_(math.nan) if made.is_floating_point() else made

        return allocate_poisoned

    monkeypatch.setattr(torch, "empty", poison(torch.empty))
    monkeypatch.setattr(torch, "empty_like", poison(torch.empty_like))


@pytest.fixture(scope="session")
def judge() -> Judge:
    """Compares a kernel's error with that of torch."""
    return Judge()


@pytest.fixture
def normal(device: str) -> MakeNormal:
    """Seeded normal numbers of a shape and dtype."""
    generator = torch.Generator().manual_seed(1)

    def make(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device=device, dtype=dtype)

    return make
