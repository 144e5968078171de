"""What can be said of students without a judge: losses on held-out texts, and what detectors see in their answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from midb.detectors import KindSelection
from midb.domain.pairs import InstructionPair
from midb.evaluation.data.examining import PairExaminer
from midb.evaluation.data.tallying import PER
from midb.evaluation.intervals import GroupedBootstrap, find_group
from midb.evaluation.models.answering import AnswerTurns
from midb.evaluation.proving.lessons import ProofPair, show_alone

#: Loss of one reference: nats, tokens; None where it is too long.
Loss = tuple[float, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFacts:
    """What there is to see of one answer.

    :param findings: of the detectors; None where it was not examined.
    :param own_language: whether it is in the language of its question; None where it is too short to tell.
    """

    row: str
    language: str
    findings: int | None
    own_language: bool | None
    whole: bool
    characters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredStudent:
    """All that was measured of one student, or of the base (side "").

    :param losses: by the set of references, in the order of its pairs.
    :param facts: by question and turn, in their order; None where there is no answer.
    """

    side: str
    seed: int
    losses: Mapping[str, Sequence[Loss]]
    answers: Sequence[AnswerTurns] = ()
    facts: Sequence[AnswerFacts | None] = field(default=())


def look_at_answers(answers: Sequence[AnswerTurns]) -> list[AnswerFacts | None]:
    """Examine each answer as a response to its question, by the detectors of a run."""
    examiner = PairExaminer(KindSelection.parse(()))
    facts: list[AnswerFacts | None] = []
    for one in answers:
        question = one.question
        for number, turn in enumerate(question.turns):
            if number >= len(one.turns):
                facts.append(None)
                continue
            answer = one.turns[number]
            pair = InstructionPair(instruction=turn, response=answer.text)
            found = examiner.examine(show_alone(question.name, question.row, question.language, pair))
            facts.append(
                AnswerFacts(
                    row=question.row, language=question.language,
                    findings=None if found.left else sum(found.findings_before.values()),
                    own_language=found.before.own_language, whole=answer.whole, characters=len(answer.text),
                )
            )  # fmt: skip
    return facts


@dataclass(frozen=True, slots=True)
class PairedSums:
    """The same thing measured of two sides: sums, and what they are divided by."""

    row: str
    language: str
    candidate: float
    baseline: float
    weight: float


def describe_difference(
    observations: Sequence[PairedSums], *, seed: int, resamples: int, scale: float = 1.0, share: bool = False
) -> list[dict[str, Any]]:
    """The figures of each language, and behind them of all together where there are several: both sides and their
    difference, candidate less baseline, with intervals over rows."""
    by_language: defaultdict[str, list[PairedSums]] = defaultdict(list)
    for one in observations:
        by_language[one.language].append(one)
    groups = [_describe(code, own, seed, resamples, scale, share) for code, own in sorted(by_language.items())]
    if len(groups) != 1:
        groups.append(_describe(None, observations, seed, resamples, scale, share))
    return groups


def _describe(
    language: str | None, observations: Sequence[PairedSums], seed: int, resamples: int, scale: float, share: bool
) -> dict[str, Any]:
    sums: tuple[defaultdict[int, float], ...] = (defaultdict(float), defaultdict(float), defaultdict(float))
    for one in observations:
        group = find_group(one.row)
        for held, value in zip(sums, (one.candidate, one.baseline, one.weight), strict=True):
            held[group] += value
    rows = len({one.row for one in observations})
    bootstrap = GroupedBootstrap(sorted(sums[2]), rows, seed=seed, resamples=resamples)
    figures = {
        "candidate": bootstrap.measure(sums[0], sums[2], scale=scale, share=share),
        "baseline": bootstrap.measure(sums[1], sums[2], scale=scale, share=share),
        "difference": bootstrap.compare(sums[0], sums[1], sums[2], scale),
    }
    shown = {name: figure.as_json() if figure else None for name, figure in figures.items()}
    return {"language": language, "n": len(observations), "rows": rows, **shown}


def compare_losses(
    pairs: Sequence[ProofPair],
    which: str,
    both: Sequence[tuple[MeasuredStudent, MeasuredStudent]],
    *,
    seed: int,
    resamples: int,
) -> dict[str, Any]:
    """Loss on one set of references, nats a token: the seeds together, and the difference of each alone.

    :param both: candidate and baseline of each seed.
    """
    observations: list[PairedSums] = []
    by_seed = []
    for candidate, baseline in both:
        own = [
            PairedSums(pair.row, pair.language, one[0], other[0], one[1])
            for pair, one, other in zip(pairs, candidate.losses[which], baseline.losses[which], strict=True)
            if one is not None and other is not None
        ]
        observations += own
        by_seed.append(_difference(own))
    return {"groups": describe_difference(observations, seed=seed, resamples=resamples), "by_seed": by_seed}


def compare_answers(
    both: Sequence[tuple[MeasuredStudent, MeasuredStudent]], *, seed: int, resamples: int
) -> dict[str, dict[str, Any]]:
    """What detectors find in the answers, for 1,000 of them, and the share that is in the language of its question."""
    findings: list[list[PairedSums]] = []
    kept: list[list[PairedSums]] = []
    for candidate, baseline in both:
        pairs = [
            (one, other)
            for one, other in zip(candidate.facts, baseline.facts, strict=True)
            if one is not None and other is not None
        ]
        findings.append(
            [
                PairedSums(one.row, one.language, one.findings, other.findings, 1)
                for one, other in pairs
                if one.findings is not None and other.findings is not None
            ]
        )
        kept.append(
            [
                PairedSums(one.row, one.language, one.own_language, other.own_language, 1)
                for one, other in pairs
                if one.own_language is not None and other.own_language is not None
            ]
        )
    return {
        "findings": {
            "groups": describe_difference(_join(findings), seed=seed, resamples=resamples, scale=PER),
            "by_seed": [_difference(own, PER) for own in findings],
        },
        "own_language": {
            "groups": describe_difference(_join(kept), seed=seed, resamples=resamples, share=True),
            "by_seed": [_difference(own) for own in kept],
        },
    }


def _join(lists: Iterable[Iterable[PairedSums]]) -> list[PairedSums]:
    return [one for each in lists for one in each]


def _difference(observations: Sequence[PairedSums], scale: float = 1.0) -> float | None:
    weight = sum(one.weight for one in observations)
    total = sum(one.candidate - one.baseline for one in observations)
    return round(scale * total / weight, 6) if weight else None


def describe_losses(measured: MeasuredStudent) -> dict[str, dict[str, Any] | None]:
    """The loss of one student on each set, nats a token, and of how many texts it is."""
    described: dict[str, dict[str, Any] | None] = {}
    for which, losses in measured.losses.items():
        there = [loss for loss in losses if loss is not None]
        tokens = sum(count for _, count in there)
        nats = sum(value for value, _ in there)
        described[which] = {"n": len(there), "tokens": tokens, "loss": round(nats / tokens, 6)} if tokens else None
    return described


def describe_answers(measured: MeasuredStudent) -> dict[str, Any]:
    """What the answers of one student are like."""
    there = [fact for fact in measured.facts if fact is not None]
    told = [fact.own_language for fact in there if fact.own_language is not None]
    count = len(there)
    return {
        "answers": count,
        "none": len(measured.facts) - count,
        "whole": sum(fact.whole for fact in there),
        "empty": sum(not fact.characters for fact in there),
        "findings": sum(fact.findings or 0 for fact in there),
        "language_told": len(told),
        "own_language": sum(told),
        "characters": round(sum(fact.characters for fact in there) / count, 1) if count else None,
    }
