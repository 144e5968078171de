"""What the figures say, in plain sentences: first of all whether doing nothing would have been better."""

from __future__ import annotations

from collections.abc import Mapping

from midb.domain.intervals import Interval
from midb.training.measuring.metrics import GroupFigures


def conclude(overall: GroupFigures) -> list[str]:
    """Sentences on all examples together."""
    return [*_compare_with_nothing(overall), *_tell_false_edits(overall), *_tell_difference(overall)]


def _compare_with_nothing(overall: GroupFigures) -> list[str]:
    """Whether the replies, and what a run would keep of them, are closer to the revision than the text as it was."""
    name = "chrf" if "gain" in overall.figures.get("chrf", {}) else "distance"
    label = "chrF, more is closer" if name == "chrf" else "edits for 100 characters, fewer is closer"
    lines = []
    for metric, what in ((name, "replies"), (f"{name}_run", "texts that a run would keep")):
        figures = overall.figures.get(metric, {})
        if "gain" not in figures:
            continue
        last, nothing = figures.get("after") or figures["before"], figures["nothing"]
        gain = figures["gain"] if name == "chrf" else _negate(figures["gain"])
        said = f"{last.value:.1f} against {nothing.value:.1f} ({label}; {describe(figures['gain'])}; n = {last.items})"
        if gain.value == 0:
            lines.append(f"On revisions, the {what} are as close to the revision as doing nothing is: {said}.")
        elif gain.value < 0:
            sure = "no better than doing nothing"
            if gain.high is not None and gain.high < 0:
                sure = "worse than doing nothing"
            lines.append(f"On revisions, the {what} are {sure}: {said}.")
        else:
            sure = "closer to the revision than doing nothing"
            if gain.low is None or gain.low <= 0:
                sure = "not surely closer to the revision than doing nothing"
            lines.append(f"On revisions, the {what} are {sure}: {said}.")
    return lines


def _negate(interval: Interval) -> Interval:
    low, high = interval.low, interval.high
    return Interval(
        -interval.value,
        None if high is None else -high,
        None if low is None else -low,
        interval.items,
        interval.clusters,
    )


def _tell_false_edits(overall: GroupFigures) -> list[str]:
    figures: Mapping[str, Interval] = overall.figures.get("false_edits", {})
    last = figures.get("after") or figures.get("before")
    if last is None or not last.value:
        return []
    changed = round(last.value * last.items / 100)
    return [f"Of {last.items} clean pairs {changed} were changed, where nothing was wrong."]


def _tell_difference(overall: GroupFigures) -> list[str]:
    """Whether the adapter did harm to the form of replies, which it should teach first."""
    figures = overall.figures.get("well_formed", {})
    difference = figures.get("difference")
    if difference is None or difference.high is None or difference.high >= 0:
        return []
    return [f"With the adapter fewer replies have the form that was asked for: {describe(difference)}."]


def describe(interval: Interval, *, signed: bool = True) -> str:
    """A figure with its bounds, for people."""
    sign = "+" if signed else ""
    if interval.low is None or interval.high is None:
        return f"{interval.value:{sign}.1f}"
    return f"{interval.value:{sign}.1f}, 95 % interval {interval.low:{sign}.1f} to {interval.high:{sign}.1f}"
