"""`midb-agent evaluate model`: two models answer the same questions, and a judge compares what they say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from midb import __version__
from midb.cli.evaluating import judge_options as judging
from midb.cli.evaluating.judge import LOG
from midb.cli.options import unfold

if TYPE_CHECKING:
    from midb.cli.evaluating.models.asking import AskedModels
    from midb.evaluation.models.answering import AnswerTurns
    from midb.evaluation.pairwise.comparing import ComparisonSettings
    from midb.evaluation.pairwise.judging import JudgedPair, JudgedTwice
    from midb.runs.config import RunConfig

Candidate = Annotated[
    str | None, typer.Option("--candidate", metavar="MODEL", help="The model that is hoped to be better.")
]
Baseline = Annotated[str | None, typer.Option("--baseline", metavar="MODEL", help="What it is compared with.")]
Languages = Annotated[
    str | None, typer.Option("--languages", metavar="xx,...", help="Only questions in these languages.")
]
DryRun = Annotated[
    int | None,
    typer.Option(
        "--dry-run",
        metavar="N",
        min=1,
        help="Only forecast calls, tokens and time, from so many questions.",
    ),
]

#: Where answers are kept unless another log is named.
ANSWERS = Path("models.audit.db")


@unfold
def model(
    questions: Annotated[
        list[Path],
        typer.Argument(
            metavar="QUESTIONS...", help="Files or folders of questions, as AlpacaEval or MT-Bench have them."
        ),
    ],
    candidate: Candidate = None,
    baseline: Baseline = None,
    judge: judging.Judge = None,
    db: Annotated[
        Path, typer.Option("--db", metavar="DB", help="The audit log that keeps answers and verdicts.")
    ] = ANSWERS,
    languages: Languages = None,
    sample: Annotated[
        int, typer.Option("--sample", metavar="N", min=0, help="Ask so many, the same number in each language; 0: all.")
    ] = 0,
    most_tokens: Annotated[
        int, typer.Option("--max-tokens", metavar="N", min=1, help="Most tokens of an answer.")
    ] = 1024,
    dry_run: DryRun = None,
    judged: Annotated[
        Path, typer.Option("--judged", metavar="DB", help="The log in which `evaluate judge` measured the judge.")
    ] = LOG,
    prompts: judging.Prompts = None,
    *,
    how: judging.EvaluationOptions,
) -> int:
    """Let two models answer the same questions, and a judge compare the answers: wins by turn and language.

    Answers are generated one model after the other, without sampling, and judged in both orders. All replies are logged
    as they come, so that the same command goes on where it was stopped. Example:

    midb-agent evaluate model questions.jsonl --candidate models/small --baseline models/other --judge models/small
    """
    from midb.audit.evaluating.log import EvaluationLog
    from midb.cli.evaluating.model_tables import show
    from midb.cli.evaluating.models.asking import AskedModels, count_unasked, say_models_forecast
    from midb.cli.learning.examples import parse_languages
    from midb.domain.errors import UsageError
    from midb.domain.hashing import digest
    from midb.evaluation.models.comparing import SIDES
    from midb.evaluation.models.forecasting import forecast_models
    from midb.evaluation.models.questions import choose_questions, read_questions
    from midb.evaluation.pairwise.comparing import ComparisonSettings, list_judgements

    for name, value in (("candidate", candidate), ("baseline", baseline)):
        if value is None:
            raise UsageError(f"no {name} is named.", hint=f"Add --{name} MODEL.")
    configs = [how.configure(name) for name in (baseline, candidate, judge)]
    key = how.read_key()
    own_prompts = judging.read_prompts(prompts)
    found = read_questions(questions, parse_languages(languages))
    chosen = choose_questions(found.questions, sample, how.seed)
    notes = list(found.notes)
    if len(chosen) < len(found.questions):
        notes.append(f"{len(chosen):,} of {len(found.questions):,} questions were asked (a sample).")
    settings = ComparisonSettings(
        prompts=own_prompts, seed=how.seed, resamples=how.resamples, budget=how.read_budget()
    )  # fmt: skip
    asked = {
        "evaluates": "model", "candidate": candidate, "baseline": baseline, "judge": judge,
        "questions": digest(*((one.name, one.language, *one.turns) for one in chosen)),
        "prompts": judging.hash_prompts(own_prompts), "most_tokens": most_tokens, "seed": how.seed,
        "resamples": how.resamples, "version": __version__,
    }  # fmt: skip
    with EvaluationLog(db, key=key) as log:
        run = log.begin_evaluation(judging.make_run(asked))
        with judging.resumable(log, run):
            models = AskedModels(log, run, settings, most_tokens)
            answering = choose_questions(chosen, dry_run, how.seed) if dry_run else chosen
            answers = [models.answer(side, config, answering) for side, config in zip(SIDES, configs, strict=False)]
            unasked = max(map(count_unasked, answers))
            if dry_run:
                forecast = forecast_models(
                    answers, lambda pairs: models.judge(configs[2], pairs), questions=len(chosen),
                    spent_on=log.spent_on, at_once=models.at_once,
                )  # fmt: skip
                say_models_forecast(forecast, db, how.json)
            elif not unasked:
                figures, verdicts = _compare(models, answers, configs[2], settings, notes, (db, judged))
        whole = not (dry_run or unasked) and figures["judged"] == figures["differing"]
        if whole:
            log.finish_evaluation(run, "model", list_judgements(verdicts), figures)
        else:
            log.set_status(run, "interrupted")
    if dry_run:
        return 0
    if not unasked:
        how.show(figures, show)
    if not whole:
        why = f"{unasked:,} of {len(chosen):,} questions have no answer yet, and there are no figures; " * bool(unasked)
        judging.say_how_to_go_on(f"the budget is used up; {why}")
    return 0


def _compare(
    models: AskedModels,
    answers: Sequence[Sequence[AnswerTurns]],
    judge: RunConfig,
    settings: ComparisonSettings,
    notes: Sequence[str],
    measured_in: Sequence[Path],
) -> tuple[dict[str, Any], list[JudgedTwice]]:
    """Have the answers judged; the figures, with a warning of a judge who is not to be trusted."""
    from midb.evaluation.judges.standing import warn_of_judge
    from midb.evaluation.models.comparing import compare_models

    def ask(pairs: Sequence[JudgedPair]) -> Sequence[JudgedTwice | None]:
        return models.judge(judge, pairs)

    figures, verdicts = compare_models(
        answers[0], answers[1], ask, about=models.about, notes=notes, seed=settings.seed,
        resamples=settings.resamples, margin=settings.margin,
    )  # fmt: skip
    measured = judging.find_measured(models.about.get("judge", ""), measured_in)
    warned = [warn_of_judge({**turn, "notes": figures["notes"]}, measured) for turn in figures["turns"]]
    if warned:
        figures["notes"] = warned[0].pop("notes")
        figures["turns"] = [{name: value for name, value in turn.items() if name != "notes"} for turn in warned]
    return figures, verdicts
