"""`midb-agent evaluate data`: defects, language, length and duplicates of a corpus before and after its run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from midb.audit.evaluating.log import EvaluationLog
from midb.audit.evaluating.rows import KIND
from midb.audit.file.key import SealKey, read_key
from midb.audit.reader import AuditReader
from midb.audit.run_rows import Run, utc_now
from midb.cli import options
from midb.cli.audit.options import Db, Json, RunNumber, find_log
from midb.cli.evaluating.output import Output, Resamples, check_output, open_wide, print_json, write_figures
from midb.cli.reverting import find_corpus
from midb.corpus.formats.containers import corpus_exists, corpus_sha256, open_container
from midb.corpus.layouts import parse_mapping
from midb.corpus.opened import OpenedCorpus, open_corpus
from midb.domain.errors import UsageError
from midb.domain.hashing import digest, file_sha256
from midb.text.terminal import visible

if TYPE_CHECKING:
    from midb.evaluation.data.measuring import DataQuestion

#: Pairs below which starting worker processes takes longer than the work.
_INLINE = 800

#: Pairs between two words about how far it is.
_TOLD_EVERY = 5_000


def data(
    db: Db = None,
    run: RunNumber = None,
    corpus: Annotated[
        Path | None, typer.Option("--corpus", metavar="FILE", help="The run's corpus, if it was moved.")
    ] = None,
    boosted: Annotated[
        Path | None, typer.Option("--boosted", metavar="FILE", help="Its output, if it was moved.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--source", metavar="FILE", help="English originals, if the run had a file of them.")
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference", metavar="FILE", help="Revisions of the same pairs (such as MEB): agreement by chrF."
        ),
    ] = None,
    resamples: Resamples = 1000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the draws.")] = 0,
    workers: options.Workers = None,
    log: Annotated[
        bool, typer.Option("--log/--no-log", help="Log the figures, for `report`; or leave the log alone.")
    ] = True,
    seal_key: options.SealKey = None,
    output: Output = None,
    json: Json = False,
) -> int:
    """Measure what a run did to its corpus: defects before and after, language, length, duplicates.

    Both sides are read and examined anew, each record is held against the log. Needs no model. Intervals are of 95 %,
    by the bootstrap over source rows. Example:

    midb-agent evaluate data --db c.boosted.jsonl.audit.db
    """
    from midb.cli.evaluating.data_tables import show
    from midb.evaluation.data.measuring import measure_data
    from midb.evaluation.data.references import read_references
    from midb.runs.config import default_workers

    path = find_log(db)
    check_output(output)
    references = read_references(reference) if reference else None
    with AuditReader(path) as reader:
        find_evaluated(reader, run)
    key = read_key(seal_key)
    if log:
        EvaluationLog(path, key=key).close()  # what keeps the figures from being logged is said before the work
    with AuditReader(path) as reader:
        chosen = find_evaluated(reader, run)
        question = _open(reader, chosen, path, corpus, boosted, source)
        few = question.corpus.records < _INLINE
        question = _replace(
            question, references=references, seed=seed, resamples=resamples,
            workers=(0 if few else default_workers()) if workers is None else workers,
        )  # fmt: skip
        figures = measure_data(question, _tell)
    if json:
        print_json(figures)
    else:
        show(open_wide(), figures)
    write_figures(figures, output)
    if log:
        settings = {
            "evaluates": "data", "run": chosen.id, "seed": seed, "resamples": resamples,
            "reference": file_sha256(reference) if reference else None,
        }  # fmt: skip
        _log(path, chosen, settings, figures, key)
    return 0


def _replace(question: DataQuestion, **changes: Any) -> DataQuestion:
    import dataclasses

    return dataclasses.replace(question, **changes)


def _tell(pairs: int) -> None:
    if pairs % _TOLD_EVERY == 0:
        print(f"examined {pairs:,} pairs", file=sys.stderr)


def find_evaluated(reader: AuditReader, number: int | None) -> Run:
    """The run that is evaluated: a finished one that wrote an output; UsageError for any other."""
    run = reader.run(number)
    if run.kind not in ("run", "revert", "apply"):
        raise UsageError(f"run {run.id} is a {run.kind} and wrote no corpus.", hint="Name another --run.")
    if run.status != "finished":
        raise UsageError(f"run {run.id} is not finished ({run.status}).", hint="Finish it first: run it again.")
    return run


def _open(
    reader: AuditReader, run: Run, db: Path, corpus: Path | None, boosted: Path | None, source: Path | None
) -> DataQuestion:
    """Both files of a run, opened as it read the one."""
    from midb.evaluation.data.measuring import DataQuestion

    settings: dict[str, Any] = orjson.loads(_first_settings(reader, run))
    mapping = parse_mapping(settings["map"]) if settings.get("map") else None
    wanted = settings.get("source")
    if source is not None and wanted and corpus_sha256(source) != wanted:
        raise UsageError(f"{source} is not the file of originals that the run had.", hint="Name that file.")
    if source is not None and not wanted:
        raise UsageError("the run had no file of English originals.", hint="Leave out --source.")

    def open_side(path: Path, originals: Path | None = None) -> OpenedCorpus:
        # Each record's language is in the log: none needs to be identified.
        return open_corpus(
            open_container(path), mapping=mapping, source=originals, limit=settings.get("limit"), identify=False
        )

    return DataQuestion(
        reader=reader,
        run=run,
        corpus=open_side(find_corpus(run, db, corpus), source),
        output=open_side(_find_output(run, db, boosted)),
        sourceless=bool(wanted) and source is None,
    )


def _first_settings(reader: AuditReader, run: Run) -> str:
    """The settings of the run that read the corpus: a revert has its parent's."""
    while run.kind != "run" and run.parent_run is not None:
        run = reader.run(run.parent_run)
    return run.config


def _find_output(run: Run, db: Path, given: Path | None) -> Path:
    """The output of a run: as given, where it wrote it, or beside the log. Its records are held against it later."""
    candidates = [given] if given else [db.parent / run.output, db.parent / Path(run.output).name, Path(run.output)]
    for candidate in candidates:
        if corpus_exists(candidate):
            return candidate
    raise UsageError(f"the output of run {run.id} ({run.output}) is not there.", hint="Name it with --boosted FILE.")


def _log(db: Path, run: Run, settings: dict[str, Any], figures: dict[str, Any], key: SealKey | None) -> None:
    with EvaluationLog(db, key=key) as log:
        wanted = Run(
            id=0, kind=KIND, parent_run=run.id, started_at=utc_now(), finished_at=None, status="running",
            corpus=run.corpus, corpus_sha256=run.corpus_sha256, corpus_bytes=run.corpus_bytes, output="",
            output_sha256=None, rejected="", config=orjson.dumps(settings).decode(), config_hash=digest(settings),
            engine="", versions=run.versions,
        )  # fmt: skip
        last = log.find_evaluation(wanted)
        if last is not None and log.read_figures(last) == figures:
            print(f"logged    run {last.id} of {visible(str(db))} says the same", file=sys.stderr)
            return
        begun = log.begin_evaluation(wanted)
        log.finish_evaluation(begun, "data", [], figures)
    print(f"logged    run {begun.id} of {visible(str(db))}", file=sys.stderr)
