"""`midb-agent prompts`: which prompts there are, and exactly what would be sent about a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from midb.agent.engines.protocol import Message
from midb.agent.model.pass_adapters import choose_prompts
from midb.agent.model.settings import ModelSettings, PassAdapter
from midb.agent.model.tasks import render_system
from midb.agent.run.session import salt_of
from midb.agent.state import PairContext
from midb.cli import options
from midb.cli.table import PLAIN
from midb.composition import find_adapters
from midb.corpus.formats.containers import open_container
from midb.corpus.layouts import RecordError, parse_mapping
from midb.corpus.opened import OpenedCorpus, open_corpus
from midb.corpus.raw import RawRecord
from midb.corpus.records import ParsedRecord
from midb.detectors import KindSelection
from midb.domain.decisions import REWRITING_PASSES, Pass
from midb.domain.errors import UsageError
from midb.locales import load
from midb.prompts import PromptSet, parse_prompts
from midb.runs.config import load_config
from midb.text.languages import require_language
from midb.text.terminal import visible

app = typer.Typer(
    help="The prompts of the passes, and what would be sent about a record.", no_args_is_help=True, **PLAIN
)


@app.command("list")
def list_prompts(prompts: options.Prompts = None) -> None:
    """List the prompts with version and hash."""
    for name, prompt in sorted(parse_prompts(str(prompts) if prompts else None)[1].prompts.items()):
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
    only: options.Only = None,
    typography: options.Typography = None,
    trust_language: options.TrustLanguage = None,
    prompts: options.Prompts = None,
    model: options.Model = None,
    adapter: options.Adapter = None,
) -> None:
    """Print what a pass sends: its system part, and with a record the whole first prompt about its first pair.

    The text is shown as the pass gets it, after the provable repairs of its own kind and of the passes before it, where
    the model left everything else alone. For verification these repairs stand for the rewrite. With an adapter it is
    what that adapter gets, which may have been trained with short prompts. Nothing is sent. Example:

    midb-agent prompts show content corpus.jsonl --record de-0417
    """
    known = (*REWRITING_PASSES, Pass.VERIFICATION)
    if pass_ not in known:
        raise UsageError(f'there is no pass "{pass_}" with a prompt.', hint=f"Known are: {', '.join(known)}.")
    if (record is None) is not (corpus is None):
        raise UsageError("a record needs its corpus.", hint=f"midb-agent prompts show {pass_} CORPUS --record ID")
    chosen = parse_prompts(str(prompts) if prompts else None)[1]
    code = require_language(language) if language else None
    settings = load_config(
        None,
        options.given(
            corpus=corpus or Path("-"), kinds=kinds, only=only, typography=typography, model=model, adapter=adapter
        ) | options.given(**{"trust-language": trust_language}),
    )  # fmt: skip
    adapters = choose_prompts(find_adapters(settings, _warn), chosen, _warn)
    if corpus is not None and record is not None:
        opened = open_corpus(
            open_container(corpus),
            language=code,
            mapping=parse_mapping(map) if map else None,
            source=source,
            trusted=settings.trust_language,
        )
        messages = _messages(Pass(pass_), opened, record, settings.selection, chosen, adapters)
    elif code is not None:
        of_pass = ModelSettings(prompts=chosen, adapters=adapters).prompts_of(Pass(pass_))
        messages = [Message("system", render_system(of_pass[f"{pass_}.system"], load(code)))]
    else:
        raise UsageError("a system part is in one language.", hint="Add --language xx.")
    for message in messages:
        typer.echo(f"--- {message.role} ---")
        typer.echo("\n".join(visible(line) for line in message.content.split("\n")))


def _warn(message: str) -> None:
    typer.echo(f"warning: {visible(message)}", err=True)


def _messages(
    pass_: Pass,
    corpus: OpenedCorpus,
    record: str,
    selection: KindSelection,
    prompts: PromptSet,
    adapters: Mapping[Pass, PassAdapter],
) -> Sequence[Message]:
    from midb.agent.passes.preview import preview  # imports LangGraph, which takes a second

    parsed, language = _find(corpus, record)
    context = PairContext(
        locale=load(language),
        source=parsed.sources[0],
        selection=selection,
        passes=frozenset(Pass),
        identifier=corpus.identifier,
        demands=parsed.demands,
    )
    return preview(pass_, parsed.slots[0].pair, context, prompts, salt_of(corpus), adapters)


def _find(corpus: OpenedCorpus, record: str) -> tuple[ParsedRecord, str]:
    """A record by its id, and its language; UsageError where there is none of that name."""
    reader = corpus.reader()
    for raw in corpus.container.read():
        if not isinstance(raw, RawRecord) or raw.spool:
            continue
        source = corpus.source_of(raw)
        with suppress(RecordError):
            parsed = reader.parse(raw, source)
            if parsed.key == record and parsed.unexamined:
                raise UsageError(f'the record "{record}" is not examined: {parsed.unexamined}.')
            if parsed.key == record:
                return parsed, reader.language(parsed)
    raise UsageError(
        f'{corpus.container.path} has no record "{record}".', hint="Records are named by their id, or #POSITION."
    )
