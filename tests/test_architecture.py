"""Who may import whom, told from the source itself (ARCHITECTURE, section 2)."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

#: Package -> what none of its modules may import.
FORBIDDEN = {
    "midb": ("midb.agent", "midb.kernels", "midb.cli", "midb.composition", "torch", "langgraph", "typer", "click"),
    "agent": ("midb.cli", "midb.composition", "midb.dashboard", "midb.kernels", "torch", "typer", "rich"),
    "training": ("midb.cli", "midb.composition", "midb.dashboard", "midb.kernels", "typer", "rich"),
    "evaluation": ("midb.cli", "midb.composition", "midb.dashboard", "midb.kernels", "torch", "typer", "rich"),
    **{
        f"training/{name}": ("torch", "transformers", "peft", "accelerate")
        for name in ("data", "examples", "making.py", "session.py", "writing.py")
    },
    # The engine knows token ids only: of midb it knows nothing but itself, and no tokenizer.
    "kernels": ("transformers", "tokenizers", "pickle", "langgraph", "typer", "rich"),
}  # fmt: skip

#: Packages of midb, from the ground up: each may import itself, the locales, and what stands before it.
LAYERS = (
    "domain",
    "prompts",
    "text",
    "checks",
    "detectors",
    "corpus",
    "hub",
    "injectors",
    "audit",
    "runs",
    "shards",
    "review",
    "report",
    "dashboard",
)

#: Where agent and kernels meet, and everything meets the user.
ABOVE = ("cli", "cluster", "composition", "library", "__main__")

#: What is decided without touching a tensor, so that it can be tested in milliseconds.
TORCHLESS = (
    "__init__", "config", "config_file", "errors", "families", "quantization", "request", "rope", "engine/block_pool",
    "engine/cost", "engine/drafting/draft", "engine/drafting/gate", "engine/drafting/memory", "engine/drafting/pacing",
    "engine/drafting/survival", "engine/drafting/trust", "engine/outputs/constraining", "engine/outputs/loops",
    "engine/sampling", "engine/scheduler", "engine/sequence", "gguf/describing", "gguf/header",
)  # fmt: skip


#: Folders whose modules are installed.
INSTALLED = ("midb", "agent", "evaluation", "kernels", "prompts", "training")

#: Every module that people read, as paths from the root.
CODE = [path.relative_to(ROOT) for top in (*INSTALLED, "bench") for path in sorted((ROOT / top).rglob("*.py"))]

#: Lines of a module.
LONGEST_MODULE = 400

#: Modules side by side in one package, beside its __init__.
MOST_MODULES = 12

#: Modules without a test file of their own name, each with the reason.
NO_TESTS_OF_THEIR_OWN: dict[str, str] = {
    "bench/compiled.py": "tests/kernels/ops/test_compiled.py asserts what it finds about each kernel",
    "bench/drafting/drafters.py": "runs for minutes on real corpora; what it compares is tested in tests/kernels",
    "bench/drafting/texts.py": "makes the texts of drafting/drafters.py",
    "bench/engine.py": "runs for minutes beside transformers; the engine is tested in tests/kernels",
    "bench/gate.py": "runs for minutes; the gate is tested in tests/kernels/engine/drafting/test_gate.py",
    **{
        f"bench/gpu/{name}.py": "tests/bench/test_gpu_run.py runs it on a CPU, with tiny shapes"
        for name in ("about", "checks", "models", "serving", "tables", "tiles", "tracing")
    },
    **{
        f"bench/adapting/{name}.py": "tests/bench/test_train.py runs it on a CPU, with a tiny base"
        for name in ("preparing", "running", "scoring")
    },
    "bench/gpu_ops.py": "tests/kernels/ops/test_bench.py runs it at small sizes",
}


def modules(package: str) -> list[Path]:
    path = ROOT / package
    return [path] if path.is_file() else sorted(path for path in path.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide who imports whom"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", FORBIDDEN)
def test_nobody_imports_what_is_above(package: str) -> None:
    seen = 0
    for path in modules(package):
        if package == "midb" and path.relative_to(ROOT / "midb").parts[0].removesuffix(".py") in ABOVE:
            continue
        seen += 1
        for name in imports(path):
            for forbidden in FORBIDDEN[package]:
                assert f"{name}.".startswith(f"{forbidden}.") is False, f"{path} imports {name}"
    assert seen > 5 or "/" in package


@pytest.mark.parametrize("package", LAYERS)
def test_a_package_imports_what_stands_below_it(package: str) -> None:
    below = {*LAYERS[: LAYERS.index(package) + 1], "locales", "__version__"}
    folder = "prompts" if package == "prompts" else f"midb/{package}"
    assert modules(folder)
    for path in modules(folder):
        for name in imports(path):
            if name.startswith("midb."):
                assert name.split(".")[1] in below, f"{path} imports {name}"


def test_every_package_has_a_place_among_the_layers() -> None:
    found = {path.parent.name for path in (ROOT / "midb").glob("*/__init__.py")} | {"prompts"}
    assert found == {*LAYERS, "locales", "cli", "cluster", "library"}


@pytest.mark.parametrize(
    "path", [p for package in (*FORBIDDEN, "prompts") for p in modules(package)], ids=lambda p: str(p.relative_to(ROOT))
)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} has no docstring"


@pytest.mark.parametrize("name", TORCHLESS)
def test_the_hard_logic_of_the_engine_knows_no_torch(name: str) -> None:
    found = [i for i in imports(ROOT / "kernels" / f"{name}.py") if i.partition(".")[0] in ("torch", "triton")]
    assert not found


def test_the_engine_imports_only_itself_and_its_libraries() -> None:
    allowed = {
        "numpy",
        "torch",
        "triton",
        "safetensors",
        "flash_attn",
        "gguf",
        "flash_attn_interface",
        *sys.stdlib_module_names,
    }
    for path in modules("kernels"):
        for name in imports(path):
            own = name == "midb.kernels" or name.startswith("midb.kernels.")
            assert own or name.partition(".")[0] in allowed, f"{path} imports {name}"


def test_what_trains_imports_little() -> None:
    """It runs on a lent machine as well, where midb's own dependencies are not installed."""
    libraries = {"torch", "transformers", "peft", "safetensors", "numpy", "matplotlib", *sys.stdlib_module_names}
    own = ("midb.training.tuning", "midb.domain.errors", "midb.agent.engines.adapter_manifest")
    for path in modules("training/tuning"):
        # The one that asks a tokenizer, where that is.
        more = ("midb.agent.engines.protocol", "midb.agent.engines.tokens") if path.name == "encoding.py" else ()
        for name in imports(path):
            known = name.partition(".")[0] in libraries or name == "midb.training.tuning.encoded"
            assert known or name.startswith((*own, *more)), f"{path} imports {name}"
            assert path.name == "encoding.py" or not name.startswith("midb.training.tuning.encoding"), path


