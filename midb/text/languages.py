"""Languages: the codes a corpus may name them by, and identification from text.

A text is told by its script, or by its words of grammar, where these settle it; lingua is asked about the rest and
loaded with the first such question. lingua's low-accuracy mode is used on purpose: on 1,025 real responses in 13
languages it errs as seldom as the high-accuracy one (whose remaining errors are the same: Malay for Indonesian, and
texts that really are English), at a fifth of the time and 19 MB instead of 269 MB.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections import Counter
from typing import TYPE_CHECKING

from babel import Locale as BabelLocale

from midb.domain.errors import UsageError
from midb.locales import LANGUAGES, LocaleSection, load
from midb.text.protection import Spans, protected_spans

if TYPE_CHECKING:
    from lingua import LanguageDetector

#: What identification can answer beside LANGUAGES: English is what most corpora were translated from.
NEIGHBOURS = ("en", "zh")

#: Characters of a text that are looked at: enough to be sure, and a bound on the time a huge text takes.
SAMPLE_CHARACTERS = 1_000

#: No library tried tells these apart from one text; a declared one of the two is believed.
INDISTINGUISHABLE = frozenset({"id", "ms"})

#: English has no locale file, for it is the language that the corpora come from and not one they are checked in.
# fmt: off
_ENGLISH_WORDS = (
    "the", "a", "an", "of", "to", "and", "in", "is", "are", "was", "were", "be", "been", "it", "its", "that", "this",
    "these", "those", "with", "for", "on", "as", "at", "by", "from", "or", "but", "not", "have", "has", "had", "he",
    "she", "they", "we", "you", "i", "his", "her", "their", "our", "your", "my", "will", "would", "can", "could",
    "should", "which", "who", "what", "when", "where", "how", "there", "than", "then", "if", "so", "do", "does",
    "did", "about", "into", "more", "most", "some", "any", "no",
)
# fmt: on


class FunctionWords(LocaleSection, table="function_words"):
    """Words of grammar, frequent and short, in lower case; and the letters that only this language writes."""

    words: tuple[str, ...]
    letters: str = ""


@functools.cache
def function_words(code: str) -> frozenset[str]:
    """The words of grammar of a language; empty where its script alone tells it (or where nothing is known of it)."""
    if code == "en":
        return frozenset(_ENGLISH_WORDS)
    section = load(code).get(FunctionWords)
    return frozenset(section.words) if section else frozenset()


_WORD = re.compile(r"\b[^\W\d_]+\b")
#: Letters that stand for a point of a list, a variable or a name are no words, though some languages write them so.
_INITIAL = re.compile(r"\b[A-Z]\b")


def words(text: str) -> list[str]:
    """The words of a text in lower case, in the sense in which function words are words: runs of letters.

    >>> words("It's 5 o'clock")
    ['it', 's', 'o', 'clock']
    """
    return _WORD.findall(text.lower())


def same_language(one: str | None, other: str | None) -> bool:
    """Whether two codes may stand for the language of one text; Malay and Indonesian may, see INDISTINGUISHABLE."""
    return one is not None and (one == other or {one, other} == INDISTINGUISHABLE)


# Letters by script, in the order of the answers they lead to. Kana decides for Japanese, whatever Han stands around it.
_LETTERS = re.compile(
    r"(?P<en>[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+)|(?P<ru>[\u0400-\u052f]+)|(?P<el>[\u0370-\u03ff\u1f00-\u1fff]+)"
    r"|(?P<ar>[\u0620-\u065f\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f]+)|(?P<th>[\u0e00-\u0e4e]+)"
    r"|(?P<ko>[\uac00-\ud7a3\u1100-\u11ff]+)|(?P<ja>[\u3041-\u30ff]+)|(?P<zh>[\u3400-\u4dbf\u4e00-\u9fff]+)"
)
_NOT_LATIN = re.compile(r"[\u0370-\u1cff\u1f00-\u1fff\u2c80-\ufdff\U00010000-\U0003ffff]")
#: A syllable or ideograph says as much as two letters of an alphabet.
_WEIGHT = Counter({"ko": 2, "ja": 2, "zh": 2})
_OTHER_SCRIPTS = frozenset({"ru", "el", "ar", "th", "ko"})


#: Words of everyday Chinese that Japanese does not write.
_CHINESE = re.compile("[们这她你吗呢说吧哪怎么为這們嗎麼很]")


def _by_script(sample: str) -> tuple[str | None, bool]:
    """The language that the script tells, and whether the text is in Latin script (where it tells nothing)."""
    if sample.isascii() or not _NOT_LATIN.search(sample):
        return None, True
    letters: Counter[str] = Counter()
    for match in _LETTERS.finditer(sample):
        code = match.lastgroup or ""
        letters[code] += len(match.group()) * (_WEIGHT[code] or 1)
    latin = letters.pop("en", 0)
    others = sum(letters.values())
    if latin > 5 * others:
        return None, True
    if latin * 3 > 2 * others or not others:
        return None, False
    code, count = letters.most_common(1)[0]
    if code in _OTHER_SCRIPTS:
        return (code if count > 0.8 * others else None), False
    if letters["ja"] + letters["zh"] > 0.8 * others:
        if letters["ja"] * 10 >= letters["zh"]:
            return "ja", False
        if not letters["ja"] and len(set(_CHINESE.findall(sample))) >= 2:
            return "zh", False
    return None, False


def telling_letters(text: str, code: str) -> int:
    """How many letters of a text only this language writes, as far as its locale names any.

    >>> telling_letters("žluťoučký kůň", "cs")
    5
    """
    section = load(code).get(FunctionWords)
    letters = section.letters if section else ""
    return sum(character in letters for character in text.lower()) if letters and not text.isascii() else 0


@functools.cache
def _languages_of_words() -> dict[str, tuple[str, ...]]:
    """Each known function word with the languages it belongs to."""
    found: dict[str, tuple[str, ...]] = {}
    for code in (*LANGUAGES, "en"):
        for word in function_words(code):
            found[word] = (*found.get(word, ()), code)
    return found


@functools.cache
def _telling_letters() -> tuple[re.Pattern[str], dict[str, str]]:
    """Letters that only one of the languages writes: a pattern of them all, and the language of each."""
    owner: dict[str, str] = {}
    for code in LANGUAGES:
        if section := load(code).get(FunctionWords):
            owner |= dict.fromkeys(section.letters, code)
    return re.compile(f"[{''.join(owner)}]"), owner


def _by_function_words(sample: str) -> str | None:
    """The language whose words of grammar and letters clearly prevail, ``None`` where none does.

    A word that several languages share counts in each by its share: "de" says little, "dello" says much.
    """
    known = _languages_of_words()
    tokens = _WORD.findall(_INITIAL.sub("", sample).lower())
    scores: Counter[str] = Counter()
    hits = 0
    distinct = set()
    if not sample.isascii():
        pattern, owner = _telling_letters()
        for letter in pattern.findall(sample.lower()):
            scores[owner[letter]] += 1
            distinct.add(letter)
            hits += 1
    for token in tokens:
        if codes := known.get(token):
            hits += 1
            distinct.add(token)
            for code in codes:
                scores[code] += 1 / len(codes)  # type: ignore[assignment]
    if len(distinct) < 3 or hits * 6 < len(tokens):
        return None
    if "id" in scores or "ms" in scores:
        closer = max("id", "ms", key=lambda code: scores[code])
        scores[closer] = scores.pop("id", 0) + scores.pop("ms", 0)
    (first, most), (_, second) = [*scores.most_common(2), ("", 0)][:2]
    return first if most >= 2 and most >= 2 * second else None


def evident_language(text: str, protected: Spans | None = None) -> str | None:
    """The language that the script or the words of grammar of a text make evident, ``None`` where they do not.

    >>> evident_language("Das ist ein Satz, der nicht sehr lang ist."), evident_language("Rio de Janeiro, Lima")
    ('de', None)
    """
    return _evident_language(_sample(text, protected))


def _evident_language(sample: str) -> str | None:
    script, latin = _by_script(sample)
    return script or (_by_function_words(sample) if latin else None)


class LanguageIdentifier:
    """Says which language a text is written in. One per process; the models load with the first hard question."""

    @functools.cached_property
    def _detector(self) -> LanguageDetector:
        from lingua import IsoCode639_1, Language, LanguageDetectorBuilder

        codes = [getattr(IsoCode639_1, code.upper()) for code in (*LANGUAGES, *NEIGHBOURS)]
        languages = [Language.from_iso_code_639_1(code) for code in codes]
        return LanguageDetectorBuilder.from_languages(*languages).with_low_accuracy_mode().build()

    def identify(self, text: str, protected: Spans | None = None) -> str | None:
        """The ISO 639-1 code of the likeliest language, ``None`` for a text without words.

        Code, URLs and the like say nothing of a text's language; ``protected`` are its protected spans where the
        caller has them already.
        """
        sample = _sample(text, protected)
        if code := _evident_language(sample):
            return code
        language = self._detector.detect_language_of(sample)
        return language.iso_code_639_1.name.lower() if language else None

    def confidence(self, text: str, code: str, protected: Spans | None = None) -> float:
        """How likely (0 to 1) the text is written in the language ``code``, against all others known here."""
        for value in self._detector.compute_language_confidence_values(_sample(text, protected)):
            if value.language.iso_code_639_1.name.lower() == code:
                return value.value
        return 0.0


def _sample(text: str, protected: Spans | None) -> str:
    """The part of a text that is looked at: its beginning, without what is protected."""
    if protected is None:
        protected = protected_spans(text)
    return protected.unprotected(text)[:SAMPLE_CHARACTERS]


# fmt: off
_ISO_639_2 = {
    "it": "ita", "es": "spa", "fr": "fra", "de": "deu", "ru": "rus", "ar": "ara", "tr": "tur", "ja": "jpn", "ko": "kor",
    "pt": "por", "cs": "ces", "el": "ell", "id": "ind", "th": "tha", "vi": "vie", "ms": "msa", "en": "eng", "zh": "zho",
}
# fmt: on


@functools.cache
def _names() -> dict[str, str]:
    """Every spelling a language is known by, in lower case: code, ISO 639-2, English and own name."""
    names: dict[str, str] = {}
    for code, three in _ISO_639_2.items():
        english = language_name(code)
        own = load(code).native_name or english
        names |= {spelling.casefold(): code for spelling in (code, three, english, own)}
    return names


def parse_language(name: str) -> str | None:
    """The code for a language as corpora write it, ``None`` if it is not one this project knows (or English, Chinese).

    >>> parse_language("de-AT"), parse_language("German"), parse_language("日本語"), parse_language("xx")
    ('de', 'de', 'ja', None)
    """
    spelling = name.strip().casefold()
    return _names().get(spelling) or _names().get(spelling.replace("_", "-").split("-")[0])


def language_name(code: str) -> str:
    """The English name of a language.

    >>> language_name("pt")
    'Portuguese'
    """
    return BabelLocale.parse(code).get_display_name("en") or code


def require_language(name: str) -> str:
    """The code of one of LANGUAGES; raises UsageError with the nearest code for anything else."""
    code = parse_language(name)
    if code in LANGUAGES:
        return str(code)
    near = difflib.get_close_matches(name.casefold(), [n for n, c in _names().items() if c in LANGUAGES], n=1)
    meant = f"Did you mean {_names()[near[0]]} ({near[0]})? " if near else ""
    raise UsageError(f'unknown language "{name}".', hint=f"{meant}Known are: {' '.join(LANGUAGES)}.")
