"""Parts of proofs: corpora of pairs that a booster changed, students whose losses are known, and figures of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from midb.agent.engines.protocol import FinishReason, Message
from midb.agent.engines.tokens import RequestRefused
from midb.domain.pairs import InstructionPair
from midb.evaluation.models.answering import Answer, AnswerTurns
from midb.evaluation.models.questions import Question
from midb.evaluation.pairwise.aligning import Alignment
from midb.evaluation.pairwise.judging import JudgedPair
from midb.evaluation.proving.assembling import assemble
from midb.evaluation.proving.lessons import Lessons, list_references, make_lessons
from midb.evaluation.proving.measuring import MeasuredStudent, look_at_answers

#: Where the booster changes something: each fourth row.
EVERY = 4

RAW = "Es sind {number},5 Kilometer bis zur Stadt. Man fährt am besten mit dem Zug ."
BOOSTED = "Es sind {number},5 Kilometer bis zur Stadt. Man fährt am besten mit dem Zug."
CONTROL = "Es sind {number},5 Kilometer bisz ur Stadt. Man fährt am besten mit dem Zug"


class LetterEncoder:
    """One token for each letter. What holds a NUL is refused."""

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        text = "".join(message.content for message in messages)
        if "\0" in text:
            raise RequestRefused("a NUL", code="refused")
        return list(range(len(text)))

    def encode_reference(self, text: str) -> list[int]:
        return list(range(len(text)))


def write_pair(number: int, text: str) -> InstructionPair:
    """A pair whose response is ``text`` with its number."""
    return InstructionPair(
        instruction=f"Wie weit ist es bis zur Stadt Nummer {number}?", response=text.format(number=number)
    )


def align_rows(rows: int, text: str = BOOSTED, languages: Sequence[str] = ("de",)) -> Alignment:
    """A corpus and another side of it, in which each fourth row is ``text``."""
    found = Alignment()
    for number in range(rows):
        for language in languages:
            before = write_pair(number, RAW if number % EVERY == 0 else BOOSTED)
            after = write_pair(number, text) if number % EVERY == 0 else before
            pair = JudgedPair(
                item=f"{language}-{number}", language=language, row=f"number {number}",
                versions=(("raw", before), ("boosted", after)),
            )  # fmt: skip
            found.every.append((0, pair))
            if before != after:
                found.differing.append(pair)
    return found


def teach(rows: int = 120, *, holdout: float = 0.3, control: bool = True, **more: Any) -> Lessons:
    """The lessons of such a corpus."""
    return make_lessons(
        align_rows(rows), align_rows(rows, CONTROL) if control else None, LetterEncoder(), longest=999, holdout=holdout,
        **more,
    )  # fmt: skip


def answer_all(questions: Sequence[Question], text: str) -> list[AnswerTurns]:
    """Answers to all of them, each the same."""
    return [AnswerTurns(one, tuple(Answer(text, FinishReason.STOP) for _ in one.turns)) for one in questions]


def measure(
    lessons: Lessons, side: str, loss: float, *, seed: int = 0, answer: str = "Ja, so ist es."
) -> MeasuredStudent:
    """A student whose loss is about ``loss`` nats a token, another one for each text and side."""
    step = ord(side[0]) % 7 + 1 if side else 4
    losses = {
        which: [((loss + 0.01 * (step * number % 5)) * 10, 10) for number, _ in enumerate(pairs)]
        for which, pairs in list_references(lessons).items()
    }
    questions = [Question(one.name, one.language, one.row, ("Wie weit ist es?",)) for one in lessons.held_out]
    answers = answer_all(questions, answer)
    return MeasuredStudent(side=side, seed=seed, losses=losses, answers=answers, facts=look_at_answers(answers))


def describe_about(
    seeds: Sequence[int], sides: Sequence[str], parameters: int, judge: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What names everything in the figures."""
    taken = {"steps": 9, "tokens": 1000, "seconds": 5.0, "device": "cpu", "skipped": 0, "sha256": "ab" * 32}
    made = {"sha256": "cd" * 32, "pairs_changed": 30, "edits": 31}
    return {
        "at": "2026-01-02T03:04:05+00:00",
        "corpus": {"name": "c|<b>.jsonl", "sha256": "ef" * 32},
        "boosted": {"name": "boosted.jsonl", "made": "here", **made},
        "control": {"name": "control.jsonl", "made": "random", **made} if "control" in sides else None,
        "base": {"name": "tiny", "sha256": "12" * 32, "parameters": parameters}, "recipe": {"lr": 0.001, "rank": 16},
        "seed": 0, "seeds": list(seeds), "judge": judge,
        "questions": {"asked": 36, "from": "held-out instructions", "most_tokens": 64, "answered_on": "tiny on cpu"},
        "trained": {(side, seed): taken for side in sides for seed in seeds},
        "cost": {
            "training": {"students": 3, "tokens": 3000, "seconds": 15.0},
            "models": [{"engine": f"own tiny sha256:{'ab' * 32}", "calls": 36, "prompt_tokens": 900,
                        "completion_tokens": 800, "seconds": 9.5}],
        },
        "versions": {"midb-agent": "0"}, "notes": ["A note."],
    }  # fmt: skip


def make_figures(
    losses: Mapping[str, float] | None = None, *, parameters: int = 2_000_000_000, seeds: int = 3,
    judged: Mapping[tuple[str, str], Mapping[str, Any]] | None = None, judge: Mapping[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Figures of students by their losses: those of a proof that says something, unless other ones are given."""
    losses = losses or {"raw": 3.0, "boosted": 2.9, "control": 3.1}
    lessons = teach(control="control" in losses)
    students = [
        measure(lessons, side, loss + 0.001 * seed, seed=seed) for seed in range(seeds) for side, loss in losses.items()
    ]
    return assemble(
        lessons, list_references(lessons), measure(lessons, "", 4.0), students, judged or {},
        about=describe_about(range(seeds), list(losses), parameters, judge), seed=0, resamples=100,
    )  # fmt: skip
