"""Markup that a pair speaks of: a task names ``<br>``, a text explains ``&amp;``, a question shows a frame.

Who names a piece of markup wants it as it is. A piece that stands where it would work, between two sentences or two
words, is not named. Knows how markup is named, no language.
"""

from __future__ import annotations

import functools
import re

from midb.domain.pairs import InstructionPair
from midb.text.inspection import FieldText, Inspection, join_task

_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_BREAK_BEFORE = re.compile(r"<br ?/?>\s*\Z", re.IGNORECASE)
#: Where a line may break: behind the end of a sentence, a clause or an item, and behind another tag.
_LINE_MAY_BREAK = re.compile(r"(?:[.!?:;,…。！？：；،؟>)\]\"”»]|\d)\s*$")

_TAG = re.compile(r"</?[a-z][a-z0-9]*(?: [^<>\n]{0,200})?/?>", re.IGNORECASE)

#: Tags in a task up to which one inside a sentence is enough for all to be spoken of.
_MOST_NAMED = 2

#: Pages and what shows them, as the languages call them; in English the other words of markup are enough.
_PAGES = re.compile(
    r"(?<![^\W\d_])(?:web(?!er)\w*|browser\w*|navigateurs?|navegador\w*|prohlížeč\w*|tarayıcı\w*|trình duyệt|trang mạng"
    r"|pelayar\w*|peramban\w*|laman|ιστοσελίδ\w*|ιστότοπ\w*|περιηγητ\w*)|браузер|веб|интернет-страниц|ブラウザ|ウェブ"
    r"|ホームページ|브라우저|웹|เบราว์เซอร์|เว็บ|متصفح|الويب|صفحات? (?:ال)?ويب",
    re.IGNORECASE,
)
#: Marks of quotation, brackets and backticks around something that is named.
_SET_APART = re.compile(r"[\"'“”„«»‘’「『(（\[`]\s?\Z")
_SET_APART_BEHIND = re.compile(r"\s?[\"'“”«»‘’」』)）\]`]")
#: Characters on either side of an entity that are looked at for what it is about.
_NEAR = 120


def names_line_breaks(inspection: Inspection) -> bool:
    """Whether the task speaks of ``<br>``: the source's task holds it, or the pair's has it inside a sentence."""
    if any(_BREAK.search(text) for text in _texts_of_task(inspection.source)):
        return True
    breaking = [_may_break(text, match) for text in _texts_of_task(inspection.pair) for match in _BREAK.finditer(text)]
    named = len(breaking) - sum(breaking)
    # Who names a tag does so once or twice; of many that leaked, some stand where a line was only too long.
    return named > (sum(breaking) if len(breaking) > _MOST_NAMED else 0)


def names_tags(field: FieldText, inspection: Inspection) -> bool:
    """Whether the task speaks of tags such as ``<p>``, or of pages: the source's has one, the pair's begins with none.

    Tags of one field say nothing of themselves; those of another do, for a response may well keep the tags of its task.
    """
    if any(_TAG.search(text) for text in _texts_of_task(inspection.source)):
        return True
    if any(_PAGES.search(text) for text in inspection.tasks):
        return True
    if any(_TAG.search(text) for text in inspection.tasks_beside(field.field)):
        return True
    return field.text == inspection.pair.instruction and not _TAG.match(field.text.lstrip())


def _texts_of_task(pair: InstructionPair | None) -> tuple[str, ...]:
    """The instruction and the input of a pair, as far as it has them."""
    return () if pair is None else tuple(text for text in (pair.instruction, pair.input) if text)


def _may_break(text: str, match: re.Match[str]) -> bool:
    """Whether a tag stands where a line ends: behind a sentence or a clause, beside another tag or a line break."""
    before = text[max(0, match.start() - _NEAR) : match.start()]
    behind = text[match.end() : match.end() + _NEAR]
    if _SET_APART.search(before):
        return False
    if not before.strip():
        return bool(_BREAK.match(behind.lstrip()) or behind[:1].isspace())
    if not behind.strip():
        return bool(_LINE_MAY_BREAK.search(before)) or "\n" in behind
    if (
        _BREAK_BEFORE.search(before)
        or _BREAK.match(behind.lstrip())
        or "\n" in before[len(before.rstrip()) :] + behind[: -len(behind.lstrip())]
    ):
        return True
    if re.match(r"\s*[.,;:!?。、！？،؟)\]”»」』]", behind):
        return False
    return bool(_LINE_MAY_BREAK.search(before)) or not (before[-1:].isspace() or behind[:1].isspace())


