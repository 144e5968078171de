"""On what a GPU run was measured."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from registry import describe_circumstances

from gpu.context import GpuRun

#: What nvidia-smi is asked for; nothing is set.
QUERY = "name,clocks.sm,clocks.max.sm,clocks.mem,memory.total,memory.used,power.limit,temperature.gpu,driver_version"

#: Libraries whose versions decide how fast things are.
LIBRARIES = ("torch", "triton", "transformers", "safetensors", "flash-attn", "pytest", "pytest-xdist", "pytest-timeout")


def find_version(name: str) -> str:
    """The version of a library, or "missing"."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def describe(run: GpuRun) -> None:
    """Say which GPU it is and what is installed."""
    import midb.kernels

    row = describe_circumstances() | {name: find_version(name) for name in LIBRARIES}
    row["midb"] = str(Path(midb.kernels.__file__).resolve().parents[1])
    if not run.smoke:
        command = ["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader"]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
        row["nvidia_smi"] = (shown.stdout or shown.stderr).strip()
        properties = torch.cuda.get_device_properties(0)
        row["multiprocessors"], row["capability"] = properties.multi_processor_count, torch.cuda.get_device_capability()
    run.say("about", **row, system=platform.platform())
