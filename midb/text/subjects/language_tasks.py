"""Tasks that foreign words belong to: translations, questions of grammar, rhymes, titles, quotations."""

from __future__ import annotations

import functools
import re

from midb.locales import LocaleSection
from midb.text.inspection import Inspection
from midb.text.words import holds_any


class LanguageTasks(LocaleSection, table="language_tasks"):
    """Parts of words, in lower case, by which a text says what it is about.

    ``languages``: their names, translation. ``no_languages``: phrases with such words in them that are about none
    ("programming language"). ``material``: what foreign words may be the material of.
    """

    languages: tuple[str, ...]
    material: tuple[str, ...]
    no_languages: tuple[str, ...] = ()

    def leave_out(self, text: str) -> str:
        """A text in lower case without the phrases that are about no language."""
        for phrase in self.no_languages:
            text = text.replace(phrase, " ")
        return text


# fmt: off
#: The same for the instruction of the English source, and for one that was left in English.
_OF_SOURCE = LanguageTasks(
    languages=(
        "english", "translat", "french", "spanish", "german", "italian", "latin", "chinese", "japanese", "russian",
        "greek", "language",
    ),
    material=(
        "gramma", "spell", "letter", "synonym", "antonym", "rhym", "vowel", "consonant", "syllab", "speech", "verb",
        "noun", "adjective", "pronoun", "sentence", "string", "palindrome", "anagram", "idiom", "proverb", "quot",
        "cite", "citation", "poem", "song", "lyric", "title", "slogan", "alphabet", "acronym", "abbreviation", "word",
        "phrase", "expression", "punctuat", "error", "mistake", "correct", "tense", "hashtag", "name",
    ),
)
# fmt: on


#: Phrases of English with "language" in them that are about none; what a language of its own says is not known.
_NO_LANGUAGE = re.compile(
    r"\b(?:plain|simple|simpler|simplified|easy|body|sign|programming|natural|figurative|descriptive|everyday|formal|informal"
    r"|poetic|vivid|persuasive|professional|query|markup|modeling|large|inclusive|respectful|polite|clear|concise|creative"
    r"|colloquial|technical|layman['’]?s) languages?\b"
)


class LanguageTask:
    """What the instruction of one pair says about the languages that may stand in it. Nothing is read before asked."""

    #: Whether an instruction that was left in English is read by English words.
    reads_english = True

    def __init__(self, inspection: Inspection, section: LanguageTasks) -> None:
        self._inspection = inspection
        self._section = section

    @functools.cached_property
    def about_languages(self) -> bool:
        """Whether the task is one of translation, or about some language.

        The source knows better: in "plain language" no language is meant, and a translation has the same word for it.
        """
        source = self._inspection.source
        original = ((source.instruction if source else None) or "").lower()
        bare = _NO_LANGUAGE.sub("", original) if "language" in original else original
        if bare != original and not holds_any(bare, _OF_SOURCE.languages):
            return False
        return self._mentions(self._section.languages, _OF_SOURCE.languages)

    @functools.cached_property
    def about_material(self) -> bool:
        """Whether the task is one whose material may well be foreign words."""
        return self._mentions(self._section.material, _OF_SOURCE.material)

    def names_a_language(self, text: str) -> bool:
        """Whether some other text of the pair speaks of languages."""
        lowered = self._section.leave_out(text.lower())
        return holds_any(lowered, self._section.languages)

    def _mentions(self, words: tuple[str, ...], english: tuple[str, ...]) -> bool:
        source = self._inspection.source
        instruction = (self._inspection.pair.instruction or "").lower()
        original = ((source.instruction if source else None) or "").lower()
        asked = self._section.leave_out(instruction) if words is self._section.languages else instruction
        if holds_any(asked, words) or holds_any(original, english):
            return True
        if not self.reads_english or not holds_any(instruction, english):
            return False
        return self._inspection.is_asked_in_english
