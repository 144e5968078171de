"""`midb-agent prompts`: which prompts there are, and exactly what would be sent about a record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from midb.cli import options
from midb.domain.decisions import REWRITING_PASSES, Pass
from midb.domain.defects import DefectFamily
from midb.domain.errors import UsageError
from midb.domain.pairs import InstructionPair
from midb.text.terminal import visible

app = typer.Typer(no_args_is_help=True, help="The prompts of the passes, and what would be sent about a record.")


@app.command("list")
def list_prompts(prompts: options.Prompts = None) -> None:
    """List the prompts with version and hash."""
    from midb.prompts import load_prompts

    for name, prompt in sorted(load_prompts(prompts).prompts.items()):
        typer.echo(f"{name:22}version {prompt.version}  {prompt.sha256[:16]}  {', '.join(prompt.variables)}")


@app.command("show")
def show_prompt(
    pass_: Annotated[str, typer.Argument(metavar="PASS", help="content, translation, localization, verification")],
    corpus: Annotated[Path | None, typer.Argument(metavar="CORPUS", help="The corpus of --record.")] = None,
    language: Annotated[str | None, typer.Option("--language", metavar="xx", help="The language.")] = None,
    record: Annotated[str | None, typer.Option("--record", metavar="ID", help="The record to ask about.")] = None,
    source: options.Source = None,
    map: options.Map = None,
    kinds: options.Kinds = None,
    prompts: options.Prompts = None,
) -> None:
    """Print what a pass sends: its system part, and with a record the whole first prompt about its first pair.

    The text is shown as the pass gets it, after the provable repairs of its own kind and of the passes before it, where
    the model left everything else alone. For verification these repairs stand for the rewrite. Example:

    midb-agent prompts show content corpus.jsonl --record de-0417
    """
    known = (*REWRITING_PASSES, Pass.VERIFICATION)
    if pass_ not in known:
        raise UsageError(f'there is no pass "{pass_}" with a prompt.', hint=f"Known are: {', '.join(known)}.")
    if (record is None) is not (corpus is None):
        raise UsageError("a record needs its corpus.", hint=f"midb-agent prompts show {pass_} CORPUS --record ID")
    for role, text in _messages(Pass(pass_), corpus, language, record, source, map, prompts, kinds):
        typer.echo(f"--- {role} ---")
        typer.echo("\n".join(visible(line) for line in text.split("\n")))


def _messages(
    pass_: Pass,
    corpus: Path | None,
    language: str | None,
    record: str | None,
    source: Path | None,
    mapping: str | None,
    folder: Path | None,
    kinds: str | None,
) -> list[tuple[str, str]]:
    from midb.agent.model.replies import Side
    from midb.agent.model.tasks import render_system, rewriting_task, verdict_task
    from midb.agent.passes.judging import side_of_rewrite
    from midb.agent.state import MAX_ATTEMPTS
    from midb.checks.repair import choose_fixes
    from midb.detectors import KindSelection, inspect
    from midb.domain.defects import Finding
    from midb.domain.edits import apply
    from midb.locales import load
    from midb.prompts import load_prompts
    from midb.text.inspection import Inspection
    from midb.text.languages import LanguageIdentifier, require_language

    prompts = load_prompts(folder)
    code = require_language(language) if language else None
    if corpus is None or record is None:
        if code is None:
            raise UsageError("a system part is in one language.", hint="Add --language xx.")
        return [("system", render_system(prompts[f"{pass_}.system"], load(code)))]
    pair, original, settled, salt = _find(corpus, record, code, source, mapping)
    locale, identifier = load(settled), LanguageIdentifier()
    selection = KindSelection.parse([kind.strip() for kind in (kinds or "").split(",") if kind.strip()])

    def look(text: InstructionPair) -> list[Finding]:
        return inspect(Inspection(text, locale, identifier, original, selection.typography), selection)

    repaired = pair
    for family in DefectFamily:  # as the passes do before the model is asked
        for _ in range(MAX_ATTEMPTS):
            repaired = apply(repaired, choose_fixes(look(repaired), family)[1])
        if family.value == pass_.value:
            break
    if pass_ is Pass.VERIFICATION:
        versions = (repaired, pair) if side_of_rewrite(pair, repaired, salt) is Side.A else (pair, repaired)
        task = verdict_task(prompts, *versions, locale=locale, source=original)
    else:
        task = rewriting_task(prompts, pass_, repaired, locale=locale, source=original, findings=look(repaired))
    return [(message.role, message.content) for message in task.request.messages]


def _find(
    corpus: Path, record: str, code: str | None, source: Path | None, mapping: str | None
) -> tuple[InstructionPair, InstructionPair | None, str, str]:
    """The first pair of a record, its English source, its language, and the seed of the sides that verdicts see."""
    from midb.corpus.formats.containers import open_container
    from midb.corpus.layouts import LayoutFinder, RecordError, parse_mapping
    from midb.corpus.raw import RawRecord
    from midb.corpus.records import parse_record
    from midb.corpus.sources import open_sources
    from midb.corpus.survey import survey
    from midb.text.languages import LanguageIdentifier

    container, identifier = open_container(corpus), LanguageIdentifier()
    columns = parse_mapping(mapping) if mapping else None
    found = survey(container, language=code, mapping=columns, identifier=identifier, limit=None)
    sources = open_sources(source, container, found.records) if source else None
    finder = LayoutFinder(columns, found.usual)
    for raw in container.read():
        if not isinstance(raw, RawRecord) or raw.spool:
            continue
        try:
            parsed = parse_record(raw, finder, sources.find(raw) if sources else None)
        except RecordError:
            continue
        if parsed.key == record and parsed.slots:
            text = " ".join(text for slot in parsed.slots for _, text in slot.pair.texts())
            settled = found.languages.settle(parsed.declared, parsed.key, text, identifier)
            return parsed.slots[0].pair, parsed.sources[0], settled, found.sha256[:12]
    raise UsageError(f'{corpus} has no record "{record}".', hint="Records are named by their id, or #POSITION.")
