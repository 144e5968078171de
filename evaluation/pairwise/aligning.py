"""Two corpora, record by record: matched by their ids, or by their order where they have none. None is dropped unsaid.

Texts are kept only of pairs that differ: what is the same on both sides needs no judge.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from midb.audit.texts import texts_hash
from midb.corpus.layouts import RecordError
from midb.corpus.opened import OpenedCorpus
from midb.corpus.raw import RawRecord
from midb.corpus.records import ParsedRecord
from midb.domain.errors import UsageError
from midb.domain.pairs import InstructionPair
from midb.evaluation.pairwise.judging import JudgedPair
from midb.text.languages import is_supported
from midb.training.data.revision import identify_row

#: Names of the sides, in this order.
SIDES = ("raw", "boosted")

#: Ids that are named of each sort of problem.
_NAMED = 5


@dataclass(kw_only=True)
class Alignment:
    """What both corpora hold.

    :param differing: pairs that are not the same on both sides.
    :param same: rows of pairs that are the same, by language: each is a tie.
    :param every: all pairs in their order, each with its place within its record, if they were to be kept.
    :param notes: what a reader of the figures has to know.
    """

    differing: list[JudgedPair] = field(default_factory=list)
    same: dict[str, Counter[str]] = field(default_factory=dict)
    every: list[tuple[int, JudgedPair]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def pairs(self) -> int:
        """How many there are."""
        return len(self.differing) + sum(rows.total() for rows in self.same.values())


@dataclass(slots=True)
class _Listed:
    """The records of a corpus that can be read: key and hash of each, in order; and lines that cannot."""

    name: str
    keys: list[str]
    hashes: list[str]
    unreadable: list[int]
    unexamined: list[str]


def align(raw: OpenedCorpus, boosted: OpenedCorpus, *, common: bool = False, keep: bool = False) -> Alignment:
    """Match two corpora.

    :param common: only records that both have, each once, are compared, and the others counted.
    :param keep: keep the pairs that are the same on both sides, too.
    :raises UsageError: where a record of one has no counterpart in the other, naming the first.
    """
    sides = [_list_records(corpus, name) for corpus, name in zip((raw, boosted), SIDES, strict=True)]
    found = Alignment()
    places = _match(sides, found, common=common)
    back = {
        place: number
        for number, place in enumerate(places)
        if place is not None and sides[0].hashes[number] != sides[1].hashes[place]
    }
    made = {back[number]: parsed for number, parsed in enumerate(_parse(boosted)) if number in back}
    left_out: Counter[str] = Counter()
    reader = raw.reader()
    for number, (parsed, source) in enumerate(_parse_with_sources(raw)):
        if places[number] is None:
            continue
        language = reader.language(parsed)
        if parsed.unexamined or not is_supported(language):
            left_out["no pair found" if parsed.unexamined else f"in another language ({language})"] += 1
            continue
        _compare(parsed, source, made.get(number), language, found, keep=keep)
    found.notes += [f"{count:,} records are left out: {why}." for why, count in left_out.items()]
    for side in sides:
        if side.unreadable:
            lines = "line" if len(side.unreadable) == 1 else "lines"
            found.notes.append(
                f"{len(side.unreadable):,} {lines} of the {side.name} corpus cannot be read (the first: line "
                f"{side.unreadable[0]:,}) and are on no side."
            )
    if not found.pairs:
        raise UsageError("there is no pair to compare.", hint="midb-agent check FILE says what it reads.")
    return found


def _list_records(corpus: OpenedCorpus, name: str) -> _Listed:
    listed = _Listed(name, [], [], [], [])
    reader = corpus.reader()
    for raw in _records_of(corpus):
        try:
            parsed = reader.parse(raw)
        except RecordError:
            listed.unreadable.append(raw.line)
            continue
        listed.keys.append(parsed.key)
        listed.hashes.append(texts_hash([slot.pair for slot in parsed.slots]))
    return listed


def _records_of(corpus: OpenedCorpus) -> Iterator[RawRecord]:
    for item in corpus.container.read():
        if not isinstance(item, RawRecord):
            return
        yield item


def _parse(corpus: OpenedCorpus) -> Iterator[ParsedRecord]:
    return (parsed for parsed, _ in _parse_with_sources(corpus))


def _parse_with_sources(corpus: OpenedCorpus) -> Iterator[tuple[ParsedRecord, tuple[InstructionPair | None, ...]]]:
    reader = corpus.reader()
    for raw in _records_of(corpus):
        source = corpus.source_of(raw)
        try:
            parsed = reader.parse(raw, source)
        except RecordError:
            continue
        yield parsed, parsed.sources


def _match(sides: Sequence[_Listed], found: Alignment, *, common: bool) -> list[int | None]:
    """Of each record of the raw side the place of its counterpart; None where it is left out.

    Where both have the same ids in the same order, the order is believed: also ids that stand there twice.
    """
    raw, boosted = sides
    counts = [Counter(side.keys) for side in sides]
    twice = [[key for key, times in count.items() if times > 1] for count in counts]
    # Without ids a record is called by its place, which a line that cannot be read shifts on one side only.
    nameless = all(_is_place(key) for side in sides for key in side.keys)
    if raw.keys == boosted.keys or (nameless and len(raw.keys) == len(boosted.keys)):
        if twice[0]:
            found.notes.append(f"{_name(twice[0], 'id')} there more than once; records are matched by their order.")
        return list(range(len(raw.keys)))
    problems = []
    missing = [key for key in counts[0] if key not in counts[1]]
    added = [key for key in counts[1] if key not in counts[0]]
    if nameless:
        problems.append(f"they have {len(raw.keys):,} and {len(boosted.keys):,} records, and no ids to match them by")
    else:
        problems += [f"{_name(missing, 'id')} in the raw corpus alone"] if missing else []
        problems += [f"{_name(added, 'id')} in the boosted corpus alone"] if added else []
        for side, keys in zip(sides, twice, strict=True):
            problems += [f"{_name(keys, 'id')} more than once in the {side.name} corpus"] if keys else []
    if problems and (nameless or not common):
        raise UsageError(
            f"the corpora do not align: {'; '.join(problems)}.",
            hint="--common compares only what both have, once each." if not nameless else "Give their records ids.",
        )
    found.notes += [f"Left out: {problem}." for problem in problems]
    places = {key: place for place, key in enumerate(boosted.keys) if counts[0][key] == counts[1][key] == 1}
    matched = [places.get(key) for key in raw.keys]
    kept = [place for place in matched if place is not None]
    if kept != sorted(kept):
        moved = sum(one > other for one, other in itertools.pairwise(kept))
        found.notes.append(
            f"The records stand in another order in the boosted corpus ({moved:,} breaks); they are matched by ids."
        )
    return matched


def _is_place(key: str) -> bool:
    return key.startswith("#") and key[1:].isdigit()


def _name(keys: Sequence[str], what: str) -> str:
    """Some ids, so that a person finds them."""
    shown = ", ".join(keys[:_NAMED]) + (", ..." if len(keys) > _NAMED else "")
    return f"{what} {shown} stands" if len(keys) == 1 else f"{len(keys):,} {what}s ({shown}) stand"


def _compare(
    parsed: ParsedRecord,
    sources: Sequence[InstructionPair | None],
    made: ParsedRecord | None,
    language: str,
    found: Alignment,
    *,
    keep: bool,
) -> None:
    """Put the pairs of one record where they belong; ``made`` is the other side, None where that is the same."""
    first = parsed.slots[0]
    row = identify_row(first.pair.replaced(dict(first.shared)), sources[0], parsed.key)
    if made is not None and (made.unexamined or len(made.slots) != len(parsed.slots)):
        raise UsageError(
            f"record {parsed.key} has {len(parsed.slots)} pairs in the raw corpus and "
            f"{0 if made.unexamined else len(made.slots)} in the boosted one.",
            hint="Leave it out of both.",
        )
    for number, (slot, source) in enumerate(zip(parsed.slots, sources, strict=True)):
        before = slot.pair.replaced(dict(slot.shared))
        after = before if made is None else made.slots[number].pair.replaced(dict(made.slots[number].shared))
        if before == after:
            found.same.setdefault(language, Counter())[row] += 1
            if not keep:
                continue
        item = parsed.key if len(parsed.slots) == 1 else f"{parsed.key} / {number + 1}"
        versions = ((SIDES[0], before), (SIDES[1], after))
        pair = JudgedPair(item=item, language=language, row=row, versions=versions, source=source)
        if keep:
            found.every.append((number, pair))
        if before != after:
            found.differing.append(pair)
