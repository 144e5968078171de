"""Settings of a run: every one has help, a default and a check; an unknown one is an error that names the nearest.

The command line takes its help from here before anything is on the screen: what checks need is imported by the checks.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson
from pydantic import Field, ValidationError, field_validator

from midb import __version__
from midb.audit.file.key import KEY_VARIABLE
from midb.domain.decisions import REWRITING_PASSES, Pass
from midb.domain.errors import UsageError
from midb.domain.hashing import digest
from midb.domain.portability import usable_cores
from midb.runs.cluster_settings import ClusterSettings

if TYPE_CHECKING:
    from midb.detectors import KindSelection

#: Seconds of processor time for each MiB of a record: about four times what a text full of defects takes.
RECORD_SECONDS = 60.0

#: How adapters are given.
_ADAPTER_HINT = "Write --adapter FOLDER, or for single passes --adapter content=FOLDER --adapter translation=OTHER."

#: The share of what people reviewed of a kind that is to be right, where ``--reviewed`` names what they said.
MIN_PRECISION = 0.9

#: Of so few verdicts nobody can say that too many are against a kind.
MIN_VERDICTS = 10

#: Beyond this the parent process, which writes, cannot keep up.
MAX_WORKERS = 64


def default_workers() -> int:
    """One worker for each processor this process may use, eight at most."""
    return min(usable_cores(), 8)


class RunConfig(ClusterSettings):
    """Everything `midb-agent run` can be told, on the command line or in a TOML file."""

    corpus: Path = Field(
        description="JSON Lines, JSON, CSV, TSV, Parquet, also packed; a folder; hf://datasets/OWNER/NAME; or -."
    )
    output: Path | None = Field(None, description="Where the boosted corpus goes. Default: <corpus>.boosted.<ext>")
    db: Path | None = Field(None, description="The audit log. Default: <output>.audit.db")
    language: str = Field("auto", description="Language of all records; auto: declared, or found out.")
    trust_language: bool = Field(
        False,
        alias="trust-language",
        description="Believe what is said of languages, however the texts read (else such records are left alone).",
    )
    source: Path | None = Field(None, description="English originals, a file or a folder, aligned by id or by line.")
    survey: Path | None = Field(
        None, description="What `split` found out about the whole corpus: its shards are read by that."
    )
    map: str | None = Field(None, description="Columns of the texts: instruction=COL,input=COL,response=COL")
    passes: tuple[str, ...] = Field(
        tuple(pass_.value for pass_ in (*REWRITING_PASSES, Pass.VERIFICATION)),
        description="Passes to visit, separated by commas. Verification always takes place.",
    )
    kinds: tuple[str, ...] = Field((), description="Kinds to add (+kind) or leave out (-kind), separated by commas.")
    only: tuple[str, ...] = Field((), description="Examine these kinds and no others, separated by commas.")
    reviewed: tuple[Path, ...] = Field(
        (), description="Audit log with verdicts: kinds that people found wrong too often in a language are off there."
    )
    min_precision: float | None = Field(
        None,
        alias="min-precision",
        gt=0,
        le=1,
        description=f"With --reviewed: the share of right ones below which a kind is off. Default: {MIN_PRECISION:g}.",
    )
    min_verdicts: int | None = Field(
        None,
        alias="min-verdicts",
        ge=1,
        description=f"With --reviewed: verdicts without which nothing is switched off. Default: {MIN_VERDICTS}.",
    )
    typography: bool = Field(False, description="Also repair conventions of print (quotation marks, no-break blanks).")
    model: str | None = Field(
        None,
        description="Language model that rewrites: a checkpoint folder, a GGUF file, a hub name, or openai:NAME@URL.",
    )
    route: Literal["content", "findings", "all"] = Field(
        "content",
        description="What the model sees: every pair for content and the rest by findings; only findings; all passes.",
    )
    judge_orders: Literal[1, 2] = Field(
        2,
        alias="judge-orders",
        description="Orders in which a rewrite is judged: with 2 both must prefer it; 1 halves the cost of verdicts.",
    )
    prompts: Path | None = Field(
        None, description="Folder of prompts that replace those of the same name; short: for adapters trained so."
    )
    budget: str | None = Field(None, description="Stop, resumable, after so much: 2h, 90m, 1e6tok.")
    dry_run: int | None = Field(
        None, alias="dry-run", ge=1, description="Only forecast time and tokens, from a sample of so many records."
    )
    concurrency: int | None = Field(
        None, ge=1, le=4096, description="Most calls of a model at once; fewer where its server serves fewer."
    )
    device: str = Field("auto", description="Where a checkpoint runs: auto, cpu, cuda.")
    devices: str | None = Field(
        None, description="Devices that share a checkpoint's work: all (GPUs), or numbers such as 0,1."
    )
    dtype: Literal["auto", "float32", "bfloat16", "fp8"] = Field(
        "auto", description="Of a checkpoint: auto, float32, bfloat16, or fp8 on a GPU."
    )
    adapter: Mapping[str, str] = Field(
        {},
        description="LoRA adapter that rewrites: a folder, a hub name, or what a server calls it. PASS=LORA: one pass.",
    )
    timeout: float | None = Field(None, gt=0, description="Seconds in which a server's reply must come further.")
    key_variable: str = Field(
        "OPENAI_API_KEY", alias="key-variable", description="Environment variable with a server's key."
    )
    record_seconds: float = Field(
        RECORD_SECONDS,
        alias="record-seconds",
        gt=0,
        le=1e6,
        description="Seconds of processor time for each MiB of a record, at least one; then it is left as it is.",
    )
    seal_key: Path | None = Field(
        None,
        alias="seal-key",
        description=f"File with the key that seals the audit log. Default: the file that {KEY_VARIABLE} names.",
    )
    limit: int | None = Field(None, ge=1, description="Stop after this many records.")
    workers: int = Field(default_factory=default_workers, ge=0, le=MAX_WORKERS, description="Worker processes.")
    strict: bool = Field(False, description="Stop at the first line that cannot be read.")
    fresh: bool = Field(False, description="Start anew instead of resuming.")
    quiet: bool = Field(False, description="Say nothing but what went wrong.")
    json_events: bool = Field(False, alias="json", description="Events as JSON lines on stdout instead of a dashboard.")

    @field_validator("passes", "kinds", "only", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("passes")
    @classmethod
    def _known_passes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = [pass_.value for pass_ in (*REWRITING_PASSES, Pass.VERIFICATION)]
        for name in value:
            if name not in known:
                raise UsageError(
                    f'unknown pass "{name}".', hint=f"{_nearest(name, known)}Known are: {', '.join(known)}."
                )
        return value

    @field_validator("adapter", mode="before")
    @classmethod
    def _by_pass(cls, value: Any) -> Any:
        return parse_adapters(value)

    @property
    def selected_passes(self) -> frozenset[Pass]:
        """The passes to visit."""
        return frozenset(Pass(name) for name in self.passes) | {Pass.VERIFICATION}

    @property
    def selection(self) -> KindSelection:
        """The kinds to examine; raises UsageError for an unknown one."""
        from midb.detectors import KindSelection, select_only

        if self.only:
            return select_only(self.only, typography=self.typography)
        return KindSelection.parse(self.kinds, typography=self.typography)

    @property
    def precision_bound(self) -> float:
        """The share of right ones below which a kind is switched off."""
        return MIN_PRECISION if self.min_precision is None else self.min_precision

    @property
    def verdicts_bound(self) -> int:
        """Verdicts without which nothing is switched off."""
        return MIN_VERDICTS if self.min_verdicts is None else self.min_verdicts

    def language_code(self) -> str | None:
        """The language of all records, ``None`` for auto; raises UsageError for an unknown one."""
        if self.language == "auto":
            return None
        from midb.text.languages import require_language

        return require_language(self.language)

    def shaping(
        self,
        source_sha256: str | None,
        prompts: Mapping[str, str] | None = None,
        reviewed: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The settings that shape the output: a run resumes only with the same ones. ``prompts``: hashes by name;
        ``reviewed``: what people said of earlier runs, and what that switches off."""
        from midb.checks.listing import list_checks

        model: dict[str, Any] = {}
        if self.model:
            model = {
                "route": self.route,
                "judge_orders": self.judge_orders,
                "adapter": dict(self.adapter),
                "dtype": self.dtype,
                "prompts": dict(prompts or {}),
            }
        pinned: dict[str, Any] = {}
        if self.survey:
            from midb.runs.pinning import read_pinned

            pinned = {"survey": read_pinned(self.survey)}
        return (
            model
            | pinned
            | {
                "version": __version__,
                "language": self.language,
                "trust_language": self.trust_language,
                "source": source_sha256,
                "map": self.map,
                "passes": sorted(pass_.value for pass_ in self.selected_passes),
                "kinds": sorted(self.selection.names),
                "typography": self.typography,
                "model": self.model,
                "limit": self.limit,
                "checks": list_checks(),
                **({} if reviewed is None else {"reviewed": dict(reviewed)}),
            }
        )


