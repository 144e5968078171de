"""What ``doctor`` says about GPUs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from midb.kernels import devices
from midb.kernels.ops import prefill


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
