"""Characters that nobody sees: removed where they do not belong, kept where their script wants them."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, respond

from midb.detectors.translation.invisible_character import INVISIBLE

KIND = [INVISIBLE.name]


@pytest.mark.parametrize(
    ("code", "text", "repaired"),
    [
        ("de", "Ha\u200bus", "Haus"),
        ("de", "\ufeffHaus", "Haus"),
        ("de", "Ha\u00adus", "Haus"),
        ("ja", "犬\u200bが走る", "犬が走る"),
        ("ru", "сло\u2060во", "слово"),
        ("de", "Haus\u200e", "Haus"),
        ("de", "Er sagt \x93ja\x94", "Er sagt “ja”"),
        ("de", "eins\u2028zwei", "eins\u2028zwei"),  # may be what is left of a ligature
        ("de", "Eins\u2028Zwei", "Eins\nZwei"),
        ("de", "eins.\rzwei", "eins.\nzwei"),
        ("de", "\x1b[31mrot\x1b[0m", "rot"),
        ("de", "a\x00b", "ab"),
        ("de", "\x0crac{1}{2}", "\\frac{1}{2}"),
        ("de", "Ja\U000e0041\U000e0042", "Ja"),
        ("de", "\uf0b7 Punkt", "• Punkt"),
        ("ko", "개\u3164", "개\u3164"),  # what stood there is not known
    ],
)
def test_what_does_not_belong(code: str, text: str, repaired: str, examine: Examine) -> None:
    findings, result = examine(respond(text), code, kinds=KIND)
    assert findings
    assert result.response == repaired


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("ar", "می\u200cخواهم"),  # joins letters
        ("th", "สุนัข\u200bวิ่ง"),  # breaks a line
        ("de", "❤\ufe0f und 👨\u200d👩\u200d👧"),
        ("ar", "كلب\u200f هنا"),
        ("de", "eins\r\nzwei\tdrei\n"),
        ("ar", "قال \u202babc\u202c هنا"),
        ("de", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"),
        ("ko", "\u1100\u1160"),
    ],
)
def test_what_belongs(code: str, text: str, examine: Examine) -> None:
    assert examine(respond(text), code, kinds=KIND) == ([], respond(text))


def test_code_is_never_changed(examine: Examine) -> None:
    pair = respond("Siehe `a\u200bb` dort")
    findings, repaired = examine(pair, "de", kinds=KIND)
    assert evidence(findings) == ["zero-width character: U+200B zero width space"]
    assert repaired == pair


def test_what_mojibake_is_made_of_is_left_to_it(examine: Examine) -> None:
    assert examine(respond("cafÃ\u00ad und â\x80\x9cja"), "de", kinds=KIND)[0] == []


def test_an_override_that_changes_what_is_seen_is_only_flagged(examine: Examine) -> None:
    pair = respond("كلب \u202eabc\u202c هنا \u202d")
    findings, repaired = examine(pair, "ar", kinds=KIND)
    assert findings
    assert repaired == pair


def test_one_class_is_one_finding_with_all_its_places(examine: Examine) -> None:
    findings, _ = examine(respond("Ha\u200bus und Ho\u200bf"), "de", kinds=KIND)
    assert evidence(findings) == ["zero-width character: U+200B zero width space, 2 places"]
    assert len(findings[0].fix) == 2
