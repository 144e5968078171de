"""boost and check: the command line's work, for records that a Python program holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from midb.agent.run.examine import ExaminerSettings, explain_left_alone
from midb.agent.run.misreading import refuse_misread
from midb.agent.run.reviewed import read_reviews, switch_off
from midb.agent.run.worker_pool import examine_corpus
from midb.corpus.formats.base import Container
from midb.corpus.formats.memory import RecordsInMemory
from midb.corpus.layouts import parse_mapping
from midb.corpus.opened import OpenedCorpus, open_corpus
from midb.corpus.raw import RawRecord
from midb.domain.errors import UsageError
from midb.domain.results import RecordResult, RejectedLine
from midb.library.logged import boost_with_log
from midb.library.loops import is_given_up, outside_loop
from midb.library.results import (
    BoostResult,
    CheckResult,
    RejectedInfo,
    edits_of,
    findings_of,
    ledger_of,
    rejected_of,
    unexamined_of,
    warn_of_left_alone,
)
from midb.library.settings import checked_settings
from midb.library.tables import Changes, Table, json_like, table_of, with_text
from midb.review.switching import SwitchedByReview
from midb.runs.config import RunConfig

Records = TypeVar("Records")

#: Where an English original is looked for in a record, unless ``source`` says otherwise.
SOURCE_COLUMN = "source"


@outside_loop
def boost(
    records: Records,
    *,
    language: str = "auto",
    trust_language: bool = False,
    mapping: Mapping[str, str] | None = None,
    source: Any = None,
    passes: Iterable[str] | None = None,
    kinds: Iterable[str] = (),
    typography: bool = False,
    reviewed: str | Path | Iterable[str | Path] = (),
    min_precision: float | None = None,
    min_verdicts: int | None = None,
    workers: int = 0,
    audit: str | Path | None = None,
    fresh: bool = False,
    model: str | None = None,
    adapter: str | Path | Mapping[str, str | Path] | None = None,
    prompts: str | Path | None = None,
    seal_key: str | Path | None = None,
) -> BoostResult[Any]:
    """Repair what can be proved in records, and say what else is wrong.

    :param records: dictionaries in any iterable, a pandas or polars data frame, or a `datasets.Dataset`, laid out as
        the corpora that `midb-agent run` reads. They are not changed: `result.records` is the same kind of thing.
    :param language: code of the language of all records; "auto": declared by each, or found out.
    :param trust_language: believe what is said of languages, however the texts read.
    :param mapping: columns of the texts, such as ``{"instruction": "q", "response": "a"}``.
    :param source: the English originals: the name of a column that holds one in each record, or records of their own,
        aligned by id or by their order.
    :param passes: of content, translation, localization; default: all.
    :param kinds: kinds to add ("+kind") or to leave out ("-kind"); ``typography`` adds the conventions of print.
    :param reviewed: an audit log with verdicts of people, or several: kinds that they found wrong too often in a
        language are off there, see `--reviewed`; ``min_precision`` and ``min_verdicts`` say what too often is.
    :param workers: processes; 0 works in this one. With more, a script needs ``if __name__ == "__main__":``.
    :param audit: an audit log to be written, with the corpus and the boosted corpus as JSON Lines beside it. The same
        call resumes an unfinished run; ``fresh`` starts anew.
    :param model: a language model that rewrites, as `--model` names it; it needs ``audit``, where its replies are kept.
    :param adapter: a LoRA adapter of the model, or one by the name of each pass that it answers, see `--adapter`.
    :param prompts: "short", or a folder of prompts that replace ours, see `--prompts`; default: what the adapter was
        trained with, else the full ones.
    :param seal_key: a file with the key that seals the audit log, as `--seal-key` names it; it needs ``audit``.
    :raises MidbError: with one sentence and a hint, where the records or the settings cannot be used.

    >>> result = boost([{"instruction": "Grüße!", "output": "SchÃ¶n, dich zu sehen."}], language="de")
    >>> result.records[0]["output"], result.edits[0].reason
    ('Schön, dich zu sehen.', '"SchÃ¶n," reads "Schön,"')
    """
    if seal_key is not None and audit is None:
        raise UsageError("a key seals an audit log, and there is none.", hint='Add audit="run.audit.db".')
    settings = checked_settings(
        language,
        kinds=kinds,
        typography=typography,
        mapping=mapping,
        passes=passes,
        workers=workers,
        fresh=fresh,
        model=model,
        adapter=adapter,
        prompts=prompts,
        **{"seal-key": seal_key, "trust-language": trust_language},
        **_name_reviews(reviewed, min_precision, min_verdicts),
    )
    table = table_of(records)
    opened = _open(table, settings, source)
    if audit is not None:
        logged = boost_with_log(opened.container, _separate(source), settings, Path(audit))
        results, rejected, warnings = logged.results, logged.rejected, logged.warnings
        unexamined, notes = logged.unexamined, logged.switched_off
    elif model is None:
        review = read_reviews(settings)
        notes = review.explain("") if review else ()
        results, rejected = _examined(opened, settings, review, rewrite=True)
        warnings = (*opened.found.warnings, *filter(None, map(explain_left_alone, results)))
        unexamined = unexamined_of(results)
    else:
        raise UsageError(
            "a model's replies cost time or money, and without a log they are lost.", hint='Add audit="run.audit.db".'
        )
    return BoostResult(
        records=table.changed(_changes(table, opened, results)),
        edits=[edit for result in results for edit in edits_of(result)],
        findings=[finding for result in results for finding in findings_of(result)],
        rejected=rejected,
        ledger=ledger_of(results, rejected),
        warnings=warnings,
        audit=Path(audit) if audit is not None else None,
        unexamined=unexamined,
        switched_off=notes,
    )


@outside_loop
def check(
    records: Any,
    *,
    language: str = "auto",
    trust_language: bool = False,
    mapping: Mapping[str, str] | None = None,
    source: Any = None,
    kinds: Iterable[str] = (),
    typography: bool = False,
    reviewed: str | Path | Iterable[str | Path] = (),
    min_precision: float | None = None,
    min_verdicts: int | None = None,
    workers: int = 0,
) -> CheckResult:
    """Find what is wrong with records, and change nothing. The parameters are those of `boost`.

    >>> [finding.kind for finding in check([{"instruction": "Rechne.", "output": ""}], language="de").findings]
    ['empty-response']
    """
    more = {"trust-language": trust_language, **_name_reviews(reviewed, min_precision, min_verdicts)}
    settings = checked_settings(
        language,
        kinds=kinds,
        typography=typography,
        mapping=mapping,
        workers=workers,
        **more,
    )
    opened = _open(table_of(records), settings, source)
    review = read_reviews(settings)
    results, rejected = _examined(opened, settings, review, rewrite=False)
    for result in results:
        warn_of_left_alone(result)
    found = [finding for result in results for finding in findings_of(result)]
    return CheckResult(
        read=len(results) + len(rejected),
        findings=found,
        rejected=rejected,
        unexamined=unexamined_of(results),
        switched_off=review.explain("") if review else (),
    )


def _name_reviews(
    reviewed: str | Path | Iterable[str | Path], min_precision: float | None, min_verdicts: int | None
) -> dict[str, Any]:
    """What was given of a review, under the names of its settings."""
    logs = [reviewed] if isinstance(reviewed, str | Path) else [*reviewed]
    given = {"reviewed": tuple(map(Path, logs)), "min-precision": min_precision, "min-verdicts": min_verdicts}
    return {name: value for name, value in given.items() if value not in (None, ())}


def _open(table: Table, settings: RunConfig, source: Any) -> OpenedCorpus:
    """The records of a table as a corpus, with the English originals that ``source`` says."""
    rows = [json_like(row) for row in table.rows()]
    if not rows:
        raise UsageError("there are no records.", hint="Give at least one.")
    if isinstance(source, str):
        for position, row in enumerate(rows):
            if not isinstance(row.get(source), dict | None):
                raise UsageError(
                    f'record {position} has no English original in "{source}", but {type(row[source]).__name__}.',
                    hint="An original is a dictionary with the same columns: instruction, input, output.",
                )
            row[SOURCE_COLUMN] = row.get(source)
    opened = open_corpus(
        RecordsInMemory(rows),
        language=settings.language_code(),
        mapping=parse_mapping(settings.map) if settings.map else None,
        source=_separate(source),
        trusted=settings.trust_language,
    )
    refuse_misread(opened, settings.selection)
    return opened


def _separate(source: Any) -> Container | None:
    """English originals that are records of their own."""
    if source is None or isinstance(source, str):
        return None
    return RecordsInMemory([json_like(row) for row in table_of(source).rows()], "the source")


def _examined(
    opened: OpenedCorpus, settings: RunConfig, review: SwitchedByReview | None, *, rewrite: bool
) -> tuple[list[RecordResult], list[RejectedInfo]]:
    examiner = ExaminerSettings(
        rules=opened.rules,
        selection=switch_off(settings.selection, review),
        passes=settings.selected_passes,
        rewrite=rewrite,
    )
    results: list[RecordResult] = []
    rejected: list[RejectedInfo] = []
    for _, result in examine_corpus(opened, examiner, settings.workers):
        if is_given_up():
            raise KeyboardInterrupt
        if isinstance(result, RejectedLine):
            rejected.append(rejected_of(result))
        else:
            results.append(result)
    return results, rejected


def _changes(table: Table, opened: OpenedCorpus, results: Iterable[RecordResult]) -> Changes:
    """The new values of the columns whose texts were changed."""
    changed = [result for result in results if any(pair.final != pair.original for pair in result.pairs)]
    if not changed:
        return {}
    rows, reader = table.rows(), opened.reader()
    container = opened.container
    assert isinstance(container, RecordsInMemory)
    changes: dict[int, dict[str, Any]] = {}
    for result in changed:
        row = rows[result.position]
        columns = {str(name): name for name in row}
        new = changes.setdefault(result.position, {})
        parsed = reader.parse(RawRecord.alone(container.body(result.position), result.position))
        for slot, pair in zip(parsed.slots, result.pairs, strict=True):
            for field, (first, *inner) in slot.paths.items():
                text = pair.final.text(field)
                if text is not None and text != pair.original.text(field):
                    column = columns[str(first)]
                    new[column] = with_text(new.get(column, row[column]), tuple(inner), text)
    return changes
