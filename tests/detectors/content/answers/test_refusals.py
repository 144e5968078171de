"""Responses that only say that they cannot."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, respond

from midb.detectors.content.answers.refusals import REFUSAL, RefusalWords
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load

KIND = [REFUSAL.name]
MODEL = "Als Sprachmodell kann ich das leider nicht beantworten."
REGRET = "Es tut mir leid, aber dabei kann ich dir nicht helfen."
POEM = respond("The leaves are falling.", "Write a poem.")


def find(
    response: str, examine: Examine, task: str = "Schreibe ein Gedicht.", source: InstructionPair | None = None
) -> list[str]:
    return evidence(examine(respond(response, task), "de", source=source, kinds=KIND)[0])


@pytest.mark.parametrize("source", [None, POEM])
def test_what_a_refusal_says(source: InstructionPair | None, examine: Examine) -> None:
    assert find(MODEL, examine, source=source) == ['speaks as a model ("Als Sprachmodell") instead of answering']
    assert find(REGRET, examine, source=source) == ['declines ("tut mir leid") instead of answering']
    english = "I'm sorry, but I can't help with that."
    assert find(english, examine, source=source) == ['declines ("sorry") instead of answering']


@pytest.mark.parametrize(
    "response",
    [
        "Sprachmodelle lernen aus Texten.",  # about models
        "Es tut mir leid, dass du krank bist.",  # regret without refusing
        "Ich kann dir nicht helfen, sagte der Wirt, und ging.",  # neither regret nor a model
        MODEL + " Ein Gedicht folgt trotzdem." + " Das Laub fällt leise auf den Weg." * 12,  # more than a refusal
    ],
)
def test_what_is_no_refusal(response: str, examine: Examine) -> None:
    assert find(response, examine) == []


def test_where_the_source_answers_a_refusal_may_be_longer(examine: Examine) -> None:
    longer = MODEL + " Ich bin dafür nicht gemacht, und es liegt mir fern." * 7
    assert find(longer, examine) == []
    assert len(find(longer, examine, source=POEM)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "As an AI language model, I cannot do that.",
        "I am sorry, I cannot help.",
        "Unfortunately, that is not possible.",
    ],
)
def test_a_source_that_refuses_is_translated_rightly(source: str, examine: Examine) -> None:
    assert find(MODEL, examine, source=respond(source)) == []


@pytest.mark.parametrize(
    "task",
    ["Kann eine KI träumen?", "Was ist ChatGPT?", "Schreibe eine Entschuldigung.", 'Wiederhole: "Sorry, I cannot."'],
)
def test_a_task_about_models_or_regret_may_be_answered_so(task: str, examine: Examine) -> None:
    assert find(MODEL, examine, task) == []


def test_every_language_has_words_for_it() -> None:
    for code in LANGUAGES:
        section = load(code).get(RefusalWords)
        assert section is not None
        patterns = (section.itself_pattern, section.unable_pattern, section.regrets_pattern, section.deeds_pattern)
        assert not any(pattern.search("") for pattern in patterns), (
            f"{code}: a pattern that finds nothing in particular"
        )