def parse_adapters(value: Any) -> dict[str, str]:
    """Adapters by the names of their passes; by "" that of all passes without one of their own.

    >>> parse_adapters(["content=a", "b"]), parse_adapters({"translation": "c"}), parse_adapters("d")
    ({'content': 'a', '': 'b'}, {'translation': 'c'}, {'': 'd'})

    :param value: one such text, several, or a mapping.
    :raises UsageError: for an unknown pass, one that is named twice, and the verdict's, which has none.
    """
    if isinstance(value, Mapping):
        pairs = [(str(name), given) for name, given in value.items()]
    else:
        listed = [value] if isinstance(value, str | Path) else value
        if not isinstance(listed, list | tuple):
            raise UsageError(f"--adapter is not understood (given: {value!r}).", hint=_ADAPTER_HINT)
        pairs = [_split_adapter(str(given)) for given in listed]
    known = [pass_.value for pass_ in REWRITING_PASSES]
    adapters: dict[str, str] = {}
    for name, given in pairs:
        if name == Pass.VERIFICATION:
            raise UsageError(
                "a verdict has no adapter: what learnt to prefer its own rewrites must not judge them.",
                hint=f"{_ADAPTER_HINT} Passes that rewrite: {', '.join(known)}.",
            )
        if name and name not in known:
            raise UsageError(
                f'there is no pass "{name}" for an adapter.',
                hint=f"{_nearest(name, known)}Known are: {', '.join(known)}.",
            )
        if name in adapters:
            raise UsageError(
                f"two adapters are given for {name or 'all passes'}: {adapters[name]} and {given}.", hint=_ADAPTER_HINT
            )
        if not isinstance(given, str | Path) or not str(given).strip():
            raise UsageError(f"--adapter is not understood (given: {given!r}).", hint=_ADAPTER_HINT)
        adapters[name] = str(given)
    return adapters


