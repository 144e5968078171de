"""One pair examined on both sides by the same detectors, and what is counted of its texts. Runs in worker processes."""

from __future__ import annotations

import functools
import hashlib
import itertools
import multiprocessing
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

from midb.agent.processes import hold_signals, ignore_signals
from midb.agent.record_clock import RecordClock, RecordOutOfTimeError
from midb.agent.state import PairContext
from midb.detectors import KindSelection, TooManyFindingsError
from midb.domain.defects import Finding
from midb.domain.errors import MidbError
from midb.domain.pairs import InstructionPair
from midb.evaluation.data.sides import PairSides
from midb.locales import load
from midb.runs.config import RECORD_SECONDS
from midb.text.languages import IDENTIFIABLE_LENGTH, LanguageIdentifier, is_supported, same_language
from midb.text.words import count_letters, split_words

#: Languages that put no blanks between words: their words are not counted.
WITHOUT_BLANKS = frozenset({"ja", "th", "zh"})

#: Pairs that are sent to a worker at once, and that may be under way for each.
_CHUNK = 64
_AHEAD = 4


@dataclass(frozen=True, slots=True)
class TextStatistics:
    """What is counted of a pair's texts, of the response alone but for ``size``.

    :param words: None in a language without blanks between words.
    :param size: characters of all texts of the pair.
    :param own_language: whether the response is in the language of its record; None where it is too short to tell.
    """

    characters: int
    words: int | None
    lines: int
    size: int
    empty: bool
    own_language: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedPair:
    """What there was to see of a pair before and after.

    :param left: why it was not examined; empty where it was.
    :param introduced: by kind, how many more findings there are in a field after than before.
    :param digests: of the pair before and after, and of its task (instruction and input) before and after.
    """

    sides: PairSides
    before: TextStatistics
    after: TextStatistics
    digests: tuple[int, ...]
    left: str = ""
    findings_before: Mapping[str, int] = field(default_factory=dict)
    findings_after: Mapping[str, int] = field(default_factory=dict)
    introduced: Mapping[str, int] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether the run changed a text of it."""
        return self.digests[0] != self.digests[1]


class PairExaminer:
    """Examines pairs. One per process: it loads the languages once."""

    def __init__(self, selection: KindSelection, seconds: float = RECORD_SECONDS) -> None:
        self._selection = selection
        self._seconds = seconds
        self._identifier = LanguageIdentifier()

    def examine(self, sides: PairSides) -> ExaminedPair:
        """Look at both sides. What takes too long, or has no end of findings, is not examined on either."""
        look = functools.partial(self._count, sides.language)
        both = (sides.before, sides.after)
        digests = (*map(_digest, both), *(_digest(pair, task=True) for pair in both))
        clock = RecordClock(self._seconds, sides.size)
        before = look(sides.before)
        after = before if sides.before == sides.after else look(sides.after)
        make = functools.partial(ExaminedPair, sides=sides, before=before, after=after, digests=digests)
        if not is_supported(sides.language):
            return make(left="other-language")
        context = PairContext(
            locale=load(sides.language), source=sides.source, selection=self._selection, passes=frozenset(),
            identifier=self._identifier, demands=sides.demands, shared=sides.shared,
        )  # fmt: skip
        try:
            found = clock.run(lambda: context.inspect(sides.before))
            left = found if sides.before == sides.after else clock.run(lambda: context.inspect(sides.after))
        except RecordOutOfTimeError:
            return make(left="too-slow")
        except TooManyFindingsError:
            return make(left="too-many-findings")
        return make(
            findings_before=_count_kinds(found), findings_after=_count_kinds(left), introduced=_find_new(found, left)
        )

    def _count(self, language: str, pair: InstructionPair) -> TextStatistics:
        response = pair.response or ""
        own = None
        if count_letters(response) >= IDENTIFIABLE_LENGTH and (read := self._identifier.identify(response)):
            own = same_language(read, language)
        return TextStatistics(
            characters=len(response),
            words=None if language in WITHOUT_BLANKS else len(split_words(response)),
            lines=len(response.splitlines()),
            size=sum(len(text) for _, text in pair.texts()),
            empty=pair.response is not None and not response.strip(),
            own_language=own,
        )


def _count_kinds(findings: Iterable[Finding]) -> dict[str, int]:
    return dict(Counter(finding.kind for finding in findings))


def _find_new(before: Iterable[Finding], after: Iterable[Finding]) -> dict[str, int]:
    """By how many the findings of a kind in a field have become more: an edit may make another of an old finding."""
    counts = [Counter((finding.kind, finding.field) for finding in found) for found in (after, before)]
    kinds: Counter[str] = Counter()
    for (kind, _), times in (counts[0] - counts[1]).items():
        kinds[kind] += times
    return dict(kinds)


def _digest(pair: InstructionPair, *, task: bool = False) -> int:
    texts = (pair.instruction, pair.input) if task else (pair.instruction, pair.input, pair.response)
    made = hashlib.blake2b(digest_size=8)
    for text in texts:
        made.update(b"\0" if text is None else b"\1" + text.encode("utf-8", "surrogatepass") + b"\0")
    return int.from_bytes(made.digest())


def examine_all(pairs: Iterable[PairSides], selection: KindSelection, workers: int) -> Iterator[ExaminedPair]:
    """Examine pairs, in their order, in so many processes; 0: in this one."""
    if not workers:
        yield from map(PairExaminer(selection).examine, pairs)
        return
    with hold_signals():
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=ignore_signals)
    out: deque[Future[list[ExaminedPair]]] = deque()
    try:
        for chunk in _cut(pairs):
            with hold_signals():  # a process may be started
                out.append(pool.submit(_examine_chunk, selection, chunk))
            if len(out) >= _AHEAD * workers:
                yield from out.popleft().result()
        while out:
            yield from out.popleft().result()
    except BrokenProcessPool as error:
        raise MidbError(
            "a process that examined records ended, perhaps for want of memory.",
            hint="--workers 1 needs least; --workers 0 shows what happens.",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _cut(pairs: Iterable[PairSides]) -> Iterator[tuple[PairSides, ...]]:
    remaining = iter(pairs)
    while chunk := tuple(itertools.islice(remaining, _CHUNK)):
        yield chunk


@functools.lru_cache(maxsize=1)
def _make_examiner(selection: KindSelection) -> PairExaminer:
    return PairExaminer(selection)


def _examine_chunk(selection: KindSelection, chunk: tuple[PairSides, ...]) -> list[ExaminedPair]:
    return [_make_examiner(selection).examine(sides) for sides in chunk]
