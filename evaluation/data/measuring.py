"""A whole measurement of a run's data: both sides read, examined and counted, and what is to be said with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from midb import __version__
from midb.audit.reader import AuditReader
from midb.audit.run_rows import Run
from midb.corpus.opened import OpenedCorpus
from midb.detectors import KindSelection, kinds
from midb.domain.errors import MidbError
from midb.domain.intervals import CONFIDENCE
from midb.evaluation.data.examining import examine_all
from midb.evaluation.data.references import MEB_NOTE, References, measure_agreement
from midb.evaluation.data.sides import SidesReader, describe_settings
from midb.evaluation.data.tallying import PER, DataTally
from midb.evaluation.intervals import LEAST_ROWS
from midb.runs.versions import DISTRIBUTION

#: Says how the JSON is laid out; names are added to it, never renamed or removed.
FORM = 1


@dataclass(frozen=True, kw_only=True)
class DataQuestion:
    """What is measured.

    :param sourceless: the run had English originals in a file that is not at hand.
    """

    reader: AuditReader
    run: Run
    corpus: OpenedCorpus
    output: OpenedCorpus
    references: References | None = None
    sourceless: bool = False
    seed: int = 0
    resamples: int = 1000
    workers: int = 0


def measure_data(question: DataQuestion, tell: Callable[[int], None] = lambda pairs: None) -> dict[str, Any]:
    """The figures, as JSON has them.

    :param tell: is called with the number of pairs that are examined.
    :raises UsageError: where a file is not that of the run.
    :raises MidbError: where there is no pair to be measured.
    """
    config = orjson.loads(question.run.config)
    selection, unknown = _read_selection(config)
    sides = SidesReader(question.reader, question.run, question.corpus, question.output)
    tally = DataTally(seed=question.seed, resamples=question.resamples)
    found = 0
    for pair in examine_all(sides.read(), selection, question.workers):
        revised = question.references.find(pair.sides.before) if question.references else None
        agreement = measure_agreement(pair.sides.before, pair.sides.after, revised) if revised else None
        tally.add(pair, agreement)
        found += 1
        tell(found)
    if not found:
        raise MidbError("the run has no pair to be measured.", hint="midb-agent audit summary says what it read.")
    groups = tally.groups()
    return {
        "form": FORM,
        "evaluates": "data",
        "midb_agent": __version__,
        "run": question.run.id,
        "corpus": Path(question.run.corpus).name,
        "output": Path(question.run.output).name,
        "pairs": found,
        "records": sides.records,
        "unexamined_records": sides.unexamined,
        "per": PER,
        "intervals": {
            "confidence": CONFIDENCE, "clusters": "source row", "resamples": question.resamples, "seed": question.seed,
            "least_rows": LEAST_ROWS,
        },
        "kinds_examined": sorted(selection.names),
        "reference": question.references and {
            "name": question.references.name, "metric": "chrF (sacrebleu)", "meb": question.references.is_meb,
        },
        "groups": groups,
        "more_findings_in": tally.worse,
        "language_lost_in": tally.lost,
        "notes": _write_notes(question, config, unknown, groups),
    }  # fmt: skip


def _read_selection(config: dict[str, Any]) -> tuple[KindSelection, list[str]]:
    """The kinds that the run examined, and those that are not known any more."""
    names = config.get("kinds")
    if not isinstance(names, list):
        return KindSelection.parse(), []
    known = frozenset(name for name in names if name in kinds())
    unknown = sorted(name for name in names if name not in known)
    return KindSelection(known, typography=bool(config.get("typography"))), unknown


def _write_notes(
    question: DataQuestion, config: dict[str, Any], unknown: list[str], groups: list[dict[str, Any]]
) -> list[str]:
    """What a reader of the figures has to know."""
    notes = [
        "Found by this program's own detectors, on both sides: what none of them looks for is not counted, and what "
        "they are wrong about is counted as it is.",
        *describe_settings(config),
    ]
    versions = orjson.loads(question.run.versions)
    made = versions.get(DISTRIBUTION) if isinstance(versions, dict) else None
    if made and made != __version__:
        notes.append(f"The run was made by version {made}; both sides were examined by {__version__}.")
    if unknown:
        notes.append(f"Kinds that this version does not know are left out: {', '.join(unknown)}.")
    if question.sourceless:
        notes.append(
            "The run had English originals in a file: without --source FILE, kinds that need them are not counted."
        )
    if question.references is not None:
        count = (groups[0]["agreement"] or {"pairs": 0})["pairs"]
        notes.append(f"{count:,} of {groups[0]['pairs']:,} pairs have a reference in {question.references.name}.")
        if question.references.is_meb:
            notes.append(MEB_NOTE)
    if few := [group["language"] or "all" for group in groups if group["rows"] < LEAST_ROWS]:
        notes.append(f"Too few rows for an interval ({LEAST_ROWS} are needed): {', '.join(few)}.")
    return notes
