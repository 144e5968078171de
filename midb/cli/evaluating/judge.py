"""`midb-agent evaluate judge`: a judge before pairs of which it is known which version is better."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from midb import __version__
from midb.cli.evaluating import judge_options as judging
from midb.cli.options import unfold

if TYPE_CHECKING:
    from midb.audit.evaluating.log import EvaluationLog
    from midb.audit.run_rows import Run
    from midb.evaluation.judges.people import HumanVerdicts
    from midb.evaluation.judges.traps import KnownCase
    from midb.evaluation.pairwise.comparing import ComparisonSettings
    from midb.runs.config import RunConfig

#: Where judges are measured unless another log is named; `evaluate pairwise` looks there.
LOG = Path("judge.audit.db")


@unfold
def judge(
    judge: judging.Judge = None,
    db: Annotated[Path, typer.Option("--db", metavar="DB", help="The audit log that keeps replies and figures.")] = LOG,
    languages: Annotated[
        str | None, typer.Option("--languages", metavar="xx,...", help="Only these languages; default: all 16.")
    ] = None,
    cases: Annotated[
        int, typer.Option("--cases", metavar="N", min=1, help="At most so many cases of each trap in each language.")
    ] = 30,
    human: Annotated[
        Path | None,
        typer.Option("--human", metavar="SHEET", help="Verdicts of people (a sheet of `review`): agreement, by kappa."),
    ] = None,
    dry_run: Annotated[
        int | None,
        typer.Option(
            "--dry-run", metavar="N", min=1, help="Only forecast tokens and time, from a sample of so many cases."
        ),
    ] = None,
    prompts: judging.Prompts = None,
    *,
    how: judging.EvaluationOptions,
) -> int:
    """Measure a judge on pairs of which it is known which version is better: is it right, and what leads it?

    Clean pairs stand beside the same with a grave defect, said twice, cut off, with a command to the judge, left in
    English, with the answer of another task, and beside themselves. A judge below a bound gets a warning in the line of
    its figures, here and in `evaluate pairwise`. Example:

    midb-agent evaluate judge --judge models/small --languages de,ja
    """
    from midb.audit.evaluating.log import EvaluationLog
    from midb.cli.learning.examples import parse_languages
    from midb.domain.hashing import file_sha256
    from midb.evaluation.judges.people import read_people
    from midb.evaluation.judges.traps import load_known_pairs, make_cases
    from midb.evaluation.pairwise.comparing import ComparisonSettings
    from midb.locales import LANGUAGES

    config = how.configure(judge)
    key = how.read_key()
    own_prompts = judging.read_prompts(prompts)
    codes = parse_languages(languages) or tuple(LANGUAGES)
    people = read_people(human) if human else None
    known = make_cases(load_known_pairs(), codes, cases, how.seed)
    settings = ComparisonSettings(
        prompts=own_prompts, seed=how.seed, resamples=how.resamples, budget=how.read_budget()
    )  # fmt: skip
    asked = {
        "evaluates": "judge", "judge": judge, "prompts": judging.hash_prompts(own_prompts), "languages": list(codes),
        "cases": cases, "human": file_sha256(human) if human else None, "seed": how.seed, "resamples": how.resamples,
        "version": __version__,
    }  # fmt: skip
    with EvaluationLog(db, key=key) as log:
        return _measure(config, log, judging.make_run(asked), known, people, settings, dry_run, how)


def _measure(
    config: RunConfig,
    log: EvaluationLog,
    wanted: Run,
    cases: list[KnownCase],
    people: HumanVerdicts | None,
    settings: ComparisonSettings,
    dry_run: int | None,
    how: judging.EvaluationOptions,
) -> int:
    """Ask what the log does not know yet, log what is said, and show what comes of it."""
    from dataclasses import replace

    from midb.cli.evaluating.judge_tables import show
    from midb.cli.evaluating.output import say_forecast
    from midb.evaluation.judges.measuring import measure_judge
    from midb.evaluation.judges.people import compare_with_people
    from midb.evaluation.pairwise.comparing import forecast, judge_all, list_judgements, make_model

    pairs = [*(case.pair for case in cases), *(people.pairs if people else ())]
    with judging.start_engine(config) as engine:
        run = log.begin_evaluation(replace(wanted, engine=engine.text.fingerprint()))
        with judging.resumable(log, run):
            if dry_run:
                say_forecast(forecast(engine, log, run, pairs, dry_run, settings), log.path, how.json)
                log.set_status(run, "interrupted")
                return 0
            told = judging.JudgingProgress("judged", len(pairs))
            judged = judge_all(engine, make_model(engine, log, run, settings), pairs, told)
    answered = [(case, one) for case, one in zip(cases, judged, strict=False) if one is not None]
    figures = measure_judge(
        answered, unasked=len(cases) - len(answered), seed=settings.seed, resamples=settings.resamples
    )
    if people is not None:
        figures["people"] = compare_with_people(
            people, judged[len(cases) :], seed=settings.seed, resamples=settings.resamples
        )
    if None in judged:
        log.set_status(run, "interrupted")
    else:
        log.finish_evaluation(run, "judge", list_judgements([one for one in judged if one]), figures)
    how.show(figures, show)
    if None in judged:
        judging.say_how_to_go_on("the budget is used up; ")
    return 0
