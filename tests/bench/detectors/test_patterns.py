"""Clean pairs that are made of patterns."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict

from detectors.patterns import PATTERNS, make_pair, pattern_pairs

from midb.locales import LANGUAGES


def test_every_language_has_every_pattern_and_all_of_its_places() -> None:
    texts = {
        code: tomllib.loads((PATTERNS / f"{code}.toml").read_text(encoding="utf-8")) for code in (*LANGUAGES, "en")
    }
    for code, one in texts.items():
        assert one.keys() == texts["en"].keys(), code
        assert one["texts"].keys() == texts["en"]["texts"].keys(), code
        for name, english in texts["en"]["texts"].items():
            for field, text in english.items():
                places = [set(re.findall(r"<[^<>]+>", both)) for both in (text, one["texts"][name][field])]
                assert places[0] == places[1], (code, name, field)
        assert [len(one[name]) for name in ("names", "village", "weather", "fruits", "words")] == [6, 8, 6, 8, 6], code


def test_pairs_are_filled_in_and_differ() -> None:
    seen = defaultdict(set)
    for name, clean in pattern_pairs(4):
        language, pattern, _ = name.split("-")
        assert clean.language == language
        assert not re.search(r"<\w", "".join(text for _, text in clean.pair.texts()))
        seen[language, pattern].add(clean.pair.content_hash())
    assert {language for language, _ in seen} == set(LANGUAGES)
    alike = {pattern for (_, pattern), pairs in seen.items() if len(pairs) < 4}
    assert alike <= {"verse", "initials", "form"}


def test_the_same_values_stand_in_every_language_as_it_writes_them() -> None:
    german, english = (make_pair("de", "decimals", 1).pair, make_pair("de", "decimals", 1).source)
    assert english
    numbers = re.findall(r"\d+\.\d+", english.response or "")
    assert len(numbers) >= 4
    assert [number.replace(".", ",") for number in numbers] == re.findall(r"\d+,\d+", german.response or "")
    assert "%" in (make_pair("tr", "percents", 0).pair.response or "")
    assert re.search(r"%\d", make_pair("tr", "percents", 0).pair.response or "")


def test_both_texts_keep_the_length_that_is_asked_for() -> None:
    for language in LANGUAGES:
        clean = make_pair(language, "characters", 3)
        for pair in (clean.pair, clean.source):
            assert pair
            limit = int((re.findall(r"\d+", pair.instruction or "") or ["0"])[0])
            assert len(pair.response or "") <= limit
