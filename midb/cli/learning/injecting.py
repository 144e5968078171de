"""`midb-agent inject`: a corpus with known defects, and the key to them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from midb.agent.run.session import open_configured
from midb.cli import options
from midb.cli.running import corpus_of
from midb.corpus.places import beside
from midb.dashboard.text import pluralize
from midb.injectors.corpus import Spoiler, spoil
from midb.runs.config import load_config
from midb.text.terminal import quote_word, visible


def inject(
    corpus: options.Corpus,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="Where the corpus with defects goes.")],
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="KEY", help="Where it is told what was put where. Default: <OUT>.key.jsonl"),
    ] = None,
    rate: Annotated[
        float, typer.Option("--rate", metavar="SHARE", min=0.0, max=1.0, help="Share of the pairs that get a defect.")
    ] = 0.3,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The same seed puts the same defects.")] = 0,
    language: options.Language = None,
    trust_language: options.TrustLanguage = None,
    source: options.Source = None,
    map: options.Map = None,
    kinds: options.Kinds = None,
    only: options.Only = None,
    typography: options.Typography = None,
    limit: options.Limit = None,
) -> int:
    """Put known defects into a corpus, to measure what finds them: a checker, a model, people.

    Each chosen pair gets one defect, made as such defects arise. The key, one JSON object a line, says for each which
    kind it is, where it stands, what stood there before, and whether it can be repaired exactly or only be found.

    Example: midb-agent inject corpus.jsonl -o spoiled.jsonl --only mojibake,decimal-separator --seed 7
    """
    settings = load_config(
        None,
        options.given(
            corpus=corpus, language=language, source=source, map=map, kinds=kinds, only=only, typography=typography,
            limit=limit, output=output,
        ) | options.given(**{"trust-language": trust_language}),
    )  # fmt: skip
    answers = key or beside(output, ".key.jsonl")
    with corpus_of(settings) as container:
        opened = open_configured(settings, container)
        for warning in opened.found.warnings:
            print(f"warning: {visible(warning)}", file=sys.stderr)
        done = spoil(opened, output, answers, Spoiler(settings.selection, rate, seed))
    by_kind = ", ".join(f"{kind} {count:,}" for kind, count in sorted(done.defects.items()))
    lines = [
        f"{pluralize(done.pairs, 'pair')} read, {done.defects.total():,} of them with a defect now",
        *([f"  kinds    {by_kind}"] if by_kind else []),
        *(
            [f"  left     {pluralize(done.left, 'record')} as found: no pair, or no language of ours"]
            if done.left
            else []
        ),
        f"  output   {visible(str(output))}",
        f"  key      {visible(str(answers))}",
        f"  next     midb-agent check {quote_word(str(output))} --json",
    ]
    print("\n".join(lines), file=sys.stderr)
    return 0