def test_prompts_import_errors_and_locales_only() -> None:
    allowed = {"jinja2", "pydantic", *sys.stdlib_module_names}
    for path in modules("prompts"):
        for name in imports(path):
            own = name.startswith(("midb.domain", "midb.locales", "midb.prompts"))
            assert own or name.partition(".")[0] in allowed, f"{path} imports {name}"


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import midb.kernels; midb.kernels.Request([1])", ("torch", "triton", "safetensors", "numpy", "transformers")),
        (
            "import midb.cli.main",
            (
                "langgraph",
                "torch",
                "lingua",
                "pint",
                "rich",
                "pydantic",
                "babel",
                "sqlite3",
                "orjson",
                "midb.runs.config",
            ),
        ),
        # What stands before the first frame of a run.
        (
            "import midb.cli.running, midb.dashboard",
            ("langgraph", "torch", "lingua", "pint", "babel", "ftfy", "httpx", "jinja2", "sqlite3", "multiprocessing"),
        ),
        # Who survey a corpus and hand it to workers need no graph: workers load it, each for itself.
        ("import midb.agent.run.runner, midb.agent.run.session", ("langgraph", "torch", "lingua", "pint", "pandas")),
        ("import midb.audit.log, midb.cli.audit.commands", ("langgraph", "lingua", "pandas", "numpy", "pyarrow")),
        ("import midb.agent.graph", ("torch", "lingua", "pint", "transformers")),
        ("from midb.detectors import kinds; kinds()", ("torch", "lingua", "langgraph", "transformers")),
    ],
)
def test_imports_stay_light(statement: str, absent: tuple[str, ...], tmp_path: Path) -> None:
    """Language models and the like load with the first question, not with the first import."""
    code = f"{statement}\nimport sys\nprint([name for name in {absent!r} if name in sys.modules])"
    # Away from the checkout, whose folder midb/ is only a part of the package.
    shown = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_every_package_is_installed() -> None:
    """A package that pyproject.toml does not list would be missing from the wheel."""
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    found = {
        ".".join(("midb", *path.parent.relative_to(ROOT / ("midb" if folder == "midb" else ".")).parts))
        for folder in INSTALLED
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert set(setup["packages"]) == found


@pytest.mark.parametrize("path", CODE, ids=str)
def test_no_module_is_long(path: Path) -> None:
    lines = (ROOT / path).read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_MODULE, f"{path} has {lines} lines"


@pytest.mark.parametrize("folder", sorted({path.parent for path in CODE}), ids=str)
def test_no_package_holds_more_than_one_look_takes_in(folder: Path) -> None:
    held = [path.name for path in CODE if path.parent == folder and path.name != "__init__.py"]
    assert len(held) <= MOST_MODULES, f"{folder} holds {len(held)} modules: {', '.join(held)}"


def test_one_name_for_one_class() -> None:
    homes: dict[str, set[str]] = {}
    for path in CODE:
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, set()).add(str(path))
    assert len(homes) > 100
    assert {name: sorted(paths) for name, paths in homes.items() if len(paths) > 1} == {}


def own_test(module: Path) -> Path:
    """Where the tests of a module stand: midb/corpus/raw.py has tests/corpus/test_raw.py, agent/graph.py has
    tests/agent/test_graph.py."""
    folder = module.parent.relative_to("midb") if module.parts[0] == "midb" else module.parent
    return Path("tests") / folder / f"test_{module.name}"


@pytest.mark.parametrize("module", [path for path in CODE if path.name != "__init__.py"], ids=str)
def test_a_broken_module_has_a_test_file_that_fails(module: Path) -> None:
    listed = str(module) in NO_TESTS_OF_THEIR_OWN
    if (ROOT / own_test(module)).exists():
        assert not listed, f"{module} has tests of its own now: take it out of the list"
    else:
        assert listed, f"{module} has no {own_test(module)}"


def test_what_needs_no_tests_of_its_own_is_there() -> None:
    assert set(NO_TESTS_OF_THEIR_OWN) <= {str(path) for path in CODE}
