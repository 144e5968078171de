"""A text as a reader or a browser takes it, whatever it is spelled with: what people see alike becomes the same.

Knows characters and spellings, no languages. Offsets are not kept.
"""

from __future__ import annotations

import functools
import html
import unicodedata

import regex

from midb.text.smuggling.clues import holds

#: Characters without a glyph: formats, variation selectors, fillers, what joins marks. Nobody reads them.
_UNSEEN = regex.compile(
    r"[\p{Cf}\ufe00-\ufe0f\U000e0100-\U000e01ef\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+"
)

#: What stands for a full stop or an at sign in an address that is not to be clicked: "[.]", "(dot)", "{at}".
_DOT_WORDS = r"\.|dot|punkt|punto|point|ponto|nokta|tečka|titik|chấm|точка|点|點|ドット|점|จุด|نقطة|τελεία"
_AT_WORDS = r"@|at|ät|arroba|arobase|chiocciola|zavináč|собака|アット|골뱅이|παπάκι"
_BRACKETED_DOT = regex.compile(rf"\s{{0,2}}[\[({{<]\s?(?:{_DOT_WORDS})\s?[\])}}>]\s{{0,2}}", regex.IGNORECASE)
_BRACKETED_AT = regex.compile(rf"\s{{0,2}}[\[({{<]\s?(?:{_AT_WORDS})\s?[\])}}>]\s{{0,2}}", regex.IGNORECASE)
_BRACKETS = ("(", "[", "{", "<")
_BRACKETED_SIGN = regex.compile(r"[\[({](:|/|//|://)[\])}]")

#: "example dot com" in so many words; only before what can hardly be anything but the end of an address.
_SPOKEN_DOTS = (" dot ", " punkt ", " punto ", " point ", " ponto ", " точка ")
_SPOKEN_ATS = (" at ", " arroba ", " ät ")
_SPOKEN = regex.compile(rf"(?<=[A-Za-z0-9])(?:{'|'.join(_SPOKEN_DOTS)})(?=(?:com|net|org|info|io|xyz|ru)\b)")
_SPOKEN_AT = regex.compile(
    rf"(?<=[A-Za-z0-9])(?:{'|'.join(_SPOKEN_ATS)})(?=[A-Za-z0-9-]{{1,40}}\.(?:com|net|org|info|io|xyz|ru)\b)"
)

#: "hxxp", "h**p", "h t t p", "ttp": broken on purpose so that it is not clicked.
_SCHEME = regex.compile(
    r"(?<![\p{L}\p{N}])(?:h\s?[tx*_]\s?[tx*_]\s?p|ht+p|ttp|meow)\s?(s?)\s?:\s?[/\\](?:\s?[/\\])*\s?", regex.IGNORECASE
)

#: Signs that browsers and readers take for those of an address.
_LOOKALIKE_SIGNS = str.maketrans(
    {"⁄": "/", "∕": "/", "⧸": "/", "։": ":", "∶": ":", "ː": ":", "꞉": ":", "․": ".", "‧": "."}
)
_LOOKALIKES_OF_SIGNS = tuple(map(chr, _LOOKALIKE_SIGNS))
_ESCAPED = regex.compile(r"%(2e|2f|3a|40)", regex.IGNORECASE)
_ESCAPED_SIGNS = {"2e": ".", "2f": "/", "3a": ":", "40": "@"}

#: A full stop of East Asia between Latin letters, which browsers take for one in an address.
_WIDE_STOP = regex.compile(r"(?<=[A-Za-z0-9])。(?=[A-Za-z]{2,})")


#: The characters that most texts are made of, as bytes: they need no second look.
_COMMON = bytes(range(0x20, 0x7F)) + b"\t\n\r"


@functools.lru_cache(maxsize=16)  # whoever looks at a text asks several times, and then never again
def list_rare(text: str) -> str:
    """Each character of a text once, but for the printable ones of ASCII and ends of lines, in no order.

    Whether a text holds one of many characters is seen in these in a small part of the time.
    """
    rest = text.encode("utf-8", "surrogatepass").translate(None, _COMMON)
    return "".join(set(rest.decode("utf-8", "surrogatepass"))) if rest else ""


