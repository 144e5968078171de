"""`midb-agent evaluate`: its commands, of which only the one that is called is loaded."""

from __future__ import annotations

import typer

from midb.cli.table import PLAIN, table_of

COMMANDS = {
    "data": (
        "midb.cli.evaluating.data:data",
        "Measure what a run did to its corpus: defects before and after, language, length, duplicates.",
    ),
    "pairwise": (
        "midb.cli.evaluating.pairwise:pairwise",
        "Let a judge compare two corpora pair by pair: wins, ties and losses in each language.",
    ),
    "judge": (
        "midb.cli.evaluating.judge:judge",
        "Measure a judge on pairs of which it is known which version is better: is it right, and what leads it?",
    ),
    "model": (
        "midb.cli.evaluating.model:model",
        "Let two models answer the same questions, and a judge compare the answers: wins by turn and language.",
    ),
    "blend": (
        "midb.cli.evaluating.models.blend:blend",
        "Ask one or two models about everyday life in a country, and hold their answers against what its people said.",
    ),
}

app = typer.Typer(
    name="evaluate",
    cls=table_of(COMMANDS),
    help="Whether the data are better: figures of their texts, judges who compare, and judges who are judged.",
    no_args_is_help=True,
    **PLAIN,
)


@app.callback()
def evaluate() -> None:
    """Whether the data are better: figures of their texts, judges who compare, and judges who are judged."""
