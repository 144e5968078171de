"""Tasks whose material is the English language, told by the words of an English instruction.

Only words that hardly ever mean anything else. Tasks about synonyms, parts of speech or tenses work in any language,
and are bound to English only by an English word that was left in them (`Bond.WORD`). Knows no pair.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from midb.text.words import holds_any


class Bond(StrEnum):
    """By what a task is bound to English, as a reader is told."""

    CORRECTION = "mistakes in an English text"
    LETTERS = "letters of English words"
    RHYME = "rhymes of English words"
    SYLLABLES = "syllables of English words"
    WORDPLAY = "sounds and double meanings of English words"
    IDIOM = "English idioms"
    ACRONYM = "initials of English words"
    ALPHABET = "the alphabetical order of English words"
    CAPITALS = "capital letters"
    WORD = "an English word"


#: Longer instructions hold texts of their own.
_LONGEST_TASK = 600

_REPAIR = (
    r"\b(?:fix|correct(?!ness)|find|identify|locate|edit|evaluate|check|detect|proofread|revise|rewrite|change|spot"
    r"|eliminate|remove|analy[sz]e|highlight|point out|improve|repair|determine|flag|underline|review)\b"
)
_ANY_TEXT = (
    r"(?:sentences?|texts?|paragraphs?|phrases?|passages?|articles?|words?|essays?|letters?|e-?mails?|statements?)"
)
_GRAMMAR = (
    r"(?:gramma(?:r|tical|tically)|spelling|misspel\w+|orthograph\w+|typos?|subject[ -]verb agreement"
    r"|incorrect words?|wrong words?|usage errors?)\b"
)
_PUT_TOGETHER = (
    r"\b(?:create|make|generate|invent|come up with|form|develop|suggest|write|construct|design|devise|give)\b"
)
_COUNT = r"\b(?:count|how many|number of|occurrences|times|contain\w*|with(?:out)?|us(?:e|ing))\b"


@dataclass(frozen=True, slots=True)
class _Form:
    """How an instruction asks for something; without one of ``stems`` it does not, which is cheap to see."""

    bond: Bond
    stems: tuple[str, ...]
    pattern: re.Pattern[str]


def _make_form(bond: Bond, stems: str, pattern: str) -> _Form:
    return _Form(bond, tuple(stem.replace("_", " ") for stem in stems.split()), re.compile(pattern, re.IGNORECASE))


#: The most telling first. In ``stems`` a blank is written as an underscore.
_FORMS = (
    _make_form(
        Bond.CORRECTION,
        "gramma spel orthograph typo agreement incorrect_word wrong_word usage",
        rf"{_REPAIR}[^.?!]{{0,90}}\b{_GRAMMAR}",
    ),
    _make_form(
        Bond.CORRECTION,
        "mistake error",
        rf"{_REPAIR}[^.?!]{{0,50}}\b(?:mistakes?|errors?) (?:in|from|of) (?:the|this|these)\b"
        rf"[^.?!]{{0,20}}\b{_ANY_TEXT}\b",
    ),
    _make_form(Bond.CORRECTION, "proof", r"\bproof-?read\b"),
    _make_form(
        Bond.RHYME, "rhym limerick couplet sonnet", r"\b(?:rhym(?:e|es|ed|ing)|limericks?|couplets?|sonnets?)\b"
    ),
    _make_form(Bond.RHYME, "_rap", r"\b(?:a|into a|the|short|your) rap\b(?! (?:artist|music|group|album|songs?)\b)"),
    _make_form(Bond.SYLLABLES, "haiku", r"\bhaikus?\b"),
    _make_form(
        Bond.WORDPLAY,
        "pun play homo alliterat twister portmanteau spoonerism",
        r"\bpuns?\b|\bword ?plays?\b|\bplays? on words\b|\bhomo(?:phone|nym|graph)s?\b|\balliterati\w+"
        r"|\btongue[- ]twisters?\b|\bportmanteaus?\b|\bspoonerisms?\b",
    ),
    _make_form(
        Bond.IDIOM, "idiom phrasal", r"(?<!phrase or )\bidioms?\b|\bidiomatic expressions?\b|\bphrasal verbs?\b"
    ),
    _make_form(
        Bond.ACRONYM,
        "acronym mnemonic acrostic",
        rf"{_PUT_TOGETHER}[^.?!]{{0,60}}\b(?:acronyms?|mnemonics?|backronyms?)\b|\bacrostics?\b",
    ),
    _make_form(
        Bond.LETTERS,
        "vowel consonant palindrom anagram scrambl spelling_bee",
        r"\b(?:vowels?|consonants?|palindrom\w+|anagrams?|unscrambl\w+|scrambled (?:words?|letters?)|spelling bee)\b",
    ),
    _make_form(
        Bond.LETTERS,
        "reverse",
        r"\breverse\b[^.?!]{0,30}\b(?:letters|string|words?|characters|each line)\b(?! order)",
    ),
    _make_form(
        Bond.LETTERS,
        "start begin end_ ends_ ending_",
        r"\b(?:start|begin|end)(?:s|n?ing)? (?:with|in) (?:the |an? )?(?:same |different )?"
        r"(?:letters?|sound|(?-i:[\"'“‘]?[A-Z][\"'”’]?(?!\w| \w)))",
    ),
    _make_form(
        Bond.LETTERS,
        "letter",
        rf"{_COUNT}[^.?!]{{0,40}}(?<!cover )(?<!love )\bletters?\b(?! of| to| from| for)"
        r"|(?-i:\bletters? [\"'“‘][A-Za-z][\"'”’](?!\w))|\b(?:three|four|five|six|seven|[3-9])[- ]letter words?\b",
    ),
    _make_form(Bond.ALPHABET, "alphabet", r"\balphabetical(?:ly)?\b|\balphabeti[sz]e\b|\balphabetic order\b"),
    _make_form(
        Bond.CAPITALS,
        "capital per_case percase per-case wercase wer_case wer-case tle_case",
        r"\bcapitali[sz](?:e|ing|ation of)\b(?! on\b)|\b(?:upper|lower|title)[ -]?case\b|\bcapital letters?\b",
    ),
    _make_form(
        Bond.WORD,
        "onym part tense plural singular noun verb adjective position conjunction fix word meaning_of defin",
        r"\b(?:synonyms?|antonyms?|hypernyms?|parts? of speech|past tense|present tense|plural|singular|nouns?|verbs?"
        r"|adjectives?|adverbs?|pronouns?|prepositions?|conjunctions?|prefix(?:es)?|suffix(?:es)?"
        r"|(?:the|given|following|these|this) words?|meaning of|define|definition)\b",
    ),
)
#: What is about code, or about a language that is named, is bound to it wherever it stands.
_OTHER = re.compile(
    r"\b(?:codes?|coding|python|java\w*|program\w*|functions?|regex|regular expressions?|algorithms?|sql|html|css"
    r"|passwords?|translat\w+|english|french|german|spanish|latin|chinese|japanese|equations?|error message|formula\w*"
    r"|hexadecimal|variables?|rhyming dictionary|(?:doesn['’]t|not|without|non-?) ?rhym\w+)\b",
    re.IGNORECASE,
)


def find_bond(instruction: str) -> tuple[Bond, str] | None:
    """By what an English instruction is bound to English, and its words that say so; ``None`` where it is not surely.

    >>> find_bond("Write a rhyming poem about winter."), find_bond("Write a poem about winter.")
    ((<Bond.RHYME: 'rhymes of English words'>, 'rhyming'), None)
    """
    if len(instruction) > _LONGEST_TASK:
        return None
    lowered = instruction.lower()
    for form in _FORMS:
        if holds_any(lowered, form.stems) and (match := form.pattern.search(instruction)):
            return None if _OTHER.search(instruction) else (form.bond, match.group())
    return None