class NamedEntities:
    """Which entities of one field are spoken of, rather than what is left of a web page."""

    def __init__(self, field: FieldText, inspection: Inspection) -> None:
        self._text = field.text
        self._inspection = inspection
        self._asked: dict[str, bool] = {}
        self._plain: dict[str, bool] = {}

    def holds(self, start: int, entity: str, character: str) -> bool:
        """Whether the entity at ``start``, which stands for ``character``, is spoken of.

        Then it stands in quotation marks or brackets, the task asks about it, the same field has the character itself
        beside it, or the words around it are about pages and browsers.
        """
        text, end = self._text, start + len(entity)
        if _SET_APART.search(text, max(0, start - 2), start) and _SET_APART_BEHIND.match(text, end):
            return True
        if self._is_asked(entity, character):
            return True
        if text[start - 1 : start].isalnum() or text[end : end + 1].isalnum():
            return False
        if character in "&<>" and self._stands_plain(character):
            return True
        return self._is_about_pages or bool(_PAGES.search(text, max(0, start - _NEAR), end + _NEAR))

    def _is_asked(self, entity: str, character: str) -> bool:
        """Whether the task names an entity: the source's holds it, the pair's has it where it could join nothing."""
        if entity not in self._asked:
            pair = self._inspection.pair
            self._asked[entity] = (
                any(entity in task for task in _texts_of_task(self._inspection.source))
                or any(_is_asked_about(entity, task) for task in _texts_of_task(pair))
                or (character.isspace() and entity in (pair.response or "") and entity in join_task(pair))
            )
        return self._asked[entity]

    def _stands_plain(self, character: str) -> bool:
        """Whether a character stands as itself, with blanks around it, in a text that has its entity too."""
        if character not in self._plain:
            quoted = rf"[\"'“„«‘「(]{re.escape(character)}[\"'”“»’」)]"
            pattern = rf"(?<=\s){re.escape(character)}(?=\s)|{quoted}"
            self._plain[character] = bool(re.search(pattern, self._text))
        return self._plain[character]

    @functools.cached_property
    def _is_about_pages(self) -> bool:
        return any(_PAGES.search(task) for task in self._inspection.tasks)


def _is_asked_about(entity: str, task: str) -> bool:
    """Whether a task has an entity as a word before a mark or its end, where it could join nothing."""
    return bool(re.search(rf"(?<!\w){re.escape(entity)}\s*(?:[.,;:?!。、？！،؟]|\Z)", task))


def names_piece(piece: str, inspection: Inspection) -> bool:
    """Whether a piece of a frame, or a token, is in the task: in the source's, or inside a sentence of the pair's."""
    if any(piece in text for text in _texts_of_task(inspection.source)):
        return True
    return any(
        text[:position].strip()
        and not text[:position].rstrip(" \t").endswith("\n")
        and text[position + len(piece) :].strip()
        for text in _texts_of_task(inspection.pair)
        if (position := text.find(piece)) >= 0
    )


#: What a description has where an example has a text: a name in brackets, dots, nothing.
_BLANK_PART = re.compile(r"\s*(?:[(<\[{（【「「].{0,80}[)>\]}）】」」]|[.…_]{2,}|…)\s*", re.DOTALL)


def shows_frame(before: str, parts: list[str]) -> bool:
    """Whether a frame of a prompt is presented: introduced by a colon, or with nothing but blanks to fill in.

    >>> shows_frame("The format has two headings:", ["(task)"]), shows_frame("Yes.", ["Sort the list."])
    (True, False)
    """
    if before.rstrip().endswith((":", "：")):
        return True
    return bool(parts) and all(_BLANK_PART.fullmatch(part) for part in parts)
