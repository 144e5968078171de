"""Reading the records of one corpus: which columns hold the texts, which language they are in, how edits get back in.

The rules are found out once, by the survey, and cross to worker processes; everybody who reads records of the corpus
(a run, a check, a revert, a merge, a preview of prompts) reads them by the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from midb.corpus.language_plan import LanguagePlan
from midb.corpus.layouts import Columns, Layout, LayoutFinder
from midb.corpus.raw import RawRecord
from midb.corpus.records import ParsedRecord, parse_record, sample_of
from midb.corpus.splice import Stages, splice
from midb.text.languages import LanguageIdentifier


@dataclass(frozen=True, kw_only=True)
class ReadingRules:
    """How the records of one corpus are to be read.

    ``usual`` is the layout that most of its records have, ``mapping`` what the user says instead (`--map`);
    ``sourceless``: no English original is used, for they do not fit;
    ``ascii_only``: characters beyond ASCII are written as escapes where a record does not show how it writes them.
    """

    languages: LanguagePlan
    usual: Layout | None = None
    mapping: Columns | None = None
    ascii_only: bool = False
    sourceless: bool = False


class RecordReader:
    """Reads records by the rules of their corpus. Keeps what it learns about columns, and language models."""

    def __init__(self, rules: ReadingRules, identifier: LanguageIdentifier) -> None:
        self.rules = rules
        self.identifier = identifier
        self._finder = LayoutFinder(rules.mapping, rules.usual)

    def parse(self, raw: RawRecord, source: bytes | None = None, *, texts_alone: bool = False) -> ParsedRecord:
        """The record's pairs and what it says about itself; ``source`` is its record in a `--source` file. With
        ``texts_alone`` nobody asks what they are held against.

        Raises RecordError for what cannot be read.
        """
        parsed = parse_record(raw, self._finder, source, texts_alone=texts_alone)
        if self.rules.sourceless:
            parsed = replace(parsed, sources=(None,) * len(parsed.sources))
        return parsed

    def language(self, parsed: ParsedRecord) -> str:
        """The language code of a record, which may be none of ours; ``und`` where nothing can be said."""
        return self.rules.languages.settle(parsed.declared, parsed.key, sample_of(parsed.slots), self.identifier)

    def splice(self, body: bytes, stages: Stages) -> bytes:
        """A record's bytes with edits made in its texts."""
        return splice(body, stages, ascii_only=self.rules.ascii_only)
