"""boost, check, fix_pair, kinds: the command line's work, for records that a Python program holds."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from midb.agent.run.examine import Examiner, ExaminerSettings
from midb.agent.run.worker_pool import examine_corpus
from midb.corpus.formats.base import Container
from midb.corpus.formats.memory import RecordsInMemory
from midb.corpus.language_plan import LanguagePlan
from midb.corpus.layouts import Columns, parse_mapping
from midb.corpus.opened import OpenedCorpus, open_corpus
from midb.corpus.raw import RawRecord
from midb.corpus.reading import ReadingRules
from midb.detectors import KindSelection
from midb.detectors import kinds as known_kinds
from midb.domain.errors import UsageError
from midb.domain.results import RecordResult, RejectedLine
from midb.library.logged import boost_with_log
from midb.library.results import (
    BoostResult,
    CheckResult,
    FixedPair,
    KindInfo,
    RejectedInfo,
    edits_of,
    findings_of,
    ledger_of,
    rejected_of,
)
from midb.library.tables import Changes, Table, json_like, table_of, with_text
from midb.locales import LANGUAGES, load
from midb.runs.config import RunConfig, load_config

Records = TypeVar("Records")
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

#: Where an English original is looked for in a record, unless ``source`` says otherwise.
SOURCE_COLUMN = "source"


def outside_loop(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Run a function in a thread of its own where the caller stands in an event loop, as in a notebook.

    The state machine needs a loop of its own, and a thread can have one only.
    """

    @functools.wraps(function)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return function(*args, **kwargs)
        done: list[Result] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                done.append(function(*args, **kwargs))
            except BaseException as error:  # raised again below, where the caller is
                failed.append(error)

        thread = threading.Thread(target=run, name=f"midb.{function.__name__}")
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return done[0]

    return call


@outside_loop
def boost(
    records: Records,
    *,
    language: str = "auto",
    mapping: Mapping[str, str] | None = None,
    source: Any = None,
    passes: Iterable[str] | None = None,
    kinds: Iterable[str] = (),
    typography: bool = False,
    workers: int = 0,
    audit: str | Path | None = None,
    fresh: bool = False,
    model: str | None = None,
) -> BoostResult[Any]:
    """Repair what can be proved in records, and say what else is wrong.

    :param records: dictionaries in any iterable, a pandas or polars data frame, or a `datasets.Dataset`, laid out as
        the corpora that `midb-agent run` reads. They are not changed: `result.records` is the same kind of thing.
    :param language: code of the language of all records; "auto": declared by each, or found out.
    :param mapping: columns of the texts, such as ``{"instruction": "q", "response": "a"}``.
    :param source: the English originals: the name of a column that holds one in each record, or records of their own,
        aligned by id or by their order.
    :param passes: of content, translation, localization; default: all.
    :param kinds: kinds to add ("+kind") or to leave out ("-kind"); ``typography`` adds the conventions of print.
    :param workers: processes; 0 works in this one. With more, a script needs ``if __name__ == "__main__":``.
    :param audit: an audit log to be written, with the corpus and the boosted corpus as JSON Lines beside it. The same
        call resumes an unfinished run; ``fresh`` starts anew.
    :param model: a language model that rewrites, as `--model` names it; it needs ``audit``, where its replies are kept.
    :raises MidbError: with one sentence and a hint, where the records or the settings cannot be used.

    >>> result = boost([{"instruction": "Grüße!", "output": "SchÃ¶n, dich zu sehen."}], language="de")
    >>> result.records[0]["output"], result.edits[0].reason
    ('Schön, dich zu sehen.', '"SchÃ¶n," reads "Schön,"')
    """
    settings = _settings(language, mapping, passes, kinds, typography, workers, fresh=fresh, model=model)
    table = table_of(records)
    opened = _open(table, settings, source)
    if audit is not None:
        logged = boost_with_log(opened.container, _separate(source), settings, Path(audit))
        results, rejected, warnings = logged.results, logged.rejected, logged.warnings
    elif model is None:
        results, rejected = _examined(opened, settings, rewrite=True)
        warnings = opened.found.warnings
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
    )