def _split_adapter(text: str) -> tuple[str, str]:
    """The name of a pass and what is behind its =; a folder whose name has a = is given with its path."""
    name, equals, given = text.partition("=")
    return (name, given) if equals and name.isalpha() and name.isascii() else ("", text)


def config_hash(shaping: dict[str, Any]) -> str:
    """SHA-256 of the settings that shape the output."""
    return digest(shaping)


def differences(old: str, new: dict[str, Any]) -> str:
    """What differs between logged settings (JSON) and the present ones, in words for people."""
    before: dict[str, Any] = orjson.loads(old)
    parts: list[str] = []
    # Of what is long, only whether it is there.
    wordy = ("reviewed", "survey")
    parts += [
        f"{name} (with one before, without now)" if name in before else f"{name} (only now)"
        for name in wordy
        if (name in before) != (name in new)
    ]
    for name, value in new.items():
        if before.get(name) == value or (name in wordy and name not in before):
            continue
        if isinstance(value, list) and isinstance(before.get(name), list):
            gone, come = sorted(set(before[name]) - set(value)), sorted(set(value) - set(before[name]))
            parts.append(f"{name} ({' '.join([f'-{item}' for item in gone] + [f'+{item}' for item in come])})")
        elif isinstance(value, dict) and isinstance(before.get(name), dict):
            changed = sorted(
                key for key in value.keys() | before[name].keys() if value.get(key) != before[name].get(key)
            )
            parts.append(f"{name} ({', '.join(changed)})")
        else:
            parts.append(f"{name} ({before.get(name)} before, {value} now)")
    return ", ".join(parts)


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]}? " if near else ""


