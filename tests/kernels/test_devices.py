"""Which devices can be named, and what ``doctor`` says about GPUs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from midb.kernels import EngineError, devices
from midb.kernels.ops import prefill


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("all", ("cuda:0", "cuda:1", "cuda:2")),
        ("0,2", ("cuda:0", "cuda:2")),
        (" cuda:1 , 0", ("cuda:1", "cuda:0")),
        ("1", ("cuda:1",)),
        ("cpu,cpu", ("cpu", "cpu")),
    ],
)
def test_devices_are_named(asked: str, named: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert devices.list_devices(asked) == named


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("all", "no GPU"),
        ("", "No device"),
        (",", "No device"),
        ("0,0", "cuda:0 is named twice"),
        ("cuda:1,1", "cuda:1 is named twice"),
        ("cpu,0", "do not compute alike"),
        ("mps", '"mps" is no device'),
        ("cuda:-1", '"cuda:-1" is no device'),
        ("0;1", '"0;1" is no device'),
    ],
)
def test_what_is_no_device_is_said(asked: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EngineError, match=told) as failed:
        devices.list_devices(asked)
    assert failed.value.hint


def test_no_gpu_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    ((name, said),) = devices.describe_gpus()
    assert name == "GPU"
    assert "on the CPU" in said


def test_each_gpu_is_named_with_the_kernel_for_long_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    about = SimpleNamespace(name="NVIDIA H200", total_memory=140 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: about)
    monkeypatch.setattr(torch.cuda, "device", lambda device: torch.inference_mode())
    tried = []

    def choose(shape: prefill.AttentionShape, device: torch.device, dtype: torch.dtype) -> prefill.ChosenKernel:
        tried.append(device)
        return prefill.ChosenKernel("torch", None, (("flash-attn 2", "ImportError: undefined symbol"),))

    monkeypatch.setattr(prefill, "choose_kernel", choose)
    told = dict(devices.describe_gpus())
    assert list(told) == ["cuda:0", "cuda:1"]
    assert told["cuda:1"].startswith("NVIDIA H200, 140 GiB; long prompts: torch")
    assert "flash-attn 2: ImportError: undefined symbol" in told["cuda:1"]
    assert tried == [torch.device("cuda", 0), torch.device("cuda", 1)]
