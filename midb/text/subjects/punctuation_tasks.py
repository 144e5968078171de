"""Tasks that are about punctuation, so that wrong marks stand in their pairs on purpose."""

from __future__ import annotations

import functools
import re

from midb.locales import LocaleSection
from midb.text.inspection import Inspection


class PunctuationTasks(LocaleSection, table="punctuation"):
    """``about``: patterns by which an instruction shows that marks or mistakes are its very subject.

    Such a pair ("correct the errors", "where does the comma go", "as CSV") holds wrong punctuation on purpose.
    """

    about: tuple[str, ...]

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """All of them as one regular expression, in either case."""
        return re.compile("|".join(self.about), re.IGNORECASE)


def is_about_punctuation(inspection: Inspection) -> bool:
    """Whether the pair's marks are its subject, so that none of them may be judged."""
    tasks = inspection.locale.get(PunctuationTasks)
    return tasks is not None and bool(tasks.pattern.search(inspection.pair.instruction or ""))
