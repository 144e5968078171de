"""Which ops a device gets: plain torch on a CPU, Triton's kernels on a GPU."""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
import torch
from random_checkpoints import GetCheckpoint

from midb.kernels import Engine, EngineConfig, EngineError, reference
from midb.kernels.dispatch import Ops, choose_ops
from midb.kernels.ops import cpu

GPU = torch.device("cuda")


def test_a_cpu_gets_plain_torch() -> None:
    ops = choose_ops(torch.device("cpu"))
    assert ops.add_rms_norm is cpu.add_rms_norm
    assert isinstance(ops.paged_attention, cpu.PagedAttention)
    assert ops.merge_states is reference.merge_states
    assert choose_ops(torch.device("cpu")).paged_attention is not ops.paged_attention, (
        "each engine has plans of its own"
    )


def list_parameters(op: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    return [(p.name, p.kind, p.default) for p in inspect.signature(op).parameters.values()]


@pytest.mark.parametrize("name", [field.name for field in fields(Ops)])
def test_every_op_has_the_signature_of_its_reference(name: str) -> None:
    """A kernel may have parameters of its own behind them."""
    wanted = list_parameters(getattr(reference, name))
    assert list_parameters(getattr(choose_ops(torch.device("cpu")), name)) == wanted


@pytest.mark.parametrize("name", [field.name for field in fields(Ops)])
def test_every_kernel_has_the_signature_of_its_reference(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton", reason="the kernels need Triton, which is made for Linux")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    wanted = list_parameters(getattr(reference, name))
    kernel = getattr(choose_ops(GPU), name)
    assert kernel.__module__.startswith("midb.kernels.ops.")
    assert list_parameters(kernel)[: len(wanted)] == wanted


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_no_gpu_is_said(checkpoint: GetCheckpoint) -> None:
    with pytest.raises(EngineError, match="No CUDA device"):
        Engine(EngineConfig(checkpoint=checkpoint("qwen3").folder, device="cuda"))


def test_a_gpu_without_triton_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def without_triton(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("midb.kernels.ops."):
            raise ImportError("No module named 'triton'")
        return plain(name, *rest, **more)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(builtins, "__import__", without_triton)
    with pytest.raises(EngineError, match="need Triton: No module named 'triton'") as caught:
        choose_ops(GPU)
    assert caught.value.hint == "pip install '.[engine]' in the folder of midb-agent's source."
