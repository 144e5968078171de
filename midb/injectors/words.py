"""What injectors know about languages: texts that scaffolds, pages, models and translators leave, in words.toml.

These are written from how the defects look in the wild, apart from the tables that detectors go by.
"""

from __future__ import annotations

import functools
import tomllib
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

#: Animals as an English list names them; every language has the same ones in this order.
ANIMALS = (
    "bear", "bee", "bird", "bull", "cat", "cow", "camel", "crow",
    "snake", "sheep", "spider", "swan", "fish", "fox", "frog", "fly",
)  # fmt: skip


class LeftWords(BaseModel):
    """What is left in texts of one language.

    ``keywords``: what an English keyword of program code becomes. ``path_word``: what a translator makes of a part of
    an address. ``refusals``: whole answers of a model that declines. ``announced``: lines before a translation;
    ``noted``: a note behind it. ``unsourced``: the note of an encyclopedia that a source is missing. ``units``: what
    stands for miles, pounds and degrees Fahrenheit after a number. ``paragraph``: some sentences of the language.
    ``currency``: how prices are marked; ``dollars``: the word for them behind a number. ``names``: whom forms and
    examples name; ``english_names``: John Smith and John Doe by their sound. ``animals``: those of ``ANIMALS``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    keywords: dict[str, str]
    path_word: str
    placeholder: str
    no_input: str
    refusals: tuple[str, ...]
    announced: tuple[str, ...]
    noted: str
    regenerate: str
    unsourced: str
    units: dict[str, str]
    paragraph: str
    currency: tuple[str, ...]
    dollars: str
    names: tuple[str, ...]
    english_names: tuple[str, ...] = ()
    animals: tuple[str, ...]


@functools.cache
def words_of(language: str) -> LeftWords | None:
    """The words of a language, ``None`` for one that is not known. The file is read once per process."""
    table = _tables().get(language)
    return LeftWords.model_validate(table) if table else None


@functools.cache
def _tables() -> dict[str, object]:
    return tomllib.loads((files("midb.injectors") / "words.toml").read_text(encoding="utf-8"))
