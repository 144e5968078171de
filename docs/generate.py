"""Writes what pages say of the code: docs/kinds.md and docs/commands.md, and the settings in docs/engine.md.

    python docs/generate.py

tests/docs/test_generated.py fails where a page differs from what this writes. Needs midb-agent installed, no more.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import re
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

from midb.cli.main import app
from midb.cli.table import LateCommand
from midb.detectors import detectors, kinds
from midb.domain.defects import DefectFamily, DefectKind
from midb.kernels import EngineConfig
from midb.locales import LANGUAGES, load
from midb.locales.measured import RECALL_AIM, figures, measured, total, wilson
from midb.runs.cluster_settings import ClusterSettings
from midb.runs.config import RunConfig
from midb.text.terminal import visible

DOCS = Path(__file__).resolve().parent
CASES = DOCS.parent / "tests" / "cases"

#: An example longer than this, or of more lines, is no longer read at a glance.
LONGEST_EXAMPLE = 200
MOST_LINES = 6

#: Between these stand the settings in docs/engine.md.
SETTINGS_BEGIN, SETTINGS_END = "<!-- settings: written by docs/generate.py -->", "<!-- end of settings -->"

#: What is drawn together with the letter before it: marks, vowels and ends of Korean syllables.
_PARTS = re.compile("[\u0300-\u036f\u0653-\u0655\u1160-\u11ff\u3099\u309a]")

#: Columns of a line of text.
WIDTH = 118

#: Where the packages of the repository stand; the rest of `midb` lies in the folder of that name.
FOLDERS = {
    "midb.agent": "agent", "midb.evaluation": "evaluation", "midb.kernels": "kernels", "midb.prompts": "prompts",
    "midb.training": "training",
}  # fmt: skip

GENERATED = "<!-- Written by docs/generate.py from the code. Change the code, then run: python docs/generate.py -->\n"


def kinds_page() -> str:
    """docs/kinds.md: every kind of defect, with one labelled example of each."""
    parts = [
        GENERATED,
        "# Kinds of defects\n",
        f"{len(kinds())} kinds in three families, one family for each rewriting pass. `midb-agent kinds` prints the"
        " same list,\n`midb-agent kinds --language th` only what concerns one language.\n",
        "- **repairs**: some findings of the kind carry a repair that can be proved from the text itself, from the"
        " English\n  source or from the language's conventions. Without a model only these are changed.",
        "- **flags**: findings of the kind never carry a repair. They are listed with evidence, for a model or a"
        " person.",
        "- **source**: the kind is looked for only where the record has an English source.",
        "- **--typography**: a convention of print, not an error. It is looked for on request only.\n",
        "Severities are those of [MQM](https://themqm.org/): *minor* is noticed, *major* misleads, *critical* makes the"
        " pair\nuseless. A finding may have another severity than its kind.\n",
        "*Recall*: of defects that `midb-agent inject` put into clean texts, those that are repaired to the very text"
        " of before,\nor found where no repair can be proved. *Precision*: of findings in real texts that people read,"
        " those that are right,\nand the interval (Wilson, 95 %) in which the true share lies; *repairs* is the same"
        " of those findings that were repaired."
        " [Benchmarks](benchmarks.md#how-good-the-kinds-are)\ntell how both were measured.\n",
        "| kind | family | severity | what is done | recall | precision | repairs |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| [`{kind.name}`](#{kind.name}) | {kind.family} | {kind.severity} | {', '.join(what_is_done(kind))} |"
            f" {share_of('recall', kind)} | {share_of('precision', kind)} |"
            f" {share_of('edits', kind) if kind.repairs else 'none'} |"
            for kind in kinds().values()
        ),
    ]
    for family in DefectFamily:
        parts.append(f"\n## {family.value.capitalize()}")
        for kind in kinds().values():
            if kind.family is family:
                parts.append("\n" + "\n\n".join(kind_section(kind)))
    return "\n".join(parts) + "\n"


def what_is_done(kind: DefectKind) -> list[str]:
    """The marks of a kind, as `midb-agent kinds` prints them."""
    marks = ["repairs" if kind.repairs else "flags"]
    return marks + ["source"] * kind.needs_source + ["--typography"] * kind.convention


def kind_section(kind: DefectKind) -> Iterator[str]:
    """The paragraphs about one kind."""
    yield f"### {kind.name}"
    yield f"{kind.summary[0].upper()}{kind.summary[1:]}."
    done = "Repaired where that can be proved" if kind.repairs else "Flagged only"
    source = "; looked for only with the English source" * kind.needs_source
    convention = "; looked for only with `--typography`" * kind.convention
    yield f"{kind.severity.value.capitalize()}. {done}{source}{convention}."
    yield f"- Detector: `{module_of(kind)}`\n- Labelled texts: `tests/cases/{kind.name}.json`"
    reasons = {code: kind.abstention(load(code)) for code in LANGUAGES}
    abstained = {code: reason for code, reason in reasons.items() if reason}
    if abstained:
        yield "\n".join(
            f"- Not looked for in {load(code).name} (`{code}`): {reason}." for code, reason in abstained.items()
        )
    else:
        yield "Looked for in all languages."
    if told := "\n".join(f"- {line}" for line in figures_of(kind)):
        yield told
    if found := example(kind):
        yield found


def share_of(measurement: str, kind: DefectKind) -> str:
    """A measurement of a kind as a cell of the table; "not measured" where nothing was."""
    right, of = total(measurement, kind.name)
    if not of:
        return "not measured"
    low, high = wilson(right, of)
    interval = f" ({percent(low)} to {percent(high)})" if measurement != "recall" else ""
    return f"{right:,} of {of:,}{interval}"


def percent(share: float) -> str:
    """
    >>> percent(0.8829), percent(1.0)
    ('88 %', '100 %')
    """
    return f"{100 * share:.0f} %"


def figures_of(kind: DefectKind) -> Iterator[str]:
    """What was measured of a kind, by language where it differs."""
    met, injected = total("recall", kind.name)
    if injected:
        by = {code: measured(kind.name, code) for code in LANGUAGES}
        below = [
            f"`{code}` {one.found} of {one.injected}"
            for code, one in by.items()
            if one.found < RECALL_AIM * one.injected
        ]
        low = f" Below {percent(RECALL_AIM)}: {', '.join(below)}." if below else ""
        yield f"Recall: of {injected:,} injected defects {met:,} are repaired exactly, or found.{low}"
    right, judged = total("precision", kind.name)
    if judged:
        by_language = figures()["precision"][kind.name]
        wrong = [
            f"`{code}` {count[1] - count[0]} of {count[1]}"
            for code, count in by_language.items()
            if count[0] < count[1]
        ]
        errors = f" Wrong: {', '.join(wrong)}." if wrong else ""
        yield f"Precision: of {judged:,} findings that were read {right:,} are right.{errors}"
    mended, repairs = total("edits", kind.name)
    if repairs:
        low, high = wilson(mended, repairs)
        interval = f"({percent(low)} to {percent(high)})"
        yield f"Repairs: of {repairs:,} repaired texts that were read {mended:,} are right {interval}."
    if counted := figures().get("findings", {}).get(kind.name, {}).get("all"):
        findings, repairable, rows = counted
        found = f"{findings:,} findings, {repairable:,} with a repair, in {rows:,} different English rows"
        yield f"In [real translated pairs](benchmarks.md#how-good-the-kinds-are): {found}."


def module_of(kind: DefectKind) -> str:
    """The file of the detector that finds a kind."""
    (detector,) = [module for module in detectors() if kind in module.KINDS]
    return file_of(detector.__name__)


def file_of(module: str) -> str:
    """Where a module stands in the repository.

    >>> file_of("midb.domain.pairs"), file_of("midb.agent.graph")
    ('midb/domain/pairs.py', 'agent/graph.py')
    """
    name = next((module.replace(old, new, 1) for old, new in FOLDERS.items() if module.startswith(old)), module)
    path = name.replace(".", "/")
    return f"{path}/" if hasattr(importlib.import_module(module), "__path__") else f"{path}.py"


def example(kind: DefectKind) -> str | None:
    """The first labelled text of a kind that is short enough: what is repaired, else what is flagged."""
    cases = json.loads((CASES / f"{kind.name}.json").read_text(encoding="utf-8"))
    for wanted in ("repaired", "flagged"):
        for case in cases:
            if wanted in case and "known_failure" not in case and (shown := labelled_text(case, wanted)):
                return shown
    return None


def labelled_text(case: dict[str, Any], wanted: str) -> str | None:
    """One labelled text, `None` where it is too long or has several parts."""
    if len(case[wanted]) > 1:
        return None
    field, after = next(iter(case["repaired"].items())) if wanted == "repaired" else case["flagged"][0]
    before, source = case[field], case.get("source", {}).get(field)
    texts = [text for text in (before, after, source) if text]
    if not before.strip() or max(map(len, texts)) > LONGEST_EXAMPLE or max(t.count("\n") for t in texts) >= MOST_LINES:
        return None
    parts = [("source", source)] if source and source != "…" else []
    asked = case.get("instruction", "")
    if wanted == "flagged" and after == before and field == "response" and 3 < len(asked) <= LONGEST_EXAMPLE:
        parts.insert(0, ("instruction", asked))  # a whole response is wrong for what was asked
    parts += [("found", before), (wanted, "the whole text" if wanted == "flagged" and after == before else after)]
    lines = [f"Example ({load(case['language']).name}, {field}):"]
    for name, text in parts:
        if text == "the whole text":
            lines.append(f"- {name}: {text}")
        elif "\n" in text:
            body = "\n".join(map(visible, text.split("\n")))
            lines.append(f"- {name}:\n\n" + textwrap.indent(f"~~~~text\n{body}\n~~~~", "  "))
        else:
            lines.append(f"- {name}: {code(text) if text else 'nothing is left'}")
    return "\n\n".join([lines[0], "\n".join(lines[1:])])


def code(text: str) -> str:
    """A text as inline code, with nothing in it invisible; of a letter in parts, all parts but the first by number.

    >>> code("a `b`"), code("a\\u0308")
    ('`` a `b` ``', '`a\\\\u0308`')
    """
    text = visible(text)
    if not unicodedata.is_normalized("NFC", text):
        text = _PARTS.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def commands_page() -> str:
    """docs/commands.md: every command and option with its help, and the settings that a file may hold."""
    root = typer.main.get_command(app)
    commands = list(walk(root, "midb-agent"))
    parts = [
        GENERATED,
        "# Commands\n",
        "Every command, argument and option, as `--help` prints them. What they are good for is told in the"
        " [guide](guide.md)\nand in [the audit log](audit-log.md); exit codes are in the"
        " [guide](guide.md#exit-codes).\n",
        "| command | what it does |",
        "|---|---|",
        *(f"| [`{path}`](#{anchor(path)}) | {first_sentence(command.help)} |" for path, command in commands),
    ]
    for path, command in commands:
        parts.append("\n" + "\n\n".join(command_section(path, command)))
    parts.append("\n" + settings_section())
    return "\n".join(parts) + "\n"


def walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """A command and all below it; a group is followed by its commands."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from walk(below.load() if isinstance(below, LateCommand) else below, f"{path} {name}")


