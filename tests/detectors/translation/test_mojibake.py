"""Mojibake in a pair: restored in one finding, flagged where it is lost, and left where the pair is about it."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, respond

from midb.detectors.translation.mojibake import MOJIBAKE, MojibakeSection
from midb.locales import LANGUAGES, load

KIND = [MOJIBAKE.name]


@pytest.mark.parametrize(
    ("code", "text", "repaired"),
    [
        ("de", "Das cafÃ© ist schÃ¶n", "Das café ist schön"),
        ("ru", "РџСЂРёРІРµС‚ РјРёСЂ", "Привет мир"),
        ("ru", "Ïðèâåò, äîáðûé äðóã", "Привет, добрый друг"),
        ("el", "ÊáëçìÝñá, ößëå ìïõ", "Καλημέρα, φίλε μου"),
        ("ja", "縺薙ｓ縺ｫ縺｡縺ｯ", "こんにちは"),
        ("vi", "PhÃ¡p", "Pháp"),
        ("de", "caf\\u00e9", "café"),
    ],
)
def test_damage_is_restored(code: str, text: str, repaired: str, examine: Examine) -> None:
    findings, result = examine(respond(text, "…"), code, kinds=KIND)
    assert result.response == repaired
    assert len(findings) == 1


def test_evidence_names_the_first_word_and_counts_the_rest(examine: Examine) -> None:
    findings, _ = examine(respond("Das cafÃ© ist schÃ¶n", "…"), "de", kinds=KIND)
    assert evidence(findings) == ['"cafÃ©" reads "café" (and 1 more)']


def test_what_is_lost_is_flagged(examine: Examine) -> None:
    pair = respond("sch\ufffdn und gr\ufffdn", "…")
    findings, repaired = examine(pair, "de", kinds=KIND)
    assert evidence(findings) == ["2 x U+FFFD: characters were lost in decoding"]
    assert repaired == pair


def test_damage_in_code_is_flagged(examine: Examine) -> None:
    pair = respond("Siehe `cafÃ©` dort", "…")
    findings, repaired = examine(pair, "de", kinds=KIND)
    assert len(findings) == 1
    assert repaired == pair


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        ("Was ist UTF-8?", "Aus é wird Ã©."),
        ("Schreibe ein Python-Programm.", 'print("caf\\u00e9")'),
        ("…", "café, Ångström, naïve"),
        ("…", "日本語とрусский"),
    ],
)
def test_what_is_meant_or_sound_stays(instruction: str, response: str, examine: Examine) -> None:
    pair = respond(response, instruction)
    assert examine(pair, "de", kinds=KIND) == ([], pair)


@pytest.mark.parametrize("code", LANGUAGES)
def test_code_pages_belong_to_scripts_that_are_not_latin(code: str) -> None:
    section = load(code).get(MojibakeSection)
    assert section is not None
    assert not ("Latin" in load(code).scripts and section.code_pages)
    for page in section.code_pages:
        assert "".encode(page) == b""
