"""Fixtures shared by all tests."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings
from replay_server import Answerer, ReplayServer, ReplayServers
from transformers_serve import TransformersServer, serve

from midb.checks.repair import choose_fixes
from midb.detectors import KindSelection, inspect
from midb.domain.defects import DefectFamily, Finding
from midb.domain.edits import apply
from midb.domain.pairs import InstructionPair
from midb.locales import load
from midb.text.inspection import Inspection
from midb.text.languages import LanguageIdentifier

# One thread for torch, here and in every process that a test starts: the models are so small that further ones only
# wait, and there is a process for each core already. Read when torch is imported, which no module does before this.
for _library in ("OMP", "MKL", "OPENBLAS"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

# Read when Triton is imported, which whatever imports torch's or transformers' trainers does: tests/kernels/ops, whose
# kernels are run by its interpreter, must not depend on what was collected before.
os.environ.setdefault("TRITON_INTERPRET", "1")

# No test is timed. Where many run for the first time the same examples are tried each time; elsewhere new ones are.
settings.register_profile("project", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("project")

#: Fixtures of tests in several folders.
pytest_plugins = [
    "boosted_folder",
    "cli_fixtures",
    "log_fixtures",
    "hostile_texts",
    "model_log_fixtures",
    "process_units",
    "review_fixtures",
]

#: Real data, where a checkout has it beside the repository; none of it may be needed.
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def identifier() -> LanguageIdentifier:
    """One language identifier for the whole test run, as for a whole process."""
    return LanguageIdentifier()


@pytest.fixture(scope="session")
def corpora() -> list[Path]:
    """The real corpora, one file per language; skips the test where they are absent."""
    found = sorted((SHARED_DATA / "corpora").glob("*.jsonl"))
    if not found:
        pytest.skip("the real corpora are not here")
    return found


Inspector = Callable[..., tuple[list[Finding], InstructionPair]]


@pytest.fixture(scope="session")
def examine(identifier: LanguageIdentifier) -> Inspector:
    """Inspect a pair, and repair it round by round until no fix is left: (first findings, repaired pair)."""

    def run(
        pair: InstructionPair,
        language: str,
        *,
        source: InstructionPair | None = None,
        typography: bool = False,
        kinds: list[str] | None = None,
    ) -> tuple[list[Finding], InstructionPair]:
        selection = KindSelection.parse(typography=typography)
        if kinds is not None:
            selection = KindSelection(frozenset(kinds), typography)

        seen: dict[InstructionPair, list[Finding]] = {}

        def look(current: InstructionPair) -> list[Finding]:
            if current not in seen:  # mostly nothing was repaired, and it would be looked at four times
                inspection = Inspection(current, load(language), identifier, source, typography)
                seen[current] = inspect(inspection, selection)
            return seen[current]

        first = look(pair)
        for _ in range(6):
            before = pair
            for family in DefectFamily:
                pair = apply(pair, choose_fixes(look(pair), family)[1])
            if pair == before:
                return first, pair
        raise AssertionError(f"repairs never settle: {before!r} -> {pair!r}")

    return run


@pytest.fixture(scope="session")
def tiny_model() -> ModuleType:
    """The module that makes small random checkpoints."""
    return importlib.import_module("tiny_model")


@pytest.fixture(scope="session")
def scripted() -> ModuleType:
    """The module of the scripted engine."""
    return importlib.import_module("scripted")


@pytest.fixture(scope="session")
def one_thread() -> None:
    """One thread for torch: in models of this size a second one only waits, and for long on a busy machine."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_checkpoint(one_thread: None, tiny_model: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model with a real tokenizer and chat template: the engine runs, and what it writes is garbage."""
    for library in ("transformers", "tokenizers"):
        pytest.importorskip(library)
    folder: Path = tiny_model.make_checkpoint(tmp_path_factory.mktemp("model") / "tiny")
    return folder


@pytest.fixture
def replay_server() -> Iterator[ReplayServers]:
    """Makes OpenAI-compatible servers that a test writes the replies of; they end with the test."""
    with ExitStack() as stack:

        def make(answer: Answerer, **settings: Any) -> ReplayServer:
            return stack.enter_context(ReplayServer(answer, **settings))

        yield make


@pytest.fixture(scope="session")
def transformers_server(
    tiny_model: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TransformersServer]:
    """`transformers serve` with a random model: what comes back is garbage, some dozen tokens of it, and ends."""
    for library in ("torch", "transformers", "tokenizers", "fastapi", "uvicorn", "openai"):
        pytest.importorskip(library)
    folder = tmp_path_factory.mktemp("served")
    checkpoint = tiny_model.make_checkpoint(folder / "tiny")
    # By itself it would hardly ever end: one token in forty ends a reply instead of one in a thousand.
    tiny_model.edit_json(checkpoint / "generation_config.json", eos_token_id=[2, *range(40, 640, 40)])
    with serve(checkpoint, folder / "server.log") as server:
        yield server
