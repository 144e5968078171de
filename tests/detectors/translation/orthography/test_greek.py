"""Greek: the two forms of sigma, and accents beside their capitals."""

from __future__ import annotations

import pytest

from midb.detectors.translation.orthography.greek import find_in_greek


def found(text: str) -> list[tuple[str, str | None]]:
    return [(place.before, place.after) for place in find_in_greek(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ο λόγοσ του", [("λόγοσ", "λόγος")]),
        ("ωσ εδώ", [("ωσ", "ως")]),
        ("Λόγοσ, ανθρώπουσ;", [("Λόγοσ", "Λόγος"), ("ανθρώπουσ", "ανθρώπους")]),
        ("είναι ουρανόσ.", [("ουρανόσ", "ουρανός")]),
        ("το σπίτι σασ.", [("σασ", "σας")]),
        ("H μητέρα ήρθε. O άνθρωπος έφυγε.", [("H", "Η"), ("O", "Ο")]),
        ("ο κόςμος", [("κόςμος", None)]),
        ("΄Ολα και ΄Ομηρος", [("΄Ολα", "Όλα"), ("΄Ομηρος", "Όμηρος")]),
        ("´Η όχι", [("´Η", "Ή")]),
    ],
)
def test_what_no_word_has(text: str, expected: list[tuple[str, str | None]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "ο λόγος του κόσμου",
        "σ’ αυτόν, σ' αυτήν, μέσ’ στη",
        "3 δισ. ευρώ, κλασ. λογοτεχνία",
        "προσ- και εισ‐",
        "το σ, τα σσ, πσ",
        "η μεταβλητή λόγοσ_1 και λόγοσ2",
        "Σ΄ΕΝΑ ΜΕΡΟΣ, Α΄ τάξη, ΄Α",
        "΄Ενός",  # an accent at its place already: what the other is for nobody knows
        "ΟΔΟΣ",
        "H είναι η ενθαλπία. O έχει μάζα.",
        "H ένωση του υδρογόνου H.",
        "ομάδα O άνθρωπος",
    ],
)
def test_what_is_left(text: str) -> None:
    assert found(text) == []
