"""Each kind finds what is injected into clean texts of each language, repairs it exactly where that is expected, and
changes nothing else."""

from __future__ import annotations

import re
from itertools import islice

import pytest
from detectors.pairs import clean_pairs, examine
from detectors.patterns import pattern_pairs
from detectors.recall import Trial, fields_kept, try_kind

from midb.detectors import kinds
from midb.injectors import CleanPair, injectors
from midb.locales import LANGUAGES, load
from midb.locales.measured import RECALL_AIM, measured

#: Of what is injected, so much is met in each language, what is explained aside.
BOUND = 0.95

#: Pairs of a language that get a defect of a kind here; bench/run.py tries all of them.
TRIED = 4

#: Why a defect is rightly left alone, by kind and pair, or by kind and language.
EXPLAINED = {
    "altered-url": {"links": "addresses that begin alike: the rest may be that of another"},
    "decomposed-text": {"versions": "a file name touches the letters, and is kept as it is"},
    "false-equation": {"chessboard": "other numbers in the clause: the equation may go on from them"},
    "foreign-script": {
        "quotations": "what is quoted may be foreign",
        "code": "names of other scripts are usual where programs are shown",
        "percentages": "one word beside numbers may be a name",
    },
    "inverted-marks": {
        "formula": "a formula in the sentence", "share": "taken for another language, for its numbers",
        "questions": "a question that no word of a question begins may be a statement",
    },
    "invisible-character": {"equation": "a soft hyphen may be wanted", "share": "the same"},
    "item-count-mismatch": {"steps": "a Thai task whose steps stand before their number"},
    "leaked-markup": {"versions": "servers and programs may be what the token is about"},
    "lost-accents": dict.fromkeys(
        ("letter", "village", "words", "sentences", "characters"), "hardly a word of grammar that has accents"
    ),
    "mixed-script-word": {"versions": "a file name is kept as it is", "letter": "a half transliterated word"},
    "mojibake": {
        "formula": "what touches a formula is kept as it is", "placeholder": "what touches a placeholder is",
        "percentages": "a sound letter before a no-break space", "share": "the same",
        "quotations": "a quotation mark behind a full stop reads well as it is",
        "sorting": "one short word", "tense": "one letter of it is a blank", "average": "one short word",
        "numbers": "one short word", "decimals": "one word with nothing else damaged",
    },
    "page-leftover": {
        "versions": "a number in brackets behind a file name is an index",
        "placeholder": "brackets beside a placeholder may hold one",
    },
    "punctuation-form": {
        "table": "marks are data in a task about CSV", "company": "the mark belongs to the English name before it",
    },
    "punctuation-spacing": {
        "table": "marks are data in a task about CSV", "sorting": "letters are the subject",
        "initials": "the same",
        "address": "beside an address",
        "equation": "taken for another language, so short is it", "steps": "the same", "numbers": "the same",
    },
    "repetition-loop": {
        "formula": "too few letters beside the formula", "decimals": "many times the end of a Korean sentence",
        "tense": "Indonesian says rewrite and repeat with one word",
        "address": "Malay says back and again with one word",
    },
    "stray-english-word": {
        **dict.fromkeys(("code", "versions", "table"), "a task about programs, whose words are English"),
        **dict.fromkeys(("sorting", "tense", "letter"), "a task about words or letters"),
        **dict.fromkeys(("average", "equation", "chessboard", "steps"), "numbers, whose word may be a unit"),
        **dict.fromkeys(("company", "address"), "a task about names"),
    },
    "translator-note": {
        **dict.fromkeys(("code", "versions", "table"), "a task about programs, which notes may be a part of"),
        **dict.fromkeys(("average", "numbers", "share", "sorting"), "words or numbers: the text is English then"),
        **dict.fromkeys(("address", "equation", "formula", "placeholder", "company"), "short: the same"),
    },
    "truncated-response": dict.fromkeys(("links", "groups"), "an address or a number at the end"),
    "untranslated-text": dict.fromkeys(
        ("thousands", "quotations", "percentages", "quotes", "percents"), "short, or in quotation marks"
    ),
    "wrong-language": dict.fromkeys(("code", "percentages"), "another script beside a program or numbers"),
    "wrong-letter": {
        "sorting": "letters are the subject", "letter": "the same: both sorts of letters have one name",
        "table": "letters are the subject", "average": "two words prove no other encoding",
        "versions": "file names and servers", "initials": "letters are the subject", "reverse": "the same",
        "emphasis": "a word may go on behind a star",
    },
}  # fmt: skip

PAIRS: dict[str, list[tuple[str, CleanPair]]] = {code: [] for code in LANGUAGES}
for _name, _clean in (*clean_pairs(), *pattern_pairs(2)):
    PAIRS[_clean.language].append((_name, _clean))


def is_explained(trial: Trial) -> bool:
    reasons = EXPLAINED.get(trial.kind, {})
    name = re.sub(r"-\d+$", "", trial.name.partition("-")[2])
    return name in reasons or trial.clean.language in reasons


@pytest.mark.parametrize("language", LANGUAGES)
def test_clean_pairs_are_clean(language: str) -> None:
    """Without a finding, and so without an edit; with the conventions of print as well."""
    for name, clean in PAIRS[language]:
        for typography in (False, True):
            found, after = examine(clean, clean.pair, typography=typography)
            assert found == [], name
            assert after == clean.pair


@pytest.mark.parametrize("kind", injectors())
def test_what_is_injected_is_found_and_repaired(kind: str) -> None:
    offset = sorted(kinds()).index(kind)
    for language in LANGUAGES:
        if kinds()[kind].abstention(load(language)):
            continue
        turn = 5 * offset % len(PAIRS[language])
        pairs = PAIRS[language][turn:] + PAIRS[language][:turn]
        trials = list(islice(try_kind(kind, pairs), TRIED))
        due = [trial for trial in trials if trial.met or not is_explained(trial)]
        missed = [f"{trial.name}: {trial.injection.form}" for trial in due if not trial.met]
        assert len(missed) <= (1 - BOUND) * len(due), missed
        for trial in trials:
            if trial.met:
                assert fields_kept(trial), trial


#: What cannot be injected in a language, though the kind looks for it there.
NEVER = {
    # Letters that nothing can be taken from; a word of another language may be decomposed.
    "decomposed-text": {"th"},
}


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_has_defects_of_its_own_in_every_language_that_it_claims(kind: str) -> None:
    for language in set(LANGUAGES) - NEVER.get(kind, set()):
        if not kinds()[kind].abstention(load(language)):
            assert next(try_kind(kind, PAIRS[language]), None), f"{kind} is never injected in {language}"


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_was_tried_on_25_defects_and_25_clean_pairs_in_every_language_that_it_claims(kind: str) -> None:
    """Whatever pair is clean is one that each kind leaves alone: test_clean_pairs_are_clean."""
    for language in set(LANGUAGES) - NEVER.get(kind, set()):
        assert len({clean.pair.content_hash() for _, clean in PAIRS[language]}) >= 25
        if not kinds()[kind].abstention(load(language)):
            tried = measured(kind, language)
            # Of a kind that is being written nothing is measured yet.
            injected = tried.injected or len(list(islice(try_kind(kind, PAIRS[language], 12), 25)))
            assert injected >= 25, f"{kind} in {language}: python bench/run.py detectors-recall --no-gate"
            if kinds()[kind].repairs and tried.injected:
                assert tried.found >= RECALL_AIM * tried.injected, f"{kind} misses too many in {language}"
