"""What is measured: each figure as a ratio of sums over replies, with its interval, by language and pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from midb.domain.intervals import ClusterBootstrap, Interval, Part
from midb.locales.measured import wilson
from midb.training.examples.example import ExampleKind, TrainingExample
from midb.training.measuring.judging import Closeness, Observation, Reference

#: The sides that are compared: the model as it is, and with its adapter.
SIDES = ("before", "after")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCase:
    """One example and what came of it.

    :param observed: by side; a side that got no reply is missing.
    :param losses: by side: the sum over the tokens of the right reply, and how many they are.
    """

    example: TrainingExample
    observed: dict[str, Observation]
    reference: Reference | None = None
    losses: dict[str, tuple[float, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure.

    :param better: whether more of it is better (1), less (-1), or neither by itself (0).
    :param scale: what a ratio is multiplied by, so that people can read it.
    :param part: a case's part of it on a side.
    :param share: each reply either has it or has it not.
    :param compared: what it is held against besides the model, by name: a case's part of each.
    """

    name: str
    label: str
    better: int
    part: Callable[[MeasuredCase, str], Part]
    scale: float = 1.0
    share: bool = False
    compared: dict[str, Callable[[MeasuredCase], Part]] = field(default_factory=dict)


def _get_chrf(closeness: Closeness) -> float | None:
    return closeness.chrf


def _get_distance(closeness: Closeness) -> float | None:
    return closeness.distance


def _get_lengths(case: MeasuredCase, side: str) -> Part:
    observed = case.observed.get(side)
    if observed is None or observed.lengths is None or case.reference is None or not observed.lengths[1]:
        return None
    return float(observed.lengths[0]), float(observed.lengths[1])


def _get_tokens(case: MeasuredCase, side: str) -> Part:
    observed = case.observed.get(side)
    return (float(observed.tokens), float(observed.steps)) if observed and observed.steps else None


def _get_loss(case: MeasuredCase, side: str) -> Part:
    found = case.losses.get(side)
    return (found[0], float(found[1])) if found and found[1] else None


def _get_revision_lengths(case: MeasuredCase) -> Part:
    if case.reference is None or not case.reference.lengths[1]:
        return None
    return float(case.reference.lengths[0]), float(case.reference.lengths[1])


def _make_share(
    name: str, label: str, better: int, find: Callable[[Observation], bool | None], *kinds: ExampleKind
) -> Metric:
    """A share, in per cent, of the replies to examples of some kinds; of all kinds where none is named."""

    def part(case: MeasuredCase, side: str) -> Part:
        observed = case.observed.get(side)
        if observed is None or (kinds and case.example.kind not in kinds):
            return None
        found = find(observed)
        return None if found is None else (float(found), 1.0)

    return Metric(name, label, better, part, 100, share=True)


def _make_closeness(
    name: str,
    label: str,
    better: int,
    of: Callable[[Observation], Closeness | None],
    value: Callable[[Closeness], float | None],
    scale: float,
) -> Metric:
    """How close replies to revisions come to them, next to doing nothing and to rules alone."""

    def part(case: MeasuredCase, side: str) -> Part:
        observed = case.observed.get(side)
        found = of(observed) if observed else None
        return _one(value(found)) if found else None

    compared = {
        "nothing": lambda case: _one(value(case.reference.nothing)) if case.reference else None,
        "rules": lambda case: _one(value(case.reference.rules)) if case.reference else None,
    }
    return Metric(name, label, better, part, scale, compared=compared)


def _one(value: float | None) -> Part:
    return None if value is None else (value, 1.0)


_UNCHANGED, _DEFECT, _REVISION = ExampleKind.UNCHANGED, ExampleKind.DEFECT, ExampleKind.REVISION

