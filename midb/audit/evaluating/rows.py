"""Judgements and figures as rows, chained in each evaluation; the figures are the last link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from midb.audit.file import seals

#: What a run is called that evaluates.
KIND = "evaluation"

#: What may be evaluated: a run's corpora, two corpora by a judge, a judge, two models by a judge, models by what people
#: answered, and models that were trained on a corpus and on what a run made of it.
EVALUATED = ("data", "pairwise", "judge", "model", "blend", "proof")


def describe_evaluation(config: Any, corpus: str, parent: int | None) -> str:
    """What an evaluation is about, by its settings, for people; "" where the settings do not say.

    >>> describe_evaluation('{"evaluates": "model", "candidate": "a", "baseline": "b", "judge": "c"}', "", None)
    'model: a against b, judged by c'
    >>> describe_evaluation('{"evaluates": "data"}', "c.jsonl", 1), describe_evaluation("no JSON", "", None)
    ('data: c.jsonl, run 1', '')
    """
    try:
        told = orjson.loads(config)
    except (orjson.JSONDecodeError, TypeError):
        return ""
    if not isinstance(told, dict) or told.get("evaluates") not in EVALUATED:
        return ""
    sort, judge = told["evaluates"], told.get("judge")
    named = [str(told["candidate"])] if told.get("candidate") else [corpus] if corpus else []
    if told.get("baseline"):
        named = [f"{named[0] if named else ''} against {told['baseline']}"]
    if judge:
        named.append(str(judge) if sort == "judge" else f"judged by {judge}")
    if parent is not None:
        named.append(f"run {parent}")
    return f"{sort}: {', '.join(named)}"


@dataclass(frozen=True, slots=True)
class LoggedJudgement:
    """What a judge said of two versions of a pair, shown in one order.

    :param item: the pair, by a name that lasts.
    :param first: the side that was shown as A.
    :param preferred: a side, "tie", or "" where there was no usable verdict; ``detail`` says why.
    :param generation: row of the reply it was read from; None where no call was answered.
    """

    item: str
    language: str
    first: str
    preferred: str
    detail: str
    generation: int | None


def build_judgement_row(judgement: LoggedJudgement, number: int, run: int, previous: str) -> dict[str, Any]:
    """The row of a judgement, as the next link behind ``previous``."""
    values = asdict(judgement)
    reply = values.pop("generation")
    row = {"id": number, "run_id": run, **values, "generation_id": reply}
    return _chain("judgements", row, previous)


def build_figures_row(
    evaluates: str, figures: Mapping[str, Any], number: int, run: int, at: str, previous: str
) -> dict[str, Any]:
    """The row of an evaluation's figures, behind its last judgement."""
    text = orjson.dumps(figures).decode()
    row = {"id": number, "run_id": run, "evaluates": evaluates, "figures": text, "at": at}
    return _chain("evaluations", row, previous)


def _chain(table: str, row: dict[str, Any], previous: str) -> dict[str, Any]:
    link = seals.chain_hash(table, previous, seals.covered_values(table, row))
    return row | {"previous_hash": previous, "hash": link}
