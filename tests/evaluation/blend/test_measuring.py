"""Figures of replies: by country and language, paired by question, what is missing said."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from blend_files import write_blend

from midb.agent.engines.protocol import FinishReason
from midb.evaluation.blend import measuring
from midb.evaluation.blend.benchmark import AskedIn, AskedQuestion, BlendSet, read_blend, word_questions
from midb.evaluation.blend.lemmas import Lemmatizer
from midb.evaluation.blend.measuring import ScoredReply, measure_blend, score_answers
from midb.evaluation.models.answering import Answer, AnswerTurns

Say = Callable[[AskedQuestion], str | None]


@pytest.fixture(autouse=True)
def plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures name what makes words; here that is nothing."""
    monkeypatch.setattr(measuring, "describe_lemmatizer", lambda language: "blanks")


def split(language: str) -> Lemmatizer:
    return lambda text: frozenset(text.split())


def answer(asked: list[AskedQuestion], say: Say, finish: FinishReason = FinishReason.STOP) -> list[AnswerTurns]:
    made = []
    for one in asked:
        said = say(one)
        turns = () if said is None else (Answer(said, finish),)
        made.append(AnswerTurns(one.as_question(), turns, "timeout" if said is None else ""))
    return made


def ask(folder: Path, *says: Say, mode: AskedIn = AskedIn.OWN, finish: FinishReason = FinishReason.STOP) -> tuple[
    BlendSet, list[ScoredReply]
]:  # fmt: skip
    read = read_blend(write_blend(folder), asked_in=mode)
    asked = word_questions(read.questions, read.prompts, ["inst-4", "pers-3"])
    roles = ("baseline", "candidate") if len(says) == 2 else ("candidate",)
    return read, score_answers(
        asked, {role: answer(asked, say, finish) for role, say in zip(roles, says, strict=True)}, split
    )


def measure(read: BlendSet, scored: list[ScoredReply], mode: AskedIn = AskedIn.OWN) -> dict[str, Any]:
    figures = measure_blend(scored, read, asked_in=mode, about={"candidate": "new"}, resamples=100)
    read_again: dict[str, Any] = json.loads(json.dumps(figures))
    return read_again


def right(one: AskedQuestion) -> str:
    return f"answer{one.about.id[2:]}"


def second(one: AskedQuestion) -> str:
    return f"It is other{one.about.id[2:]}."


def test_one_model_by_country_and_all_together(tmp_path: Path) -> None:
    figures = measure(*ask(tmp_path, lambda one: right(one) if one.prompt == "inst-4" else second(one)))
    assert [(group["country"], group["language"], group["scored"]) for group in figures["groups"]] == [
        ("Northern_Nigeria", "ha", 24), ("US", "en", 24), (None, "own", 48),
    ]  # fmt: skip
    scores = figures["groups"][0]["candidate"]
    assert (scores["exact"]["value"], scores["soft"]["value"], scores["weighted"]["value"]) == (0.5, 1, 0.625)
    assert "difference" not in figures["groups"][0]
    assert figures["groups"][0]["left_out"] == {
        "3 people or more said that there is no answer, or that it does not apply": 1
    }
    assert figures["replies"] == 2 * 48
    assert any("left out: 2 x 3 people or more" in note for note in figures["notes"])


def test_a_difference_is_paired_by_question(tmp_path: Path) -> None:
    """Two models who are right about the same half, and one of them about one question more."""

    def half(one: AskedQuestion) -> str:
        return right(one) if int(one.about.id[2:]) % 2 else "?"

    def more(one: AskedQuestion) -> str:
        return right(one) if one.about.id == "q-0" else half(one)

    group = measure(*ask(tmp_path, half, more))["groups"][0]
    assert group["difference"]["soft"]["value"] == pytest.approx(1 / 24, abs=1e-5)
    widths = {part: group[part]["soft"]["high"] - group[part]["soft"]["low"] for part in ("baseline", "difference")}
    assert widths["difference"] < widths["baseline"] / 2


def test_intervals_of_differences_hold_the_truth(tmp_path: Path) -> None:
    """Two models that are equally good on average differ by nought."""
    held = 0
    for seed in range(20):
        says = [partial(guess, random.Random(2 * seed + number)) for number in range(2)]
        found = measure(*ask(tmp_path, *says))["groups"][1]["difference"]["soft"]
        held += found["low"] <= 0 <= found["high"]
    assert held >= 16


def guess(chance: random.Random, one: AskedQuestion) -> str:
    """Right in one of two cases."""
    return right(one) if chance.random() < 0.5 else "?"


def test_a_question_without_an_answer_is_in_no_rate_of_either_model(tmp_path: Path) -> None:
    read, scored = ask(tmp_path, right, lambda one: None if one.about.id == "q-3" else right(one))
    figures = measure(read, scored)
    assert [(group["questions"], group["scored"]) for group in figures["groups"]] == [(24, 23), (24, 23), (48, 46)]
    assert "4 replies of the candidate are missing (timeout): those questions are in no rate." in figures["notes"]
    assert scored[-1].describe()["country"] == "US"
    missing = next(one for one in scored if one.score is None).describe()
    assert (missing["soft"], missing["finish"]) == (None, "timeout")


def test_english_and_own_languages_are_never_one_figure(tmp_path: Path) -> None:
    figures = measure(*ask(tmp_path, right, mode=AskedIn.BOTH), AskedIn.BOTH)
    assert [(group["country"], group["language"], group["questions"]) for group in figures["groups"]] == [
        ("Northern_Nigeria", "ha", 24), ("Northern_Nigeria", "en", 24), ("US", "en", 24), (None, "own", 48),
        (None, "english", 48),
    ]  # fmt: skip


def test_what_a_reader_has_to_know(tmp_path: Path) -> None:
    notes = measure(*ask(tmp_path, lambda one: " ", right, finish=FinishReason.LENGTH))["notes"]
    assert "96 replies of the baseline are empty, and count as wrong." in notes
    assert "96 replies of the candidate reached the bound on their tokens: they are scored as they are." in notes
    assert any(note.startswith("These are 2 comparisons") for note in notes)
