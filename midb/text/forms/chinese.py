"""Chinese sentences in a text that writes Chinese characters among others: Japanese, or Korean.

A sentence is Chinese where it has characters that Japanese does not write, and neither kana nor Hangul. Its marks are
Chinese as well, so that no rule about Japanese marks is for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: A sentence, without the mark that ends it.
_SENTENCE = re.compile(r"[^。！？!?.\n「」『』“”\"]+")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_OWN = re.compile(r"[\u3041-\u30fa\u30fd-\u30ff\uac00-\ud7a3]")
#: Words of everyday Chinese that Japanese does not write, though its character sets have most of them.
CHINESE_WORDS = re.compile("[们这她你吗呢说吧哪怎么为這們嗎麼很]")

#: A shorter sentence may be a name or a quoted word.
_SHORTEST = 6
#: Different characters of a sentence that Japanese does not write, from which on it is Chinese.
_LEAST_FOREIGN = 2


def find_chinese_sentences(text: str) -> Iterator[tuple[int, int]]:
    """``[start, end)`` of every Chinese sentence, without the mark that ends it; none in a text without Han.

    >>> text = "重要です。政府应该采取措施，促进消费。"
    >>> [text[start:end] for start, end in find_chinese_sentences(text)]
    ['政府应该采取措施，促进消费']
    """
    if not _HAN.search(text):
        return
    for match in _SENTENCE.finditer(text):
        sentence = match.group()
        if _OWN.search(sentence):
            continue
        characters = _HAN.findall(sentence)
        if len(characters) >= _SHORTEST and sum(map(is_chinese_only, set(characters))) >= _LEAST_FOREIGN:
            start = match.start() + len(sentence) - len(sentence.lstrip())
            yield start, match.start() + len(sentence.rstrip())


def is_chinese_only(character: str) -> bool:
    """Whether Japanese does not write a Chinese character: no word of it has one, or its character sets do not.

    >>> is_chinese_only("应"), is_chinese_only("応"), is_chinese_only("这")
    (True, False, True)
    """
    if CHINESE_WORDS.match(character):
        return True
    try:
        character.encode("cp932")
    except UnicodeEncodeError:
        return True
    return False


def may_be_chinese(text: str) -> bool:
    """Whether a text without kana and Hangul has a character that Japanese does not write.

    >>> may_be_chinese("我们去学校"), may_be_chinese("猫, 土, 家"), may_be_chinese("这です")
    (True, False, False)
    """
    return not is_written_in_own_script(text) and any(map(is_chinese_only, set(_HAN.findall(text))))


def is_written_in_own_script(text: str) -> bool:
    """Whether a text has kana or Hangul at all."""
    return bool(_OWN.search(text))