def drop_unseen(text: str) -> str:
    """The text without characters that have no glyph.

    >>> drop_unseen("e\\u200bvil\\u00ad.com")
    'evil.com'
    """
    return _UNSEEN.sub("", text) if _UNSEEN.search(list_rare(text)) else text


def fold(text: str) -> str:
    """The text with the spellings of an address undone: entities, full width, "[.]", "hxxp", hidden characters.

    >>> fold("hxxps://e\\u200bvil[.]ｃｏｍ&#47;a")
    'https://evil.com/a'
    """
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        if holds(text, _LOOKALIKES_OF_SIGNS):
            text = text.translate(_LOOKALIKE_SIGNS)
        rare = list_rare(text)
        text = _make_compatible(_UNSEEN.sub("", text) if _UNSEEN.search(rare) else text, rare)
        if "。" in text:
            text = _WIDE_STOP.sub(".", text)
    if "%" in text:
        text = _ESCAPED.sub(lambda match: _ESCAPED_SIGNS[match[1].lower()], text)
    text = text.replace("\\.", ".")
    # What a pattern cannot do without is looked for first: hardly any text has it.
    if holds(text, _BRACKETS):
        text = _BRACKETED_DOT.sub(".", text)
        text = _BRACKETED_AT.sub("@", text)
        text = _BRACKETED_SIGN.sub(r"\1", text)
    if holds(text, _SPOKEN_DOTS):
        text = _SPOKEN.sub(".", text)
    if "." in text and holds(text, _SPOKEN_ATS):
        text = _SPOKEN_AT.sub("@", text)
    return _SCHEME.sub(r"http\1://", text) if ":" in text and ("/" in text or "\\" in text) else text


def _make_compatible(text: str, rare: str) -> str:
    """The text in NFKC. Hardly any of its rare characters change: to exchange those is quicker than to look at all."""
    if unicodedata.is_normalized("NFKC", text):
        return text
    for character in rare:
        if not unicodedata.is_normalized("NFKC", character):
            text = text.replace(character, unicodedata.normalize("NFKC", character))
    return unicodedata.normalize("NFC", text)


#: Letters of other scripts, each before the Latin one that it looks like: Cyrillic, Greek, phonetic, small capitals.
_PAIRS = (
    "аaеeоoрpсcуyхxіiјjѕsԁdһhӏlвbкkмmнhтtьbԛqԝwѵvѐeёeӓaїiґrАAВBЕEКKМMНHОOРPСCТTУYХXІIЈJЅSԌGҮYԚQԜWӀI"
    "αaβbγyεeηnιiκkνvοoρpτtυuχxωwϲcϳjΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧX"
    "ɡgɑaɩiıiᴀaʙbᴄcᴅdᴇeꜰfɢgʜhɪiᴊjᴋkʟlᴍmɴnᴏoᴘpʀrꜱsᴛtᴜuᴠvᴡwʏyᴢz"
)
_LOOKALIKES = {ord(other): latin for other, latin in zip(_PAIRS[::2], _PAIRS[1::2], strict=True)}
_LETTERS = regex.compile(r"\p{L}+")
_LATIN = regex.compile(r"\p{Latin}")
_LOOKALIKE = regex.compile(f"[{''.join(map(chr, _LOOKALIKES))}]")


def read_as_latin(text: str) -> str:
    """Words of two scripts, read as Latin; those that are in one script altogether stay.

    >>> read_as_latin("Ignоrе аll, Привет")
    'Ignore all, Привет'
    """
    if text.isascii() or not (lookalikes := _LOOKALIKE.findall(list_rare(text))):
        return text
    if all(map(_LATIN.match, lookalikes)):  # a dotless i, a small capital: letters of the script themselves
        for letter in lookalikes:
            text = text.replace(letter, _LOOKALIKES[ord(letter)])
        return text
    return _LETTERS.sub(lambda match: _read_word(match[0]), text)


def _read_word(word: str) -> str:
    mixed = _LATIN.search(word) and _LOOKALIKE.search(word)
    return word.translate(_LOOKALIKES) if mixed else word
