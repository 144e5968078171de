"""Options of the commands that ask a judge, and how the judge is opened and its evaluation logged."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from midb.cli import options
from midb.cli.audit.options import Json
from midb.cli.evaluating.output import Output, Resamples, check_output, open_wide, print_json, write_figures
from midb.domain.errors import UsageError
from midb.runs.config import RunConfig, load_config
from midb.text.terminal import quote_words, visible

if TYPE_CHECKING:
    from midb.agent.model import settings
    from midb.agent.run.session import RunEngine
    from midb.audit.evaluating.log import EvaluationLog
    from midb.audit.file.key import SealKey
    from midb.audit.run_rows import Run
    from midb.prompts import PromptSet

Judge = Annotated[
    str | None,
    typer.Option(
        "--judge", metavar="MODEL", help="The judge: a checkpoint folder, a GGUF file, a hub name, or openai:NAME@URL."
    ),
]
Budget = Annotated[
    str | None, typer.Option("--budget", metavar="B", help="Stop, resumable, after so much: 2h, 90m, 1e6tok.")
]
Concurrency = Annotated[int | None, typer.Option("--concurrency", metavar="N", help=options.help_of("concurrency"))]
Device = Annotated[str | None, typer.Option("--device", metavar="DEVICE", help=options.help_of("device"))]
Devices = Annotated[str | None, typer.Option("--devices", metavar="all|0,1", help=options.help_of("devices"))]
Dtype = Annotated[str | None, typer.Option("--dtype", metavar="DTYPE", help=options.help_of("dtype"))]
Timeout = Annotated[float | None, typer.Option("--timeout", metavar="S", help=options.help_of("timeout"))]
KeyVariable = Annotated[
    str | None, typer.Option("--key-variable", metavar="NAME", help=options.help_of("key_variable"))
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Of the sample and of the draws.")]
Prompts = Annotated[
    Path | None,
    typer.Option("--prompts", metavar="FOLDER", help="Folder of prompts that replace those of the same name."),
]


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """What commands that ask models have in common, as a user types it: how models are served, what they may take, and
    where figures go. `unfold` makes them options."""

    seed: Seed = 0
    resamples: Resamples = 1000
    budget: Budget = None
    concurrency: Concurrency = None
    device: Device = None
    devices: Devices = None
    dtype: Dtype = None
    timeout: Timeout = None
    key_variable: KeyVariable = None
    seal_key: options.SealKey = None
    output: Output = None
    json: Json = False

    def configure(self, model: str | None, **more: Any) -> RunConfig:
        """The settings of a model's engine; UsageError without a model."""
        served = ("concurrency", "device", "devices", "dtype", "timeout", "key_variable")
        return judge_settings(model, budget=self.budget, **{name: getattr(self, name) for name in served}, **more)

    def read_budget(self) -> settings.Budget:
        """What all models together may take; UsageError for what is no budget."""
        from midb.agent.model import settings

        return settings.Budget.parse(self.budget) if self.budget else settings.Budget()

    def read_key(self) -> SealKey | None:
        """The key that seals the log, once it is sure that figures can be written."""
        from midb.audit.file.key import read_key

        check_output(self.output)
        return read_key(self.seal_key)

    def show(self, figures: Mapping[str, Any], draw: Callable[[Console, Mapping[str, Any]], None]) -> None:
        """Figures as tables or JSON, and into a file where one was named."""
        if self.json:
            print_json(figures)
        else:
            draw(open_wide(), figures)
        write_figures(figures, self.output)


def judge_settings(judge: str | None, **given: Any) -> RunConfig:
    """The settings of the judge's engine, as those of a run's model; UsageError without a judge."""
    if judge is None:
        raise UsageError("no judge is named.", hint="Add --judge MODEL, such as openai:NAME@URL or a checkpoint.")
    key = given.pop("key_variable", None)
    named = options.given(model=judge, **given) | options.given(**{"key-variable": key})
    # A run needs a corpus; nothing of this one's is read.
    return load_config(None, {"corpus": "-", **named})


def read_prompts(folder: Path | None) -> PromptSet:
    """The judge's prompts; UsageError for a folder that cannot be used."""
    from midb.prompts import load_prompts

    return load_prompts(folder)


def hash_prompts(prompts: PromptSet) -> dict[str, str]:
    """What the judge is asked with, by name."""
    from midb.prompts import FOR_EVALUATION

    return {name: prompts[name].sha256 for name in sorted(FOR_EVALUATION)}


def warn(message: str) -> None:
    """Say what the user should know."""
    print(f"warning: {visible(message)}", file=sys.stderr)


class JudgingProgress:
    """Says on stderr how many of so many are done, at each tenth."""

    def __init__(self, what: str, of: int) -> None:
        self._what = what
        self._of = of
        self._told = 0

    def __call__(self, done: int) -> None:
        tenth = 10 * done // max(self._of, 1)
        if tenth > self._told:
            self._told = tenth
            print(f"{self._what}: {done:,} of {self._of:,}", file=sys.stderr)


def make_run(settings: dict[str, Any], **more: Any) -> Run:
    """The row of an evaluation that begins now."""
    import orjson

    from midb.audit.evaluating.rows import KIND
    from midb.audit.run_rows import Run, utc_now
    from midb.domain.hashing import digest
    from midb.runs.versions import versions_of_run

    given: dict[str, Any] = {
        "id": 0, "kind": KIND, "parent_run": None, "started_at": utc_now(), "finished_at": None, "status": "running",
        "corpus": "", "corpus_sha256": "", "corpus_bytes": 0, "output": "", "output_sha256": None, "rejected": "",
        "config": orjson.dumps(settings).decode(), "config_hash": digest(settings), "engine": "",
        "versions": orjson.dumps(versions_of_run(settings.get("judge"))).decode(),
    }  # fmt: skip
    return Run(**given | more)


def say_how_to_go_on(why: str = "") -> None:
    """Name the command that goes on where an evaluation was stopped."""
    print(f"{why}the same command goes on: {quote_words(['midb-agent', *sys.argv[1:]])}", file=sys.stderr)


@contextmanager
def start_engine(config: RunConfig, role: str = "") -> Iterator[RunEngine]:
    """The engine of a model, started; it ends with the block. ``role``: what the model is here, for people."""
    from midb.composition import open_engine

    with open_engine(config, warn) as engine:
        assert engine is not None
        print(f"starting {visible(engine.text.described)}{f' ({role})' if role else ''}", file=sys.stderr)
        engine.loop.run(engine.text.start())
        yield engine


@contextmanager
def resumable(log: EvaluationLog, run: Run) -> Iterator[None]:
    """Whatever ends the block early, Ctrl-C among it, leaves an interrupted evaluation, and says how it goes on."""
    try:
        yield
    except BaseException:
        log.set_status(run, "interrupted")
        say_how_to_go_on()
        raise


def find_measured(engine: str, logs: Sequence[Path]) -> dict[str, Any] | None:
    """The last figures of a judge, by its fingerprint, in any of some logs; None where it was never measured."""
    from midb.audit.evaluating.reading import read_evaluations
    from midb.audit.reader import AuditReader

    found = None
    for path in dict.fromkeys(logs):
        if not path.exists():
            continue
        with AuditReader(path) as reader:
            for row in read_evaluations(reader):
                if row.evaluates == "judge" and row.engine == engine:
                    found = row.figures
    return found
