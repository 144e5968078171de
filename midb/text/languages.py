"""Languages: the codes a corpus may name them by, and identification from text.

The script of a text settles its language, or its words of grammar do. Only where neither does, lingua is asked; it is
loaded with the first such question. lingua's low-accuracy mode is used on purpose: on 1,025 real responses in 13
languages it errs as seldom as the high-accuracy one (whose remaining errors are the same: Malay for Indonesian, and
texts that really are English), at a fifth of the time and 19 MB instead of 269 MB.

Whether a text is in none of our languages is asked of all the 75 that lingua knows (`find_unsupported`), and only where
words and letters leave a doubt: a millisecond and some 75 MB, which a corpus in our languages hardly ever pays.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from babel import Locale as BabelLocale
from babel import UnknownLocaleError
from babel.core import get_global

from midb.domain.errors import UsageError
from midb.locales import LANGUAGES, load
from midb.text.forms.lists import lists_words
from midb.text.protection import find_protected_spans
from midb.text.spans import NO_SPANS, Spans
from midb.text.telling.grammar import letter_of, split_lowered, tell_by_words
from midb.text.telling.script import tell_by_script
from midb.text.words import count_letters, function_words, has_letters, spell_out

if TYPE_CHECKING:
    from lingua import LanguageDetector

#: What identification can answer beside LANGUAGES: English is what most corpora were translated from.
NEIGHBOURS = ("en", "zh")

#: Characters of a text that are looked at: enough to be sure, and a bound on the time a huge text takes.
SAMPLE_CHARACTERS = 1_000

#: Characters (or letters) below which the language of a text is a guess: under 40 the accuracy of lingua drops.
IDENTIFIABLE_LENGTH = 40

#: No library that was tried tells these two apart from one text; where a corpus declares one of them it is believed.
INDISTINGUISHABLE = frozenset({"id", "ms"})


def same_language(one: str | None, other: str | None) -> bool:
    """Whether two codes may stand for the language of one text; ``None``, a text of no known language, for none.

    >>> same_language("id", "ms"), same_language("de", "fr"), same_language(None, None)
    (True, False, False)
    """
    return one is not None and (one == other or {one, other} == INDISTINGUISHABLE)


def find_evident_language(text: str, protected: Spans | None = None) -> str | None:
    """The language that the script or the words of grammar of a text make evident, ``None`` where they do not.

    >>> find_evident_language("Das ist ein Satz, der nicht sehr lang ist.")
    'de'
    >>> find_evident_language("Rio de Janeiro, Lima") is None
    True
    """
    return _settle(_take_sample(text, protected))


def _settle(sample: str) -> str | None:
    """The language that script or words of grammar settle."""
    script, latin = tell_by_script(sample)
    return script or (tell_by_words(sample) if latin else None)


#: Letters that languages with the scripts of ours write and ours do not (Polish ł, Ukrainian ї, Persian گ): a doubt.
_OTHER_LETTERS = re.compile("[ђѓєіїјљњћќўџґғқңөұүһәҳҷӣӯپچژگکیٹڈڑںےہۀێۆەڵڕۇېټډړږښګۍəășțţőűłąęńśźżėįųūģķļņāēīøæåđħġċĺľŕ]")
#: What every longer text in these languages has, and the others of the script hardly or not.
_OWN_SIGNS = {"ru": re.compile("[ыэё]"), "ar": re.compile("ال|ة"), "cs": re.compile("[ěřů]"), "tr": re.compile("[ığ]")}
#: Languages that are alone with their script.
_ALONE = frozenset({"el", "th", "ko", "ja", "zh"})
#: The share of words of grammar that no other language's text reaches by what it has in common with ours.
_CLEAR_SHARE = 0.3
#: Two norms of one language, and the share of their words: they have no relatives among the languages that are known.
_TWINS = ("id", "ms")
_CLEAR_SHARE_OF_TWINS = 0.15
#: How sure lingua must be that a text is in none of our languages, before and after names are taken out.
_SURE = 0.9
#: Letters, beside names, that must be left to judge by.
_LEAST_LETTERS = 30
#: Characters of each text of a record that are looked at for this.
_PART = 250


def join_samples(texts: Iterable[str]) -> str:
    """The beginnings of a record's texts, without what is protected: what its language is judged by.

    No text weighs more than another: a translation into Dutch, with its task in German, is a German record.
    """
    return "\n".join(_take_sample(text[: 4 * _PART], None)[:_PART] for text in texts if text.strip())


def _are_frequent(signs: re.Pattern[str], lowered: str, sample: str) -> bool:
    """Whether every sixtieth letter of a text, which is given in lower case as well, is a sign."""
    found = 60 * len(signs.findall(lowered))
    return found > 0 and (found >= len(sample) or found >= count_letters(sample) > 0)


def is_supported(code: str) -> bool:
    """Whether records of this language are examined: ours, English and Chinese, and ``und``, which stands for none."""
    return code in LANGUAGES or code in NEIGHBOURS or code == "und"


def reads_clearly_as(sample: str, code: str) -> bool:
    """Whether letters and words of grammar leave no doubt that a text is in one of our languages.

    >>> reads_clearly_as("Das ist ein Satz, der nicht sehr lang ist.", "de")
    True
    >>> reads_clearly_as("Dit is een zin die niet heel erg lang is.", "de")
    False
    """
    if code in _ALONE:
        return tell_by_script(sample)[0] == code
    lowered = sample.lower()
    if code == "vi":
        if _are_frequent(letter_of(code), lowered, sample):
            return True
    elif code in _OWN_SIGNS:
        if not _OTHER_LETTERS.search(lowered):
            return _are_frequent(_OWN_SIGNS[code], lowered, sample)
        return False
    tokens = split_lowered(sample)
    if code in _TWINS:
        known, share = _words_of_twins(), _CLEAR_SHARE_OF_TWINS
    else:
        known, share = function_words(code), _CLEAR_SHARE
    return len([token for token in tokens if token in known]) >= share * max(1, len(tokens))


@functools.cache
def _words_of_twins() -> frozenset[str]:
    return frozenset().union(*map(function_words, _TWINS))


def _without_names(sample: str) -> str:
    """The words of a text that are no names, acronyms or numbers: names look alike in every language."""
    kept = (word for word in sample.split() if not word.lstrip("\"'“„«¿¡([-*").istitle() and not word.isupper())
    return " ".join(word for word in kept if not any(map(str.isdigit, word)))


def _is_damaged(text: str) -> bool:
    """Whether letters of a text are those of a wrong encoding: Japanese read as Latin-1 is in no other language."""
    from ftfy.badness import is_bad

    return is_bad(text)


class LanguageIdentifier:
    """Says which language a text is written in. One per process; the models load with the first hard question.

    ``trusting``: whatever is said of a text's language is believed, so that none is in another than ours.
    """

    def __init__(self, *, trusting: bool = False) -> None:
        self._trusting = trusting

    @functools.cached_property
    def _detector_of_all(self) -> LanguageDetector:
        from lingua import LanguageDetectorBuilder

        return LanguageDetectorBuilder.from_all_languages().with_low_accuracy_mode().build()

    def find_unsupported(self, sample: str, code: str | None) -> str | None:
        """The code of the language of a text (see `join_samples`) that is surely in none of ours, else ``None``.

        ``code`` is the language it is said to be in. On 26,918 real records in ours 17 are misjudged (lists of names
        and foreign phrases); of sentences of 30 other languages 19 of 20 are found, Galician and Catalan less often.
        """
        if self._trusting or not has_letters(sample, IDENTIFIABLE_LENGTH):
            return None
        stated = code if code in LANGUAGES else self.identify(sample, NO_SPANS)
        if stated is not None and (stated in NEIGHBOURS or reads_clearly_as(sample, stated)):
            return None
        if lists_words(sample) and stated == self.identify(sample, NO_SPANS):
            return None  # single words are much the same in neighbouring languages
        words = _without_names(sample)
        if not has_letters(words, _LEAST_LETTERS):
            return None
        found = self._weigh_unsupported(words)  # the shorter text first: it settles nearly all
        return found if found and self._weigh_unsupported(sample) and not _is_damaged(sample) else None

    def _weigh_unsupported(self, text: str) -> str | None:
        """The likeliest language that is not ours, where those that are not are together sure enough."""
        found = [
            (value.language.iso_code_639_1.name.lower(), value.value)
            for value in self._detector_of_all.compute_language_confidence_values(text)
        ]
        others = [(code, value) for code, value in found if not is_supported(code)]
        return others[0][0] if sum(value for _, value in others) >= _SURE else None

    def is_in_another(self, text: str, code: str) -> bool:
        """Whether a text that should be in ``code`` is surely in another language, which is not English.

        English is what translations were made from: what of it was left is a defect of its own.
        """
        if self._trusting or not has_letters(text, IDENTIFIABLE_LENGTH):
            return False
        return self._reads_otherwise(text, code) and not _is_damaged(text)

    def _reads_otherwise(self, text: str, code: str) -> bool:
        sample = _take_sample(text, None)
        evident = _settle(sample)
        if evident == "en":
            return False
        if evident is not None and not same_language(evident, code):
            return not reads_clearly_as(sample, code) and self.identify(sample, NO_SPANS) == evident
        return self.find_unsupported(sample, code) is not None

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
        sample = _take_sample(text, protected)
        if code := _settle(sample):
            return code
        language = self._detector.detect_language_of(sample)
        return language.iso_code_639_1.name.lower() if language else None


def _take_sample(text: str, protected: Spans | None) -> str:
    """The part of a text that is looked at: its beginning, without what is protected, its letters spelled out."""
    if protected is None:
        protected = find_protected_spans(text)
    return spell_out(protected.blank_out(text)[:SAMPLE_CHARACTERS])


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


@functools.cache
def _other_names() -> dict[str, str]:
    """Codes and English names, in lower case, of the languages of the world that are not ours."""
    english = BabelLocale("en").languages
    names = {str(code): str(code) for code in english if len(str(code)) in (2, 3)}
    names |= {str(name).casefold(): str(code) for code, name in english.items() if len(str(code)) in (2, 3)}
    for alias, code in get_global("language_aliases").items():  # "nld" and "dut" for "nl"
        if len(str(alias)) == 3 and code in names:
            names.setdefault(str(alias), str(code))
    return {spelling: code for spelling, code in names.items() if code not in ("und", "mul", "zxx", "mis")}


def parse_other_language(name: str) -> str | None:
    """The code of a language that is none of ours, as corpora write it; ``None`` for ours, and for what is none.

    >>> [parse_other_language(name) for name in ("nl", "Swedish", "nld", "de")]
    ['nl', 'sv', 'nl', None]
    """
    if parse_language(name):
        return None
    spelling = name.strip().casefold()
    return _other_names().get(spelling) or _other_names().get(spelling.replace("_", "-").split("-")[0])


def language_name(code: str) -> str:
    """The English name of a language.

    >>> language_name("pt")
    'Portuguese'
    """
    try:
        return BabelLocale.parse(code).get_display_name("en") or code
    except (ValueError, UnknownLocaleError):  # a log that was tampered with may call a language anything
        return code


def require_language(name: str) -> str:
    """The code of one of LANGUAGES; raises UsageError with the nearest code for anything else."""
    code = parse_language(name)
    if code in LANGUAGES:
        return str(code)
    spellings = [spelling for spelling, known in _names().items() if known in LANGUAGES]
    near = difflib.get_close_matches(name.casefold(), spellings, n=1)
    meant = f"Did you mean {_names()[near[0]]} ({near[0]})? " if near else ""
    raise UsageError(f'unknown language "{name}".', hint=f"{meant}Known are: {' '.join(LANGUAGES)}.")
