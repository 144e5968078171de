"""An opened corpus: looked through once, its records understood, its English sources at hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Self

from midb.corpus.formats.base import Container
from midb.corpus.language_plan import LanguagePlan
from midb.corpus.layouts import Columns, Layout, LayoutFinder, RecordError
from midb.corpus.raw import RawRecord
from midb.corpus.reading import ReadingRules, RecordReader
from midb.corpus.source_fit import SourceFit, measure_fit
from midb.corpus.sources import Sources, SourcesByLine, align_sources, open_sources
from midb.corpus.survey import Survey, survey
from midb.text.languages import LanguageIdentifier

#: What ``PinnedSurvey.parse`` raises for what is none.
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, RecordError)

#: Records whose English originals are held against them before a run.
FIT_SAMPLE = 300


@dataclass(frozen=True, kw_only=True)
class OpenedCorpus:
    """A corpus and everything that was found out about it. ``limit`` counts its first records, ``None`` all.
    ``whole_sha256`` is that of the corpus it is a shard of, if it is read as one."""

    container: Container
    found: Survey
    rules: ReadingRules
    identifier: LanguageIdentifier
    sources: Sources | None = None
    limit: int | None = None
    whole_sha256: str = ""

    @property
    def records(self) -> int:
        """How many records are to be read."""
        return self.found.records if self.limit is None else min(self.found.records, self.limit)

    def reader(self) -> RecordReader:
        """Reads the records of this corpus, in this process."""
        return RecordReader(self.rules, self.identifier)

    def source_of(self, raw: RawRecord) -> bytes | None:
        """The record's English original in the source file. Records must be asked for in order."""
        return self.sources.find(raw) if self.sources else None


@dataclass(frozen=True, kw_only=True)
class PinnedSurvey:
    """What shards of a corpus are read by.

    :param corpus: name of the whole corpus, for people; ``sha256`` of its bytes, by which verdicts are seeded.
    :param usual: the layout that most of its records have.
    :param sourceless: its English originals do not fit it, and are not used.
    """

    corpus: str
    sha256: str
    records: int
    languages: LanguagePlan
    usual: Layout
    ascii_only: bool
    sourceless: bool

    @classmethod
    def parse(cls, told: Mapping[str, Any]) -> Self:
        """Read what ``midb.runs.pinning`` writes; raises one of ``MALFORMED`` for anything else."""
        return cls(
            corpus=str(told["corpus"]), sha256=str(told["sha256"]), records=int(told["records"]),
            languages=LanguagePlan(**told["languages"]), usual=LayoutFinder().find(told["usual"]),
            ascii_only=bool(told["ascii_only"]), sourceless=bool(told["sourceless"]),
        )  # fmt: skip

    def apply(self, opened: OpenedCorpus, *, language_said: bool) -> OpenedCorpus:
        """A shard that is read as its corpus is; what the user says of it (``--language``, ``--map``) stands."""
        own = opened.found.languages
        if language_said:
            plan = replace(own, described=f"{own.fixed} (as you say)")
        else:
            plan = replace(self.languages, trusted=own.trusted)
        usual = opened.found.usual if opened.rules.mapping else self.usual
        return replace(
            opened,
            found=replace(opened.found, languages=plan, usual=usual, ascii_only=self.ascii_only),
            rules=replace(
                opened.rules, languages=plan, usual=usual, ascii_only=self.ascii_only, sourceless=self.sourceless
            ),
            whole_sha256=self.sha256,
        )


def open_corpus(
    container: Container,
    *,
    language: str | None = None,
    mapping: Columns | None = None,
    source: Path | Container | None = None,
    limit: int | None = None,
    identify: bool = True,
    fitted: bool = False,
    trusted: bool = False,
    pinned: PinnedSurvey | None = None,
) -> OpenedCorpus:
    """Look through a corpus and make ready to read it.

    ``language`` is that of all records, ``None`` where it is to be found out. With ``identify`` False it is not, for
    readers who know it from elsewhere; then English originals are held against their records only if they are to be
    ``fitted``. ``trusted``: what is said of languages is believed, however the texts read.
    ``pinned`` is what was found out about the corpus that this one is a shard of.
    Raises CorpusError where nothing can be read, or the source does not fit.
    """
    identify = identify and pinned is None
    identifier = LanguageIdentifier(trusting=trusted)
    asked = identifier if identify else None
    found = survey(container, language=language, mapping=mapping, identifier=asked, limit=limit, trusted=trusted)
    rules = ReadingRules(languages=found.languages, usual=found.usual, mapping=mapping, ascii_only=found.ascii_only)
    if isinstance(source, Container):
        sources: Sources | None = align_sources(source, container, found.records)
    else:
        sources = open_sources(source, container, found.records) if source else None
    fit = _measure(container, RecordReader(rules, identifier), sources) if identify or fitted else SourceFit()
    if warning := fit.describe():
        found = replace(found, warnings=(*found.warnings, warning))
        rules = replace(rules, sourceless=fit.misaligned)
    if isinstance(sources, SourcesByLine):
        sources.rewind()
    opened = OpenedCorpus(
        container=container, found=found, rules=rules, identifier=identifier, sources=sources, limit=limit
    )
    return pinned.apply(opened, language_said=language is not None) if pinned else opened


def _measure(container: Container, reader: RecordReader, sources: Sources | None) -> SourceFit:
    """How well the English originals of the first records fit them."""

    def found() -> Iterator[tuple[str, str]]:
        for raw in container.read():
            if not isinstance(raw, RawRecord) or raw.spool:
                continue
            try:
                parsed = reader.parse(raw, sources.find(raw) if sources else None)
            except RecordError:
                continue
            if parsed.misfit or any(parsed.sources):
                yield parsed.key, parsed.misfit
            elif sources is None and not parsed.unexamined:
                return  # the records hold no originals

    return measure_fit(islice(found(), FIT_SAMPLE))
