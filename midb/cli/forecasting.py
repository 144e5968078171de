"""The forecast of `--dry-run`, for people and for programs."""

from __future__ import annotations

import dataclasses

import orjson

from midb.agent.run.forecast import Forecast
from midb.agent.run.session import Session
from midb.dashboard.text import format_count, format_duration, pluralize


def describe(found: Forecast, session: Session) -> str:
    """The forecast as lines."""
    least, most = (format_duration(found.seconds[n]) for n in (0, 2))
    lines = [
        f"forecast for {pluralize(found.records, 'record')}, from {format_count(found.sampled)} spread over languages "
        "and lengths",
        f"tokens in   {_range(found.prompt_tokens)}",
        f"tokens out  {_range(found.completion_tokens)}",
        f"time        {least} to {most}, {pluralize(found.at_once, 'record')} at once",
        f"calls       {found.calls_per_record:.2f} a record, {found.verdicts_per_record:.2f} of them verdicts",
        f"verdicts    {_range(found.verdict_tokens)} of the tokens; {_describe_orders(found.judge_orders)}",
        f"outcome     {format_count(found.improved)} improved, {format_count(found.reverted)} reverted in the sample",
    ]
    if found.sampled < found.at_once:
        lines.append(
            f"The sample has fewer records than go at once: with all {format_count(found.at_once)} a call may take "
            "longer."
        )
    lines.append(f"Its replies are kept in {session.log.path}: the run does not pay for them again.")
    return "\n".join(lines)


def _describe_orders(orders: int) -> str:
    if orders > 1:
        return "each rewrite is judged in both orders (--judge-orders 1 asks once)"
    return "each rewrite is judged in one order"


def as_json(found: Forecast) -> str:
    """The forecast as one JSON object; ranges are [low, expected, high]."""
    return orjson.dumps({"event": "forecast"} | dataclasses.asdict(found)).decode()


def _range(bounds: tuple[int, int, int]) -> str:
    low, expected, high = bounds
    return f"{format_count(expected)}   ({format_count(low)} to {format_count(high)})"