@outside_loop
def check(
    records: Any,
    *,
    language: str = "auto",
    mapping: Mapping[str, str] | None = None,
    source: Any = None,
    kinds: Iterable[str] = (),
    typography: bool = False,
    workers: int = 0,
) -> CheckResult:
    """Find what is wrong with records, and change nothing. The parameters are those of `boost`.

    >>> [finding.kind for finding in check([{"instruction": "Rechne.", "output": ""}], language="de").findings]
    ['empty-response']
    """
    settings = _settings(language, mapping, None, kinds, typography, workers)
    opened = _open(table_of(records), settings, source)
    results, rejected = _examined(opened, settings, rewrite=False)
    found = [finding for result in results for finding in findings_of(result)]
    return CheckResult(read=len(results) + len(rejected), findings=found, rejected=rejected)


@outside_loop
def fix_pair(
    *,
    instruction: str,
    input: str | None = None,
    response: str | None = None,
    language: str = "auto",
    source: Mapping[str, str] | None = None,
    kinds: Iterable[str] = (),
    typography: bool = False,
) -> FixedPair:
    """Repair one pair, as `boost` would: fast enough for a map over a data set.

    :param source: its English original, with the same names: instruction, input, response.

    >>> fix_pair(instruction="Grüße!", response="SchÃ¶n, dich zu sehen.", language="de").response
    'Schön, dich zu sehen.'
    """
    settings = _settings(language, None, None, kinds, typography, 0)
    texts = {"instruction": instruction, "input": input, "response": response}
    given = {name: text for name, text in texts.items() if text is not None}
    columns = Columns("pair", "instruction", "input", "response" if response is not None else None)
    rules = ReadingRules(languages=LanguagePlan(fixed=settings.language_code()), mapping=columns)
    examiner = _examiner(rules, settings.selection)
    raw = RawRecord.alone(RecordsInMemory([given]).body(0))
    original = RecordsInMemory([dict(source)]).body(0) if source else None
    (result,) = examiner.examine_batch([(raw, original)])
    if isinstance(result, RejectedLine):
        raise UsageError(f"the pair cannot be read: {result.message}.")
    final = result.pairs[0].final
    return FixedPair(
        instruction=final.instruction,
        input=final.input,
        response=final.response,
        language=result.language,
        outcome=result.outcome.value,
        edits=tuple(edits_of(result)),
        findings=tuple(findings_of(result)),
    )


def kinds() -> tuple[KindInfo, ...]:
    """Every kind of defect that is known, by family and name.

    >>> [kind.family for kind in kinds() if kind.name == "mojibake"]
    ['translation']
    """
    return tuple(
        KindInfo(
            name=kind.name,
            family=kind.family.value,
            severity=kind.severity.value,
            summary=kind.summary,
            repairs=kind.repairs,
            needs_source=kind.needs_source,
            convention=kind.convention,
            languages=tuple(code for code in LANGUAGES if kind.abstention(load(code)) is None),
        )
        for kind in known_kinds().values()
    )


@functools.lru_cache(maxsize=64)
def _examiner(rules: ReadingRules, selection: KindSelection) -> Examiner:
    """An examiner for single pairs: the state machine is compiled, and language models are loaded, once."""
    return Examiner(ExaminerSettings(rules=rules, selection=selection))


def _settings(
    language: str,
    mapping: Mapping[str, str] | None,
    passes: Iterable[str] | None,
    kinds: Iterable[str],
    typography: bool,
    workers: int,
    **more: Any,
) -> RunConfig:
    """The settings of a run, checked as the command line checks them."""
    columns = ",".join(f"{field}={column}" for field, column in mapping.items()) if mapping else None
    chosen = {} if passes is None else {"passes": tuple(passes)}
    return load_config(
        None,
        {
            "corpus": Path("the records"), "language": language, "map": columns, "kinds": tuple(kinds),
            "typography": typography, "workers": workers, **chosen, **more,
        },
    )  # fmt: skip


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
    return open_corpus(
        RecordsInMemory(rows),
        language=settings.language_code(),
        mapping=parse_mapping(settings.map) if settings.map else None,
        source=_separate(source),
    )


def _separate(source: Any) -> Container | None:
    """English originals that are records of their own."""
    if source is None or isinstance(source, str):
        return None
    return RecordsInMemory([json_like(row) for row in table_of(source).rows()], "the source")


def _examined(
    opened: OpenedCorpus, settings: RunConfig, *, rewrite: bool
) -> tuple[list[RecordResult], list[RejectedInfo]]:
    examiner = ExaminerSettings(
        rules=opened.rules, selection=settings.selection, passes=settings.selected_passes, rewrite=rewrite
    )
    results: list[RecordResult] = []
    rejected: list[RejectedInfo] = []
    for _, result in examine_corpus(opened, examiner, settings.workers):
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
