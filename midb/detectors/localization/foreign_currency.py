"""Foreign currency: everyday prices in dollars where the readers pay in another currency: "4 Äpfel zu je 2,50 $".

The amount stands in the task and in its English source: what a response alone says may be a fact of the world.
Millions, tasks that convert or speak of dollars, companies and places where dollars are at home are left alone.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from babel.numbers import get_territory_currencies

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.domain.pairs import Field
from midb.locales import LocaleSection, load
from midb.text.inspection import Inspection, join_task, join_texts
from midb.text.quantities.numbers import ASCII_DIGITS


class CurrencyWords(LocaleSection, table="currency"):
    """``dollars``: words for them behind a number; a ``*`` at the end stands for any letters."""

    dollars: tuple[str, ...]


FOREIGN_CURRENCY = DefectKind(
    name="foreign-currency",
    family=DefectFamily.LOCALIZATION,
    severity=Severity.MINOR,
    summary="an everyday price in dollars where another currency is paid",
    needs_source=True,
    needs=(CurrencyWords,),
)
KINDS = (FOREIGN_CURRENCY,)

#: An amount, its thousands apart or not.
_AMOUNT = r"(?:\d{1,3}(?:[ \u00a0\u202f]\d{3}){1,3}(?:,\d\d)?|\d[\d.,]{0,20}(?<=\d))"
_ENGLISH = re.compile(
    r"(?<![\w$])\$ ?(?P<one>\d[\d,]{0,12}(?:\.\d{1,2})?)(?!\w)(?! ?(?:[mb]illion|trillion|thousand|k\b))"
    r"|(?<![\w.,])(?P<two>\d[\d,]{0,12}(?:\.\d{1,2})?) dollars?\b",
    re.IGNORECASE,
)
#: A price of everyday life is no higher.
_HIGHEST = 20_000
#: Where dollars are meant, or the amount is a fact.
_AT_HOME = re.compile(
    r"\b(?:convert\w*|conversion|exchange|currenc\w+|foreign|euros?|pounds?|yen|peso\w*|bitcoin|stock\w*|shares?"
    r"|market cap|dow|nasdaq|tax\w*|medicare|federal|congress|senate|america\w*|united states|(?-i:U\.?S\.?A?)|usd"
    r"|canad\w*|australia\w*|new york|california|texas|florida|chicago|los angeles|san francisco|seattle|boston"
    r"|hawaii|las vegas|dollar (?:bill|sign|store|tree|general)|[mb]illions?"
    r"|trillions?|amazon|walmart|ebay|apple inc|google|netflix"
    r"|minimum wage|latex|histor(?:y|ical|ic)|century|1[89]\d\d)\b|[®™]|https?:|\$[a-z(\\]",
    re.IGNORECASE,
)


def detect(inspection: Inspection) -> Iterator[Finding]:
    """The first price in dollars of each field, where the task has one."""
    source = inspection.source
    if source is None or not _has_price(join_task(source)) or _AT_HOME.search(join_texts(source)):
        return
    pattern, own = _load_pattern(inspection.locale.code)
    if pattern is None:
        return
    places = [(item, pattern.search(item.text.translate(ASCII_DIGITS))) for item in inspection.fields]
    if not any(match for item, match in places if item.field is not Field.RESPONSE):
        return
    for item, match in places:
        if match and not item.protected.overlaps(*match.span()):
            amount = " ".join(item.text[match.start() : match.end()].split())
            evidence = f"{amount}, not {own} as in {inspection.locale.default_locale}"
            yield FOREIGN_CURRENCY.finding(item.field, match.start(), match.end(), evidence)


def _has_price(task: str) -> bool:
    """Whether an English task has prices of everyday life, and none beyond."""
    if "$" not in task and "dollar" not in task:
        return False
    amounts = [float((match["one"] or match["two"]).replace(",", "")) for match in _ENGLISH.finditer(task)]
    return bool(amounts) and 0 < max(amounts) <= _HIGHEST


@functools.cache
def _load_pattern(code: str) -> tuple[re.Pattern[str] | None, str]:
    """How a language writes an amount in dollars, and the code of its own currency."""
    locale = load(code)
    words = locale.get(CurrencyWords)
    if words is None:
        return None, ""
    named = "|".join(
        re.escape(word.rstrip("*")) + (r"\w*" if word.endswith("*") else "")
        for word in sorted(words.dollars, key=len, reverse=True)
    )
    edge = "" if code in ("ja", "ko", "th") else r"(?!\w)"
    before = rf"(?<![A-Za-z\d$])\$\s?{_AMOUNT}"
    behind = rf"(?<![A-Za-z\d.,]){_AMOUNT}\s?(?:\$(?![\w\\])|USD\b|(?:{named}){edge})"
    currencies = get_territory_currencies(locale.default_locale.partition("_")[2])
    return re.compile(f"{before}|{behind}", re.IGNORECASE), currencies[0]
