"""Words of a text in the form in which a dictionary has them: by simplemma, and by kiwipiepy in Korean."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import unicodedata
from collections.abc import Callable, Iterable

import regex

from midb.domain.errors import UsageError

#: What installs the libraries.
EXTRA = "lemmas"

#: Languages of BLEnD that simplemma knows.
_BY_SIMPLEMMA = frozenset({"ar", "el", "en", "es", "fa", "id"})

#: Classes of Korean morphemes that are no word of their own: particles, endings, signs.
_NO_WORDS = ("J", "E", "S")

#: A word with its marks; the joiners of Persian and Indic scripts stand within words.
_WORD = regex.compile(r"[\w\u200c\u200d]+")

#: The words of a text.
Lemmatizer = Callable[[str], frozenset[str]]


def open_lemmatizer(language: str) -> Lemmatizer:
    """What makes words of a text in a language; words as they are written where no library knows the language.

    :raises UsageError: where a library that does is not installed.
    """
    if language == "ko":
        _require("kiwipiepy", "Korean words are told from their particles and endings by kiwipiepy")
        return _open_korean()
    if language in _BY_SIMPLEMMA:
        _require("simplemma", "words are brought into their basic form by simplemma")
        lemmatize: Callable[..., str] = importlib.import_module("simplemma").lemmatize
        return lambda text: _normalize(lemmatize(word, lang=language) for word in _WORD.findall(text))
    return lambda text: _normalize(_WORD.findall(text))


def describe_lemmatizer(language: str) -> str:
    """What makes words of texts in a language, with its version."""
    name = "kiwipiepy" if language == "ko" else "simplemma" if language in _BY_SIMPLEMMA else ""
    return f"{name} {importlib.metadata.version(name)}" if name else "none: words as they are written"


@functools.cache
def _open_korean() -> Lemmatizer:
    kiwi = importlib.import_module("kiwipiepy").Kiwi()

    def lemmatize(text: str) -> frozenset[str]:
        return _normalize(token.form for token in kiwi.tokenize(text) if not token.tag.startswith(_NO_WORDS))

    return lemmatize


def _require(name: str, what: str) -> None:
    if importlib.util.find_spec(name) is None:
        raise UsageError(
            f"{what}, which is not installed.", hint=f"pip install '.[{EXTRA}]' in the folder of midb-agent's source."
        )


def _normalize(words: Iterable[str]) -> frozenset[str]:
    """Without case and without acute accents, as BLEnD compares words."""
    plain = (unicodedata.normalize("NFD", word).replace("\N{COMBINING ACUTE ACCENT}", "") for word in words)
    return frozenset(word.casefold() for word in plain)
