"""`midb-agent evaluate pairwise`: a judge compares two corpora pair by pair, in both orders, told nothing of either."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from midb import __version__
from midb.cli import options
from midb.cli.evaluating import judge_options as judging
from midb.cli.evaluating.judge import LOG
from midb.corpus.formats.containers import open_container
from midb.corpus.layouts import parse_mapping
from midb.corpus.opened import OpenedCorpus, open_corpus
from midb.text.terminal import visible

if TYPE_CHECKING:
    from midb.audit.evaluating.log import EvaluationLog
    from midb.audit.run_rows import Run
    from midb.evaluation.pairwise.aligning import Alignment
    from midb.evaluation.pairwise.comparing import ComparisonSettings
    from midb.runs.config import RunConfig


@options.unfold
def pairwise(
    raw: Annotated[Path, typer.Argument(metavar="RAW", help="The corpus as it was.")],
    boosted: Annotated[Path, typer.Argument(metavar="BOOSTED", help="The corpus that is hoped to be better.")],
    judge: judging.Judge = None,
    db: Annotated[
        Path | None, typer.Option("--db", metavar="DB", help="The audit log. Default: <BOOSTED>.audit.db")
    ] = None,
    language: options.Language = None,
    source: Annotated[
        Path | None, typer.Option("--source", metavar="FILE", help="English originals, aligned by id or by line.")
    ] = None,
    map: options.Map = None,
    common: Annotated[
        bool, typer.Option("--common", help="Compare only records that both have, once each; the rest is counted.")
    ] = False,
    sample: Annotated[
        int,
        typer.Option(
            "--sample",
            metavar="N",
            min=0,
            help="Judge so many of the pairs that differ, spread over languages and lengths; 0: all.",
        ),
    ] = 0,
    margin: Annotated[
        float,
        typer.Option(
            "--margin",
            metavar="X",
            min=0.001,
            max=1,
            help="Net win that a language may lack before it counts as worse.",
        ),
    ] = 0.05,
    dry_run: Annotated[
        int | None,
        typer.Option(
            "--dry-run", metavar="N", min=1, help="Only forecast tokens and time, from a sample of so many pairs."
        ),
    ] = None,
    judged: Annotated[
        Path, typer.Option("--judged", metavar="DB", help="The log in which `evaluate judge` measured the judge.")
    ] = LOG,
    prompts: judging.Prompts = None,
    *,
    how: judging.EvaluationOptions,
) -> int:
    """Let a judge compare two corpora pair by pair: wins, ties and losses in each language.

    Each pair is judged in both orders; orders that disagree are a tie, and counted as a flip. Replies are logged as
    they come, so that the same command goes on where it was stopped. Example:

    midb-agent evaluate pairwise c.jsonl c.boosted.jsonl --judge models/small --sample 520
    """
    from midb.audit.evaluating.log import EvaluationLog
    from midb.cli.evaluating.pairwise_tables import show
    from midb.corpus.output import make_private
    from midb.corpus.places import access_of
    from midb.evaluation.judges.standing import warn_of_judge
    from midb.evaluation.pairwise.aligning import align
    from midb.evaluation.pairwise.comparing import ComparisonSettings

    config = how.configure(judge, language=language)
    key = how.read_key()
    own_prompts = judging.read_prompts(prompts)
    settings = ComparisonSettings(
        prompts=own_prompts, sample=sample, seed=how.seed, resamples=how.resamples, margin=margin,
        budget=how.read_budget(),
    )  # fmt: skip
    sides = [_open(path, config.language_code(), map, source) for path in (raw, boosted)]
    alignment = align(sides[0], sides[1], common=common)
    path = db or boosted.with_name(f"{boosted.name}.audit.db")
    if not path.exists():
        make_private(path, access_of(boosted))
    asked = {
        "evaluates": "pairwise", "raw": sides[0].found.sha256, "boosted": sides[1].found.sha256, "judge": judge,
        "prompts": judging.hash_prompts(own_prompts), "language": config.language, "map": map, "common": common,
        "source": source.name if source else None, "sample": sample, "seed": how.seed,
        "resamples": how.resamples, "margin": margin, "version": __version__,
    }  # fmt: skip
    with EvaluationLog(path, key=key) as log:
        wanted = judging.make_run(
            asked, parent_run=_find_parent(log, sides[1].found.sha256), corpus=str(raw),
            corpus_sha256=sides[0].found.sha256, corpus_bytes=sides[0].found.bytes,
        )  # fmt: skip
        last = log.find_evaluation(wanted)
        logged = log.read_figures(last) if last is not None and last.status == "finished" else None
        if logged is not None and last is not None and not dry_run:
            print(f"judged before, as logged in run {last.id} of {visible(str(path))}", file=sys.stderr)
            # It may have been measured since.
            how.show(warn_of_judge(logged, judging.find_measured(last.engine, (path, judged))), show)
            return 0
        return _judge(config, log, wanted, alignment, settings, dry_run, (path, judged), how)


def _open(path: Path, language: str | None, mapping: str | None, source: Path | None) -> OpenedCorpus:
    return open_corpus(
        open_container(path), language=language, mapping=parse_mapping(mapping) if mapping else None, source=source
    )


def _find_parent(log: EvaluationLog, sha256: str) -> int | None:
    """The run of this log that wrote the boosted corpus, if one did."""
    sql = "SELECT id FROM runs WHERE output_sha256 = ? AND status = 'finished' ORDER BY id DESC LIMIT 1"
    found = log.db.execute(sql, [sha256]).fetchone()
    return int(found[0]) if found else None


def _judge(
    config: RunConfig,
    log: EvaluationLog,
    wanted: Run,
    alignment: Alignment,
    settings: ComparisonSettings,
    dry_run: int | None,
    measured_in: Sequence[Path],
    how: judging.EvaluationOptions,
) -> int:
    """Ask the judge what the log does not know yet, log what it says, and show what comes of it."""
    from dataclasses import replace

    from midb.cli.evaluating.output import say_forecast
    from midb.cli.evaluating.pairwise_tables import show
    from midb.evaluation.judges.standing import warn_of_judge
    from midb.evaluation.pairwise.comparing import compare, forecast, judge_all, make_model
    from midb.evaluation.pairwise.sampling import choose_pairs

    if not alignment.differing:
        done = compare(alignment, settings, lambda pairs: [])
        run = log.begin_evaluation(wanted)
        log.finish_evaluation(run, "pairwise", [], done.figures)
        how.show(done.figures, show)
        return 0
    with judging.start_engine(config) as engine:
        run = log.begin_evaluation(replace(wanted, engine=engine.text.fingerprint()))
        with judging.resumable(log, run):
            if dry_run:
                chosen = choose_pairs(alignment.differing, settings.sample, settings.seed)
                say_forecast(forecast(engine, log, run, chosen, dry_run, settings), log.path, how.json)
                log.set_status(run, "interrupted")
                return 0
            model = make_model(engine, log, run, settings)
            done = compare(
                alignment,
                settings,
                lambda pairs: judge_all(engine, model, pairs, judging.JudgingProgress("judged", len(pairs))),
            )
        figures = warn_of_judge(done.figures, judging.find_measured(engine.text.fingerprint(), measured_in))
        if done.whole:
            log.finish_evaluation(run, "pairwise", done.judgements(), figures)
        else:
            log.set_status(run, "interrupted")
        how.show(figures, show)
        if not done.whole:
            judging.say_how_to_go_on("the budget is used up; ")
    return 0
