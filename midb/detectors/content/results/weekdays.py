"""Tasks that ask for the weekday of a date, and the weekday that a response names. The names are CLDR's."""

from __future__ import annotations

import functools
import re
from datetime import date

import regex
from babel import Locale as BabelLocale

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_DATE = rf"(?:{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}}))"
_ASKS = re.compile(
    r"\s*(?:please )?(?:what|which|find(?: out)?|determine|tell me|give|calculate|identify)(?: the)?(?: what| which)? "
    r"(?:day of the week|weekday|week day)(?: was| is| it| will| be| does| did| for| on| of| the| following| given"
    rf"| date| falls?)*[: ]*\s*{_DATE}?(?: fall(?: on)?| on| was| is)?\s*[?.:]?\s*",
    re.IGNORECASE,
)
_LONGEST_TASK = 200
#: Before that, calendars differ.
_FIRST_YEAR = 1800


def read_weekday(instruction: str, given: str) -> date | None:
    """The date whose weekday an English task asks for; ``None`` where it asks for something else.

    >>> read_weekday("What day of the week was July 4, 1976?", "")
    datetime.date(1976, 7, 4)
    """
    asked = _ASKS.fullmatch(instruction) if len(instruction) <= _LONGEST_TASK else None
    if asked is None:
        return None
    told = asked if asked["day"] else re.fullmatch(rf"\s*{_DATE}\s*\.?\s*", given, re.IGNORECASE)
    if told is None or (asked["day"] and given.strip()):
        return None
    month = [name.lower() for name in _MONTHS].index(told["month"].lower()) + 1
    try:
        day = date(int(told["year"]), month, int(told["day"]))
    except ValueError:
        return None
    return day if day.year >= _FIRST_YEAR else None


def find_wrong_weekday(text: str, day: date, locale: str) -> tuple[regex.Match[str] | None, str]:
    """Where the one weekday that a text names stands, if it is another one; and the name of the right one.

    >>> match, right = find_wrong_weekday("Es war ein Montag.", date(1976, 7, 4), "de_DE")
    >>> match.group(), right
    ('Montag', 'Sonntag')
    """
    names = _name_weekdays(locale)
    right = names[day.weekday()]
    found = list(_compile_weekdays(locale).finditer(text))
    if len({match.group().casefold() for match in found}) != 1 or found[0].group().casefold() in _fold(right):
        return None, right[0]
    return found[0], right[0]


def _fold(names: tuple[str, ...]) -> set[str]:
    return {name.casefold() for name in names}


@functools.cache
def _name_weekdays(locale: str) -> tuple[tuple[str, ...], ...]:
    """The names of each weekday, from Monday on, as CLDR has them in sentences and alone."""
    days = BabelLocale.parse(locale).days
    return tuple(
        tuple(dict.fromkeys((days["format"]["wide"][place], days["stand-alone"]["wide"][place]))) for place in range(7)
    )


@functools.cache
def _compile_weekdays(locale: str) -> regex.Pattern[str]:
    """Any weekday; the longest name first, and no part of a longer word of an alphabet."""
    names = sorted({name for names in _name_weekdays(locale) for name in names}, key=len, reverse=True)
    edge = r"[\p{Latin}\p{Cyrillic}\p{Greek}\p{Arabic}\p{M}]"
    return regex.compile(rf"(?<!{edge})(?:{'|'.join(map(regex.escape, names))})(?!{edge})", regex.IGNORECASE)