METRICS = (
    Metric("loss", "loss", -1, _get_loss),
    _make_share("well_formed", "well-formed replies", 1, lambda seen: not seen.unusable),
    _make_share("stops", "replies that stop", 1, lambda seen: seen.stopped),
    _make_share("language_kept", "language kept", 1, lambda seen: seen.language_kept),
    _make_share("left_alone", "clean pairs left alone", 1, lambda seen: seen.changed is False, _UNCHANGED),
    _make_share("false_edits", "clean pairs changed", -1, lambda seen: seen.changed is True, _UNCHANGED),
    _make_share("repaired", "defects exactly repaired", 1, lambda seen: seen.exact, _DEFECT),
    _make_share("accepted", "changes the checks accept", 1, lambda seen: seen.accepted),
    _make_closeness("chrf", "chrF, reply", 1, lambda seen: seen.reply, _get_chrf, 1),
    _make_closeness("chrf_run", "chrF, what a run keeps", 1, lambda seen: seen.run, _get_chrf, 1),
    _make_closeness("distance", "edits to the revision, reply", -1, lambda seen: seen.reply, _get_distance, 100),
    _make_closeness("distance_run", "edits to the revision, run", -1, lambda seen: seen.run, _get_distance, 100),
    _make_share("copies", "copies of faulty pairs", -1, lambda seen: seen.changed is False, _DEFECT, _REVISION),
    Metric("length_ratio", "length after / before", 0, _get_lengths, compared={"revision": _get_revision_lengths}),
    Metric("tokens_per_step", "tokens a step, with drafts", 1, _get_tokens),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFigures:
    """The figures of the cases of a language and pass; None for all of them.

    :param figures: metric -> side or what it is compared with -> interval. "difference" is after less before,
        "gain" what is better on the last side than in doing nothing.
    """

    language: str | None
    pass_: str | None
    examples: int
    rows: int
    kinds: dict[str, int]
    figures: dict[str, dict[str, Interval]]


def measure_groups(cases: Sequence[MeasuredCase], *, seed: int = 0, resamples: int = 1000) -> list[GroupFigures]:
    """The figures of all cases, of each pass, of each language, and of each language and pass."""
    found = []
    for language, pass_ in _list_groups(cases):
        own = [
            case
            for case in cases
            if language in (None, case.example.language) and pass_ in (None, case.example.pass_.value)
        ]
        found.append(_measure(language, pass_, own, seed, resamples))
    return found


def _list_groups(cases: Sequence[MeasuredCase]) -> Iterator[tuple[str | None, str | None]]:
    languages = sorted({case.example.language for case in cases})
    passes = sorted({case.example.pass_.value for case in cases})
    yield None, None
    if len(passes) > 1:
        yield from ((None, pass_) for pass_ in passes)
    if len(languages) > 1:
        yield from ((language, None) for language in languages)
    if len(languages) > 1 and len(passes) > 1:
        both = {(case.example.language, case.example.pass_.value) for case in cases}
        yield from sorted(both)


def _measure(
    language: str | None, pass_: str | None, cases: Sequence[MeasuredCase], seed: int, resamples: int
) -> GroupFigures:
    bootstrap = ClusterBootstrap([case.example.row for case in cases], resamples=resamples, seed=seed)
    figures: dict[str, dict[str, Interval]] = {}
    for metric in METRICS:
        parts = {side: [_scale(metric.part(case, side), metric.scale) for case in cases] for side in SIDES}
        others = {name: [_scale(part(case), metric.scale) for case in cases] for name, part in metric.compared.items()}
        found = {name: bootstrap.measure(values) for name, values in (parts | others).items()}
        found["difference"] = bootstrap.compare(parts["after"], parts["before"])
        if metric.share:
            found = {name: one and _bound_extreme(one, name, metric.scale) for name, one in found.items()}
        if "nothing" in others:
            last = parts["after"] if any(part is not None for part in parts["after"]) else parts["before"]
            found["gain"] = bootstrap.compare(last, others["nothing"])
        kept = {name: interval for name, interval in found.items() if interval is not None}
        if any(side in kept for side in SIDES):
            figures[metric.name] = kept
    return GroupFigures(
        language=language,
        pass_=pass_,
        examples=len(cases),
        rows=len({case.example.row for case in cases}),
        kinds=dict(Counter(case.example.kind.value for case in cases)),
        figures=figures,
    )


def _bound_extreme(interval: Interval, name: str, scale: float) -> Interval:
    """The interval of a share of nought or all, which every draw gives again, however few the rows: Wilson's, with each
    row for one observation. Of a difference that is the same in every draw nothing is known."""
    if interval.low is None or interval.low != interval.high:
        return interval
    if name == "difference" or interval.value not in (0.0, scale):
        return replace(interval, low=None, high=None)
    low, high = wilson(interval.clusters if interval.value else 0, interval.clusters)
    return replace(interval, low=low * scale, high=high * scale)


def _scale(part: Part, scale: float) -> Part:
    return None if part is None else (part[0] * scale, part[1])


def count_defects(cases: Sequence[MeasuredCase]) -> list[dict[str, Any]]:
    """Of each kind of defect that was put in: how many there were, and how many were exactly repaired on each side."""
    kinds = sorted({(case.example.defect, case.example.pass_.value) for case in cases if case.example.defect})
    rows = []
    for kind, pass_ in kinds:
        own = [case for case in cases if (case.example.defect, case.example.pass_.value) == (kind, pass_)]
        repaired = {
            side: sum(case.observed[side].exact for case in own if side in case.observed)
            for side in SIDES
            if any(side in case.observed for case in own)
        }
        rows.append({"kind": kind, "pass": pass_, "examples": len(own), **repaired})
    return rows


def count_reasons(cases: Sequence[MeasuredCase]) -> dict[str, dict[str, dict[str, int]]]:
    """Why replies could not be used, and why changes were refused, by side and reason."""
    return {
        side: {
            "unusable": _count(case.observed[side].unusable for case in cases if side in case.observed),
            "refused": _count(case.observed[side].refused for case in cases if side in case.observed),
        }
        for side in SIDES
        if any(side in case.observed for case in cases)
    }


def _count(reasons: Iterator[str]) -> dict[str, int]:
    return dict(Counter(reason for reason in reasons if reason).most_common())
