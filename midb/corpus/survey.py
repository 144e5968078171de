"""One look at a corpus before the run: how much there is, how it is laid out, which languages it is in.

Streams through the file once; what it decides on is a bounded sample spread evenly over the whole file, so that a
corpus of several parts is not judged by its first.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from midb.corpus.formats.base import Container
from midb.corpus.language_plan import LanguagePlan, plan_languages
from midb.corpus.layouts import Columns, Layout, LayoutFinder, Prompts, RecordError, find_unexamined, quotable
from midb.corpus.raw import RawRecord
from midb.corpus.records import load_object, record_key, sample_of
from midb.domain.errors import CorpusError, UsageError
from midb.text.languages import LanguageIdentifier

#: Between this and twice this many records are sampled.
SAMPLE = 300

#: So many records with the same fault are a layout that was misunderstood.
MANY = 10

#: Records that are kept as examples, and how many bytes one of them may have.
EXAMPLES = 24
EXAMPLE_BYTES = 64 << 10

#: Columns whose texts nobody expects to be examined: the English originals, and what a source of data calls itself.
LEFT_OUT = ("source",)

#: And no more than this many bytes of them.
SAMPLE_BYTES = 64 << 20


@dataclass(frozen=True)
class Survey:
    """What was found out about a corpus. ``usual`` is the layout most records use, ``examples`` are a few of them."""

    records: int
    bytes: int
    sha256: str
    layouts: tuple[str, ...]
    usual: Layout
    ascii_only: bool
    sources: int
    languages: LanguagePlan
    warnings: tuple[str, ...] = ()
    examples: tuple[RawRecord, ...] = ()


def survey(
    container: Container,
    *,
    language: str | None,
    mapping: Columns | None,
    identifier: LanguageIdentifier | None,
    limit: int | None = None,
    trusted: bool = False,
) -> Survey:
    """Look through a corpus once. Raises CorpusError where not one record can be read.

    ``identifier`` is ``None`` where nobody will ask for the language of a record; ``trusted``: what is said of
    languages is believed.
    """
    count, sample = _sample(container, limit)
    finder = LayoutFinder(mapping)
    layouts: Counter[str] = Counter()
    usual: dict[str, Layout] = {}
    parsed: list[tuple[dict[str, Any], str, str]] = []
    problem: tuple[RawRecord, RecordError] | None = None
    notes: Counter[str] = Counter()
    unread: Counter[str] = Counter()
    seen: set[str] = set()
    empty = 0
    for raw in sample:
        record = None
        try:
            record = load_object(raw)
            layout = finder.find(record)
            slots = layout.slots(record)
        except RecordError as error:
            problem = problem or (raw, error)
            unread[error.message] += record is not None
            continue
        layouts[layout.name] += 1
        usual.setdefault(layout.name, layout)
        notes.update({note for slot in slots for note in slot.skipped})
        notes.update(f"{quotable(name, 60)} is not examined" for name in find_unexamined(record, slots, LEFT_OUT))
        empty += all(slot.pair.response == "" for slot in slots)
        seen.update(record)
        text = sample_of(slots)
        parsed.append((record, record_key(record, raw.position), text))
    if not parsed:
        assert problem is not None, "a corpus that is not empty has a first record"
        raise _unreadable(container, *problem, mapping)
    if mapping:
        refuse_missing_columns(mapping, seen)
    elif empty == len(parsed) >= MANY:
        raise _all_empty(container, parsed[0][0])
    names = [name for name, _ in layouts.most_common()]
    plan, warnings = (
        plan_languages(parsed, language, identifier, trusted=trusted)
        if identifier
        else (LanguagePlan(fixed=language, trusted=trusted), [])
    )
    size, sha256 = container.identity()
    short = [raw for raw in sample if len(raw.body) <= EXAMPLE_BYTES and raw.spool is None]
    return Survey(
        records=count,
        bytes=size,
        sha256=sha256,
        layouts=tuple(f"{name} ({layouts[name] / len(parsed):.0%})" if len(names) > 1 else name for name in names),
        usual=usual[names[0]],
        ascii_only=all(raw.body.isascii() for raw in sample) and any(b"\\u" in raw.body for raw in sample),
        sources=sum(isinstance(record.get("source"), dict) for record, _, _ in parsed),
        languages=plan,
        warnings=(*_describe_unread(unread, len(sample)), *_describe_notes(notes, len(parsed)), *warnings),
        examples=tuple(short[:: -(-len(short) // EXAMPLES)] if short else ()),
    )


def refuse_missing_columns(mapping: Columns, seen: Collection[str]) -> None:
    """Raise where `--map` names a column that no record of a sample has."""
    for column in (mapping.instruction, mapping.input, mapping.response):
        if column is not None and column not in seen:
            inner = re.search(r"[.\[]", column)
            advice = " What stands inside a column is found without --map, or not at all." if inner else ""
            raise UsageError(
                f'--map names a column "{quotable(column, 60)}", which no record has.',
                hint=f"The columns are: {', '.join(quotable(key, 40) for key in sorted(seen)[:20])}.{advice}",
            )


def _all_empty(container: Container, record: Mapping[str, Any]) -> CorpusError:
    columns = ", ".join(quotable(key, 40) for key in list(record)[:20])
    return CorpusError(
        f"every response of {container.path} is empty, as far as it can be read: which column holds them?",
        hint=f"Say --map instruction=COLUMN,response=COLUMN, even where they are empty indeed. "
        f"The columns are: {columns}.",
    )


def _describe_unread(unread: Counter[str], records: int) -> list[str]:
    """Which records are not examined, in one warning: the commonest reasons first."""
    if not (count := unread.total()):
        return []
    listed = "; ".join(message for message, n in unread.most_common(3) if n)
    more = "; and other reasons" if len(unread) > 3 else ""
    return [f"{count / records:.1%} of a sample is not examined and stays as it is: {listed}{more}"]


def _describe_notes(notes: Counter[str], records: int) -> list[str]:
    """What of the records is not looked at, in one warning: the commonest first."""
    if not notes:
        return []
    listed = [f"{note} ({count / records:.0%})" for note, count in notes.most_common(5)]
    more = f"; and {len(notes) - 5} more" if len(notes) > 5 else ""
    return [f"what follows stays as it is, and nobody looks at it (share of a sample): {'; '.join(listed)}{more}"]


def _sample(container: Container, limit: int | None) -> tuple[int, list[RawRecord]]:
    """The number of records, and an even sample of them: every ``stride``-th, the stride doubling as it fills."""
    count, stride, size = 0, 1, 0
    sample: list[RawRecord] = []
    for item in container.read():
        if not isinstance(item, RawRecord) or count == limit:
            break
        if item.position % stride == 0:
            sample.append(item)
            size += len(item.body)
            while len(sample) > 2 * SAMPLE or (size > SAMPLE_BYTES and len(sample) > 1):
                sample = sample[::2]
                stride *= 2
                size = sum(len(raw.body) for raw in sample)
        count += 1
    if not count:
        raise CorpusError(f"{container.path} holds no records.", hint="A corpus has one JSON object a line.")
    return count, sample


def _unreadable(container: Container, raw: RawRecord, error: RecordError, mapping: Columns | None) -> CorpusError:
    hint = "A corpus is JSON Lines (one object a line) or a JSON array of objects."
    if error.reason == "talk-in-one-text":
        hint = 'Cut each talk into its turns first: {"messages": [{"role": "user", "content": "..."}, ...]}.'
    elif inner := _list_within(raw):
        hint = f"The records seem to stand inside {inner}; take them out first: jq -c '.{inner}[]'"
    elif mapping and error.reason in ("missing-field", "field-not-text"):
        hint = f"The columns are: {', '.join(quotable(key, 40) for key in list(load_object(raw))[:20])}."
    elif error.reason == "unknown-layout" and {"role", "text"} <= load_object(raw).keys():
        hint = 'Each record is one turn of a talk: join the turns of a talk in one record, as "messages".'
    elif error.reason == "unknown-layout":
        hint = "Say which columns hold the texts: --map instruction=COLUMN,response=COLUMN"
        if raw.row:
            hint += ". The first line of a table holds the names of the columns."
    elif error.reason == "ragged-row":
        hint = "A cell that holds the separator stands between quotation marks; the first line names the columns."
    elif error.reason == "too-long":
        hint += " If this is one large object, take the list out of it first, for example: jq -c '.data[]'"
    elif error.reason == "not-utf8":
        hint = "Convert it to UTF-8 first, for example: iconv -f LATIN1 -t UTF-8"
    return CorpusError(
        f"no record of {container.path} can be read; the first problem, {raw.place}: {error.message}.", hint=hint
    )


def _list_within(raw: RawRecord) -> str | None:
    """The key under which a single object holds the list that should have been the corpus, if it looks like one."""
    try:
        record = load_object(raw)
    except RecordError:
        return None
    for key, value in record.items():
        if isinstance(value, list) and value and isinstance(value[0], dict) and re.fullmatch(r"[A-Za-z_]\w{,40}", key):
            with contextlib.suppress(RecordError):
                if not isinstance(LayoutFinder().find(value[0]), Prompts):
                    return key  # turns alone are questions or answers: taken out, answers would be instructions
    return None