def anchor(title: str) -> str:
    """The anchor of a heading, as GitHub and MyST make it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def first_sentence(text: str) -> str:
    """The first sentence of a help text.

    >>> first_sentence("Do this. Then that.")
    'Do this.'
    """
    return re.split(r"(?<=\.)\s", " ".join(text.split()), maxsplit=1)[0]


def command_section(path: str, command: Any) -> Iterator[str]:
    """The paragraphs about one command."""
    yield f"## {path}"
    for paragraph in re.split(r"\n\s*\n", re.sub(r"\bExamples?:\s", "\n\n", command.help or "")):
        text = " ".join(paragraph.split())
        if text:
            yield f"```sh\n{text}\n```" if text.startswith("midb-agent ") else textwrap.fill(text, WIDTH)
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    names = [f"{value_name(p)}" if p.required else f"[{value_name(p)}]" for p in arguments]
    usage = [path, *names, *(["[OPTIONS]"] if options else []), *(["COMMAND"] if hasattr(command, "commands") else [])]
    yield f"Usage: `{' '.join(usage)}`"
    rows = [f"| `{value_name(p)}` | {cell(p.help)} |" for p in arguments]
    for option in options:
        value = "" if option.is_flag else f" {value_name(option)}"
        more = "Required. " * option.required + cell(option.help) + " May be repeated." * repeats(option)
        default = option.default() if callable(option.default) else option.default
        more += f" Default: {default}." if default and not option.is_flag else ""
        rows.append(f"| `{', '.join(option.opts)}{value}` | {more} |".replace("xx|auto", "xx\\|auto"))
    if rows:
        yield "\n".join(["| | |", "|---|---|", *rows])


def repeats(option: Any) -> bool:
    """Whether an option may be given several times and its help does not say so."""
    return bool(option.multiple) and "repeated" not in (option.help or "")


def value_name(parameter: Any) -> str:
    """What stands for a value in usage lines."""
    name = parameter.metavar or parameter.name.strip("_").upper()
    return str(name).replace("|", "\\|")


def cell(text: str | None) -> str:
    """A text as a cell of a table."""
    return " ".join((text or "").split()).replace("|", "\\|").replace("<", "&lt;").replace("``", "`")


def settings_section() -> str:
    """What `--config FILE` may hold."""
    rows = []
    # What many people need comes before what concerns other machines.
    for name, field in sorted(RunConfig.model_fields.items(), key=lambda item: item[0] in ClusterSettings.model_fields):
        if field.default_factory is not None:
            told = first_sentence(field.default_factory.__doc__ or "")
        else:
            told = "" if field.is_required() or field.default in (None, (), {}) else f"`{toml(field.default)}`"
        rows.append(f"| `{field.alias or name}` | {told} | {cell(field.description)} |")
    return "\n".join(
        [
            "## Settings in a file",
            "",
            "`midb-agent run --config run.toml` and `midb-agent check --config run.toml` read these settings from a"
            " TOML file; an\noption on the command line comes first. An unknown name is an error that names the"
            " nearest.",
            "",
            "| setting | default | |",
            "|---|---|---|",
            *rows,
        ]
    )


def toml(value: Any) -> str:
    """A default as TOML writes it.

    >>> toml(("a", "b")), toml(True), toml("auto")
    ('["a", "b"]', 'true', '"auto"')
    """
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def engine_page() -> str:
    """docs/engine.md with the engine's settings, as its configuration documents them, between two marks."""
    text = (DOCS / "engine.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^:param (\w+): (.+?)(?=^:|\Z)", inspect.getdoc(EngineConfig) or "", re.M | re.S))
    rows = ["| setting | default | |", "|---|---|---|"]
    for field in dataclasses.fields(EngineConfig):
        default = field.default_factory() if callable(field.default_factory) else field.default
        value = "" if default is dataclasses.MISSING else f"`{default!r}`"
        rows.append(f"| `{field.name}` | {value} | {cell(told[field.name])} |")
    before, _, rest = text.partition(SETTINGS_BEGIN)
    return "".join(
        [before, SETTINGS_BEGIN, "\n\n", "\n".join(rows), "\n\n", SETTINGS_END, rest.partition(SETTINGS_END)[2]]
    )


PAGES: dict[str, Callable[[], str]] = {"kinds.md": kinds_page, "commands.md": commands_page, "engine.md": engine_page}


def main() -> None:
    """Write the pages."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")
        print(f"docs/{name}", file=sys.stderr)


if __name__ == "__main__":
    main()
