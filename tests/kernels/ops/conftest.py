"""The kernels under Triton's interpreter, on a machine with no GPU; with TRITON_INTERPRET=0 and a GPU, on that.

Triton reads the variable when it is first imported, so it is set while tests are collected, before any of them runs.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

os.environ.setdefault("TRITON_INTERPRET", "1")

torch = pytest.importorskip("torch")
pytest.importorskip("triton", reason="the kernels need Triton, which is made for Linux")

INTERPRETED = os.environ["TRITON_INTERPRET"] == "1"

#: How much worse than torch's own arithmetic a kernel may be, for it sums in another order.
FACTOR = 2.0


@pytest.fixture(autouse=True)
def _interpreted() -> None:
    """Triton was imported after the variable was set."""
    import triton.language as tl
    from triton.runtime.jit import JITFunction

    assert isinstance(tl.sum, JITFunction) is not INTERPRETED, (
        "triton was imported before tests/kernels/ops/conftest.py"
    )


@pytest.fixture(scope="session")
def device() -> str:
    """Where the kernels run."""
    if INTERPRETED:
        return "cpu"
    if not torch.cuda.is_available():
        pytest.skip("TRITON_INTERPRET is 0, and there is no GPU")
    return "cuda"


@pytest.fixture(autouse=True)
def _poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kernel allocates holds NaN: an element that it does not write is seen."""

    def poisoned(allocate: Callable[..., Any]) -> Callable[..., Any]:
        def allocated(*args: Any, **kwargs: Any) -> Any:
            made = allocate(*args, **kwargs)
            return made.fill_(math.nan) if made.is_floating_point() else made

        return allocated

    monkeypatch.setattr(torch, "empty", poisoned(torch.empty))
    monkeypatch.setattr(torch, "empty_like", poisoned(torch.empty_like))


class Judge:
    """Holds a kernel's error against that of torch on the same numbers."""

    def exact(self, op: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """A reference in fp64."""
        with mock.patch.object(torch.Tensor, "float", torch.Tensor.double):
            return op(*map(self._wide, args), **{name: self._wide(value) for name, value in kwargs.items()})

    def same_dtype(self, op: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """A reference with all arithmetic in the dtype of its arguments."""
        with mock.patch.object(torch.Tensor, "float", lambda tensor: tensor):
            return op(*args, **kwargs)

    @staticmethod
    def _wide(value: Any) -> Any:
        return value.double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value

    def __call__(self, found: Any, exact: Any, torchs: Any) -> None:
        """The kernel's error is at most ``FACTOR`` times torch's, on the whole and at its worst, rounding allowed."""
        assert found.shape == exact.shape == torchs.shape
        assert found.dtype == torchs.dtype
        assert torch.equal(found.isinf(), exact.isinf())
        finite = exact.isfinite()
        assert bool(found[finite].isfinite().all())
        if not bool(finite.any()):
            return
        # The interpreter rounds bf16 towards zero, which by itself doubles an error; a GPU rounds to the nearest.
        slack = 2.0 if INTERPRETED and found.dtype == torch.bfloat16 else 1.0
        rounding = slack * torch.finfo(found.dtype).eps / 2
        exact, errors = exact[finite].double(), [(x[finite].double() - exact[finite]).abs() for x in (found, torchs)]
        whole = [float(error.square().mean().sqrt()) for error in errors]
        assert whole[0] <= max(slack * FACTOR * whole[1], rounding * float(exact.square().mean().sqrt()))
        worst = [float(error.max()) for error in errors]
        assert worst[0] <= max(slack * FACTOR * worst[1], 2 * rounding * float(exact.abs().max()))


@pytest.fixture(scope="session")
def judge() -> Judge:
    return Judge()


@pytest.fixture
def normal(device: str) -> Callable[..., Any]:
    """Seeded normal numbers of a shape and dtype."""
    generator = torch.Generator().manual_seed(1)

    def get(*shape: int, dtype: Any = torch.float32) -> Any:
        return torch.randn(*shape, generator=generator).to(device=device, dtype=dtype)

    return get
