"""Judges what a kernel computes against torch on the same numbers. Needs torch; a conftest skips if it is missing."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar
from unittest import mock

import torch
from torch import Tensor

P = ParamSpec("P")
T = TypeVar("T")

#: How much worse than torch's own arithmetic a kernel may be, for it sums in another order.
FACTOR = 2.0

#: How much worse it may be in bf16 under Triton's interpreter, which rounds towards zero; a GPU rounds to the nearest.
#: And in fp32 on a GPU, where exp2 is an instruction that is off by some units in the last place.
SLACK = 2.0


class MakeNormal(Protocol):
    """Seeded normal numbers of a shape and dtype."""

    def __call__(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor: ...


def is_interpreted() -> bool:
    """Whether kernels run under Triton's interpreter, on the CPU."""
    return os.environ.get("TRITON_INTERPRET") == "1"


class Judge:
    """Compares a kernel's error with that of torch."""

    def compute_exactly(self, op: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A reference in fp64."""
        with mock.patch.object(torch.Tensor, "float", torch.Tensor.double):
            wide = {name: _widen(value) for name, value in kwargs.items()}
            return op(*map(_widen, args), **wide)  # type: ignore[arg-type]

    def compute_in_dtype(self, op: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A reference with all arithmetic in the dtype of its arguments."""
        with mock.patch.object(torch.Tensor, "float", lambda tensor: tensor):
            return op(*args, **kwargs)

    def __call__(self, found: Tensor, exact: Tensor, torchs: Tensor) -> None:
        """The kernel's error is at most ``FACTOR`` times torch's, on the whole and at its worst, rounding allowed."""
        assert found.shape == exact.shape == torchs.shape
        assert found.dtype == torchs.dtype
        assert torch.equal(found.isinf(), exact.isinf())
        finite = exact.isfinite()
        assert bool(found[finite].isfinite().all())
        if not bool(finite.any()):
            return
        slack = SLACK if is_interpreted() == (found.dtype == torch.bfloat16) else 1.0
        rounding = slack * torch.finfo(found.dtype).eps / 2
        exact, errors = exact[finite].double(), [(x[finite].double() - exact[finite]).abs() for x in (found, torchs)]
        whole = [float(error.square().mean().sqrt()) for error in errors]
        assert whole[0] <= max(slack * FACTOR * whole[1], rounding * float(exact.square().mean().sqrt()))
        worst = [float(error.max()) for error in errors]
        assert worst[0] <= max(slack * FACTOR * worst[1], 2 * rounding * float(exact.abs().max()))


def _widen(value: object) -> object:
    return value.double() if isinstance(value, Tensor) and value.is_floating_point() else value
