"""Characters of old encodings: each with the letters that it stands for, and those that mean something themselves."""

from __future__ import annotations

import unicodedata

import pytest

from midb.detectors.translation.orthography.legacy import find_legacy


def found(text: str) -> list[tuple[str, str | None]]:
    return [(place.before, place.after) for place in find_legacy(text)]


def test_every_form_of_every_arabic_letter() -> None:
    """Two words of two forms each, so that they count as text: the form, and one that is known to be mended."""
    for code in (*range(0xFE80, 0xFEFD), *range(0xFB50, 0xFB60)):
        form = chr(code)
        letters = unicodedata.normalize("NFKC", form)
        assert found(f"ﻛﺘﺎﺏ {form}ﺎ")[1] == (f"{form}ﺎ", f"{letters}ا"), hex(code)


@pytest.mark.parametrize("sign", ["ﷲ", "ﷺ", "ﷻ", "﷼", "﷽", "﴾", "﴿", "\ufeff"])
def test_signs_of_their_own_stay(sign: str) -> None:
    assert sign not in "".join(before for before, _ in found(f"ﻛﺘﺎﺏ {sign} ﻗﻠﻢ"))


def test_the_order_of_drawing_is_told_by_the_first_forms() -> None:
    assert found("ﻛﺘﺎﺏ ﻗﻠﻢ") == [("ﻛﺘﺎﺏ", "كتاب"), ("ﻗﻠﻢ", "قلم")]
    assert found("ﻢﻠﻗ ﺏﺎﺘﻛ ﻢﻠﻋ") == [("ﻢﻠﻗ", None), ("ﺏﺎﺘﻛ", None), ("ﻢﻠﻋ", None)]


@pytest.mark.parametrize(("ligature", "letters"), [("ﬀ", "ff"), ("ﬁ", "fi"), ("ﬂ", "fl"), ("ﬃ", "ffi"), ("ﬄ", "ffl")])
def test_ligatures_of_print(ligature: str, letters: str) -> None:
    assert found(f"a{ligature}b {ligature}a a{ligature} {ligature}") == [(ligature, letters)] * 3


@pytest.mark.parametrize(
    ("word", "right"),
    [
        ("κόσµος", "κόσμος"),
        ("µου", "μου"),
        ("ΚΟΣµΟΣ", "ΚΟΣμΟΣ"),
        ("ϑάλασσα", "θάλασσα"),
        ("κϱίση", "κρίση"),
        ("µε", "με"),
    ],
)
def test_signs_in_greek_words(word: str, right: str) -> None:
    assert found(f"λέξη {word}, λέξη") == [(word, right)]


@pytest.mark.parametrize("text", ["5 µm", "µ", "α+µ", "µν", "x_µαβ", "\\µαα", "/µατα/", "ϕ(x)", "∆αβ", "∑βγδ", "µσ"])
def test_formulas_and_units(text: str) -> None:
    assert found(f"λέξη {text} λέξη") == []


def test_half_width_kana_and_single_jamo_are_told_only() -> None:
    assert found("ｺｰﾋｰとﾊﾟﾝ") == [("ｺｰﾋｰ", None), ("ﾊﾟﾝ", None)]
    assert found("ㅅㅓㅇㅜㄹ ㅋㅋ ㅠㅠ ㄱ") == [("ㅅㅓㅇㅜㄹ", None)]
    assert found("ﾉ ｡｢｣ ﾟﾟ") == []
