"""Characters that hide something, and the same characters where scripts need them."""

from __future__ import annotations

import pytest

from midb.text.smuggling.hidden import count_hidden, describe

HIDDEN = [
    "a\u200bb", "a\u200cb", "a\u200db", "a\u2060b", "a\ufeffb", "a\u00adb", "a\u034fb", "a\u2064b", "a\u2800b",
    "a\u202eb\u202c", "a\u202db", "a\u2066b", "م\u202eب", "a\u200fb",
    "a\U000e0069\U000e0067", "\U0001f3f4\U000e0069\U000e0067\U000e006e\U000e007f",
    "😀\ufe0f\ufe0f", "😀\U000e0101\U000e0102", "a\ufe00", "1\ufe0f", "漢\U000e0100\U000e0101",
    "\x1b[31m", "\x00", "\x07", "\x9b", "\x0b", "a\rb", "a\u2028b", "\ue000", "\uffff", "\u3164", "한\u115f",
    "می\u200c\u200d\u200cخواهم", "ไทย\u200b\u200bไทย", "क\u200d\u200c\u200dष",
    "\\x1b[31m", "\\033[0m", "\\u202e", "^[[2J", "&#x202e;x", "&#8238;x", "e\u0301\u0301\u0301\u0301\u0301\u0301",
]  # fmt: skip

IN_PLACE = [
    # Persian, Arabic, Hindi, Marathi, Bengali, Sinhala, Malayalam, Tamil, Khmer
    "می\u200cخواهم", "خانه\u200cها", "क्\u200dष", "र\u094d\u200dय", "হ\u09cd\u200cযা", "ශ්\u200dරී",
    "ന്\u200d", "க்\u200cஷ", "ក\u200bខ",
    # right to left, with marks of direction and isolates
    "العدد \u200e5\u200f.", "مثال \u2067abc\u2069 هنا", "\u061cالعدد", "\u06dd١٢",
    # breaks between words without blanks
    "ไทย\u200bไทย", "ລາວ\u200bລາວ", "မြန်မာ\u200bစာ",
    # emoji
    "👩\u200d🔬", "❤\ufe0f", "👨\u200d👩\u200d👧", "1\ufe0f\u20e3", "🏳\ufe0f\u200d🌈", "👍🏽", "☎\ufe0e",
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in "gbsct") + "\U000e007f",
    # variants of ideographs, marks
    "葛\U000e0100城", "e\u0301", "Tiếng Việt".encode().decode(), "שָׁלוֹם", "น้ำ", "\u1112\u1161\u11ab",
    # line ends, tabs, blanks
    "a\r\nb\tc\n", "a\u00a0b\u202fc", "`\\x1b[31m`", "```python\nprint('\\033[1m')\n```", "C:\\users\\eve",
    "",
]  # fmt: skip


@pytest.mark.parametrize("text", HIDDEN, ids=ascii)
def test_what_hides_is_counted(text: str) -> None:
    assert count_hidden(text).total() > 0


@pytest.mark.parametrize("text", IN_PLACE, ids=ascii)
def test_what_a_script_needs_is_not(text: str) -> None:
    assert count_hidden(text).total() == 0


@pytest.mark.parametrize("text", HIDDEN, ids=ascii)
def test_a_description_shows_no_such_character(text: str) -> None:
    for character in count_hidden(text):
        assert describe(character).isprintable()
        assert describe(character).isascii()
