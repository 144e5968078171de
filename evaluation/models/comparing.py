"""Two models by their answers: pairs for a judge, one for each turn, and figures of each turn and language."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from midb import __version__
from midb.domain.intervals import CONFIDENCE
from midb.domain.pairs import InstructionPair
from midb.evaluation.intervals import LEAST_ROWS
from midb.evaluation.models.answering import AnswerTurns
from midb.evaluation.pairwise.figures import describe_groups, write_notes
from midb.evaluation.pairwise.harm import LEVEL
from midb.evaluation.pairwise.judging import JudgedPair, JudgedTwice

#: Says how the JSON is laid out; names are added to it, never renamed or removed.
FORM = 1

#: Names of the sides, in this order.
SIDES = ("baseline", "candidate")

#: Which turn a pair is of, and the pair.
TurnPair = tuple[int, JudgedPair]


def pair_up(baseline: Sequence[AnswerTurns], candidate: Sequence[AnswerTurns]) -> tuple[list[TurnPair], Counter[str]]:
    """The answers of both to each turn that both answered, and why there is none of the others.

    A version has all that was asked so far, with the answers before as its input.
    """
    pairs: list[TurnPair] = []
    failed: Counter[str] = Counter()
    for one, other in zip(baseline, candidate, strict=True):
        question = one.question
        for number in range(len(question.turns)):
            if number >= min(len(one.turns), len(other.turns)):
                failed[one.failure or other.failure] += 1
                continue
            versions = tuple(
                (name, _show_turn(answers, number)) for name, answers in zip(SIDES, (one, other), strict=True)
            )
            pair = JudgedPair(
                item=f"{question.name} turn {number + 1}", language=question.language, row=question.row,
                versions=(versions[0], versions[1]),
            )  # fmt: skip
            pairs.append((number + 1, pair))
    return pairs, failed


def _show_turn(answers: AnswerTurns, number: int) -> InstructionPair:
    asked, said = answers.question.turns[: number + 1], answers.turns[:number]
    if not said:
        return InstructionPair(instruction=asked[0], response=answers.turns[0].text)
    return InstructionPair(
        instruction="\n\n".join(f"{place}. {text}" for place, text in enumerate(asked, start=1)),
        input="\n\n".join(f"Answer to {place}: {answer.text}" for place, answer in enumerate(said, start=1)),
        response=answers.turns[number].text,
    )


def compare_models(
    baseline: Sequence[AnswerTurns],
    candidate: Sequence[AnswerTurns],
    ask: Callable[[Sequence[JudgedPair]], Sequence[JudgedTwice | None]],
    *,
    about: Mapping[str, Any],
    notes: Sequence[str] = (),
    seed: int = 0,
    resamples: int = 1000,
    margin: float = 0.05,
) -> tuple[dict[str, Any], list[JudgedTwice]]:
    """Have each turn judged; answers that are the same need no judge.

    :param about: what names the models, the judge and the questions in the figures.
    """
    pairs, failed = pair_up(baseline, candidate)
    differing = [(turn, pair) for turn, pair in pairs if pair.versions[0][1] != pair.versions[1][1]]
    judged = [one for one in ask([pair for _, pair in differing]) if one is not None] if differing else []
    turn_of = {pair.item: turn for turn, pair in differing}
    turns = []
    said = list(notes)
    for turn in sorted({turn for turn, _ in pairs}):
        same: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for number, pair in pairs:
            if number == turn and pair.versions[0][1] == pair.versions[1][1]:
                same[pair.language][pair.row] += 1
        groups = describe_groups(
            [one for one in judged if turn_of[one.pair.item] == turn], same,
            Counter(pair.language for number, pair in differing if number == turn),
            seed=seed, resamples=resamples, margin=margin,
        )  # fmt: skip
        turns.append({"turn": turn, "groups": groups})
        said += [f"Turn {turn}: {note}" for note in write_notes(groups, margin)]
    if len(judged) < len(differing):
        said.append(f"Only {len(judged):,} of {len(differing):,} answers were judged: the figures are of those.")
    said += [f"{count:,} turns have no answer of one side: {code}." for code, count in failed.items()]
    for name, answers in zip(SIDES, (baseline, candidate), strict=True):
        if cut := sum(not answer.whole for one in answers for answer in one.turns):
            said.append(f"{cut:,} answers of the {name} did not end by themselves: they are judged as they are.")
    figures = {
        "form": FORM, "evaluates": "model", "midb_agent": __version__, **about, "questions": len(baseline),
        "answered_turns": len(pairs), "differing": len(differing),
        "judged": len(judged),
        "intervals": {
            "confidence": CONFIDENCE, "clusters": "question", "resamples": resamples, "seed": seed,
            "least_rows": LEAST_ROWS,
        },
        "tests": {"level": LEVEL, "correction": "Holm", "margin": margin},
        "turns": turns,
        "notes": said,
    }  # fmt: skip
    return figures, judged
