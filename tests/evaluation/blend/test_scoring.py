"""Replies against what people answered: exact, soft, weighted, as BLEnD defines them."""

from __future__ import annotations

import pytest

from midb.evaluation.blend.benchmark import AskedQuestion, CountryQuestion, PeoplesAnswer
from midb.evaluation.blend.lemmas import Lemmatizer
from midb.evaluation.blend.scoring import WRONG, clean_reply, score_reply

ANSWERS = (
    PeoplesAnswer((("es", "pollo frito"), ("en", "fried chicken")), 4),
    PeoplesAnswer((), 3),
    PeoplesAnswer((("es", "taco-dorado"), ("en", "taco")), 1),
)
QUESTION = CountryQuestion("q", "Mexico", "es", "¿Qué se come?", ANSWERS)
ASKED = AskedQuestion(QUESTION, "inst-4", "Lee esto.\n\nPregunta: ¿Qué se come?\nRespuesta:")


def find_lemmatizer(language: str) -> Lemmatizer:
    """Words without an s at their end, each with its language."""
    return lambda text: frozenset(f"{language} {word.rstrip('s.,')}" for word in text.split())


@pytest.mark.parametrize(
    ("reply", "exact", "weighted", "matched"),
    [
        ("Pollo frito.", 1, 1, "pollo frito"),
        ("Respuesta: pollo frito", 1, 1, "pollo frito"),
        ("Se come pollo frito", 0, 1, "pollo frito"),
        ("fritos son los pollos", 0, 1, "pollo frito"),
        ("chickens, all of them fried", 0, 1, "fried chicken"),
        ("un taco dorado", 0, 0.25, "taco-dorado"),
        ("TACO", 1, 0.25, "taco"),
        ("taco y pollo frito", 0, 1, "pollo frito"),
    ],
)
def test_the_most_frequent_answer_that_is_in_a_reply_counts(
    reply: str, exact: float, weighted: float, matched: str
) -> None:
    score = score_reply(ASKED, reply, find_lemmatizer)
    assert (score.exact, score.soft, score.weighted, score.matched) == (exact, 1, weighted, matched)


@pytest.mark.parametrize("reply", ["", " . ", "pollo", "paella", "Respuesta:", ASKED.wording])
def test_a_reply_without_an_answer_is_worth_nothing(reply: str) -> None:
    assert score_reply(ASKED, reply, find_lemmatizer) == WRONG


def test_a_label_is_taken_off_where_the_prompt_has_it() -> None:
    assert clean_reply("Respuesta: Sopa。", ASKED.wording) == "sopa"
    assert clean_reply("Nota: Sopa", ASKED.wording) == "nota: sopa"
    assert clean_reply(f"{ASKED.wording} Sopa", ASKED.wording) == "sopa"


def test_letters_that_have_another_case_in_azerbaijani_are_the_same() -> None:
    answers = (PeoplesAnswer((("az", "fındıq"), ("az", "iftar")), 1),)
    asked = AskedQuestion(CountryQuestion("q", "Azerbaijan", "az", "?", answers), "p", "?!")
    assert [score_reply(asked, reply, find_lemmatizer).exact for reply in ("FINDIQ", "İftar", "Iftar")] == [1, 1, 1]


def test_an_answer_with_a_capital_is_found_by_its_words_alone() -> None:
    answers = (PeoplesAnswer((("en", "LA"), ("en", "may")), 1),)
    asked = AskedQuestion(CountryQuestion("q", "US", "en", "?", answers), "p", "?!")
    found = {reply: score_reply(asked, reply, find_lemmatizer).matched for reply in ("By law.", "In LA", "la", "Maybe")}
    assert found == {"By law.": "", "In LA": "LA", "la": "LA", "Maybe": "may"}


def test_words_are_made_only_where_an_answer_does_not_stand_there_as_it_is() -> None:
    def refuse(language: str) -> Lemmatizer:
        def lemmatize(text: str) -> frozenset[str]:
            raise AssertionError(text)

        return lemmatize

    assert score_reply(ASKED, "pollo frito", refuse).soft == 1
