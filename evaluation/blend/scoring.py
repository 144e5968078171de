"""Whether a reply is what people answered: as BLEnD defines its exact and its soft match."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

from midb.evaluation.blend.benchmark import AskedQuestion
from midb.evaluation.blend.lemmas import Lemmatizer

#: Signs that stand for others, as BLEnD reads replies, and letters of Azerbaijani whose case is not that of English.
_SIGNS = str.maketrans({"：": ":", "、": ",", "，": ",", "。": ".", "İ": "i", "ı": "i"})

_LABEL = re.compile(r"\w+:(?=\s)")


@dataclass(frozen=True, slots=True)
class ReplyScore:
    """What a reply is worth, each from 0 to 1.

    :param exact: 1 where it is one of the answers, letter by letter.
    :param soft: 1 where an answer is in it (SEM-B).
    :param weighted: votes for that answer, as a share of those for the most frequent one (SEM-W).
    :param matched: the answer that was found; "" for none.
    """

    exact: float
    soft: float
    weighted: float
    matched: str = ""


WRONG = ReplyScore(0.0, 0.0, 0.0)


def score_reply(asked: AskedQuestion, reply: str, find_lemmatizer: Callable[[str], Lemmatizer]) -> ReplyScore:
    """Hold a reply against what people answered, the most frequent answer first."""
    text = clean_reply(reply, asked.wording)
    if not text:
        return WRONG
    answers = asked.about.answers
    words = functools.cache(lambda language: find_lemmatizer(language)(text))
    most = max(answer.votes for answer in answers)
    for answer in answers:
        for language, name in answer.spellings:
            if contains(text, name, functools.partial(words, language), find_lemmatizer(language)):
                exact = any(_fold(other).strip(".") == text for one in answers for _, other in one.spellings)
                return ReplyScore(float(exact), 1.0, answer.votes / most, name)
    return WRONG


def clean_reply(reply: str, wording: str) -> str:
    """A reply without the prompt and without its label ("Answer:"), where the prompt ends in one like it.

    >>> clean_reply("Answer: Kimchi.", "Question: What? Answer:")
    'kimchi'
    """
    text = _fold(reply.replace(wording, ""))
    label = _LABEL.match(text)
    if label and label[0].rstrip(":") in _fold(wording):
        text = text[label.end() :]
    return text.strip().strip(".").strip()


def _fold(text: str) -> str:
    return text.translate(_SIGNS).casefold().strip()


def contains(text: str, name: str, find_words: Callable[[], frozenset[str]], lemmatize: Lemmatizer) -> bool:
    """Whether a name stands in a text, also with hyphens for blanks, or each of its words does, in whatever form.

    The text has no capitals, so that a name with one is found by its words alone, as in the benchmark's own scripts:
    "LA" does not stand in "law", nor "May" in "maybe".

    :param find_words: the text's words; it is called only where the name does not stand there as it is.
    """
    written = name.translate(_SIGNS)
    if written in text or written.replace("-", " ") in text or written.replace(" ", "-") in text:
        return True
    wanted = lemmatize(_fold(name))
    return bool(wanted) and wanted <= find_words()