#: What stands for something else than a path, by setting: standard input, and the styles of prompts.
_NO_PATHS = {"corpus": ("-",), "prompts": ("full", "short")}


def _find_beside(file: Path, given: str) -> str:
    """A name in a file of settings as it is, unless there is something of that name beside the file."""
    beside = file.parent / given
    return str(beside) if beside.exists() else given


def load_config(path: Path | None, given: dict[str, Any]) -> RunConfig:
    """The settings: those given on the command line, else those of the file, else the defaults.

    Raises UsageError for a file that cannot be read, an unknown option (naming the nearest), or a bad value.
    """
    settings: dict[str, Any] = {}
    if path is not None:
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"the config file {path} cannot be read: {error.strerror}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"the config file {path} is not valid TOML: {error}.") from error
        known = [field.alias or name for name, field in RunConfig.model_fields.items()]
        for name in settings:
            if name not in known:
                raise UsageError(
                    f'{path}: unknown option "{name}".', hint=f"{_nearest(name, known)}Known are: {', '.join(known)}."
                )
        for name in ("corpus", "output", "db", "source", "survey", "prompts", "seal-key", "work", "scratch"):
            if isinstance(settings.get(name), str) and settings[name] not in _NO_PATHS.get(name, ()):
                settings[name] = path.parent / settings[name]  # paths in a file are relative to that file
        if "adapter" in settings:
            adapters = parse_adapters(settings["adapter"])
            settings["adapter"] = {name: _find_beside(path, given) for name, given in adapters.items()}
        if isinstance(settings.get("reviewed"), str | list):
            listed = settings["reviewed"] if isinstance(settings["reviewed"], list) else [settings["reviewed"]]
            settings["reviewed"] = [path.parent / log if isinstance(log, str) else log for log in listed]
        if isinstance(settings.get("model"), str):
            settings["model"] = _find_beside(path, settings["model"])
    settings |= {name: value for name, value in given.items() if value is not None}
    if "corpus" not in settings:
        raise UsageError("no corpus is named.", hint="midb-agent run CORPUS")
    try:
        config = RunConfig(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f'"{where}": {first["msg"].lower()} (given: {first["input"]!r}).') from error
    config.language_code()
    for name in ("budget", "dry_run", "prompts", "adapter", "concurrency"):
        if getattr(config, name) not in (None, {}) and not config.model:
            raise UsageError(f"--{name.replace('_', '-')} is for runs with a model.", hint="Add --model MODEL.")
    if not config.reviewed and (config.min_precision is not None or config.min_verdicts is not None):
        raise UsageError(
            "--min-precision and --min-verdicts say what verdicts switch off.",
            hint="Name the audit log that holds them: --reviewed LOG.db",
        )
    if config.only and config.kinds:
        raise UsageError("--only and --kinds contradict each other.", hint="Name with --only all kinds that are meant.")
    _ = config.selection  # raises for an unknown kind
    if config.map:
        from midb.corpus.layouts import parse_mapping

        parse_mapping(config.map)
    return config
