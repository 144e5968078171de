"""Tasks that are about punctuation, so that wrong marks stand in their pairs on purpose."""

from __future__ import annotations

import functools
import re

from midb.locales import LocaleSection
from midb.text.inspection import Inspection


class PunctuationTasks(LocaleSection, table="punctuation"):
    """``about``: patterns by which an instruction shows that marks or mistakes are its very subject.

    Such a pair ("correct the errors", "where does the comma go", "as CSV") holds wrong punctuation on purpose.
    ``signs``: patterns of words beside which a mark between blanks is the thing spoken of ("the sign ? is").
    """

    about: tuple[str, ...]
    signs: tuple[str, ...] = ()

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """All of them as one regular expression, in either case."""
        return re.compile("|".join(self.about), re.IGNORECASE)

    @functools.cached_property
    def spoken_of(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        """Such a word with its blank, at the end of what stands before a mark, and at the start of what follows it."""
        words = "|".join(self.signs) or r"(?!)"
        return re.compile(rf"(?:{words})[\"”»)]? ?\Z", re.IGNORECASE), re.compile(rf" (?:{words})", re.IGNORECASE)


def is_about_punctuation(inspection: Inspection) -> bool:
    """Whether the pair's marks are its subject, so that none of them may be judged."""
    tasks = inspection.locale.get(PunctuationTasks)
    return tasks is not None and bool(tasks.pattern.search(inspection.pair.instruction or ""))


#: Characters before a mark in which the word that names it ends.
_NEAR = 24


def is_spoken_of(text: str, start: int, inspection: Inspection) -> bool:
    """Whether the mark at ``start``, between blanks, is the thing that the sentence speaks of: "the sign ? stands for".

    A word beside it says so, or the sentence goes on behind a mark that would end it.
    """
    behind = text[start + 1 : start + 1 + _NEAR]
    if not behind[:1].isspace():
        return False
    following = behind.lstrip()
    if text[start] in ".!?" and following[:1].islower() and not following.startswith(("http", "www")):
        return True
    tasks = inspection.locale.get(PunctuationTasks)
    if tasks is None:
        return False
    before, after = tasks.spoken_of
    return bool(before.search(text[max(0, start - _NEAR) : start]) or after.match(behind))
