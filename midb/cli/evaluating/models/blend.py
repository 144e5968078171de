"""`midb-agent evaluate blend`: questions about everyday life in a country, and what its people answered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from midb import __version__
from midb.cli.evaluating import judge_options as judging
from midb.cli.evaluating.model import ANSWERS, Baseline, DryRun
from midb.cli.options import unfold
from midb.domain.errors import UsageError

if TYPE_CHECKING:
    from midb.evaluation.blend.benchmark import AskedIn
    from midb.evaluation.blend.measuring import ScoredReply


@unfold
def blend(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="BLEnD's files: annotations and prompts.")],
    candidate: Annotated[
        str | None, typer.Option("--candidate", metavar="MODEL", help="The model that answers.")
    ] = None,
    baseline: Baseline = None,
    db: Annotated[Path, typer.Option("--db", metavar="DB", help="The audit log that keeps the answers.")] = ANSWERS,
    countries: Annotated[
        str | None,
        typer.Option("--countries", metavar="NAME,...", help="Only these, as South_Korea,Iran; default: all."),
    ] = None,
    ask_in: Annotated[
        str, typer.Option("--ask-in", metavar="own|english|both", help="The country's language, English, or each.")
    ] = "own",
    ask_with: Annotated[
        str, typer.Option("--ask-with", metavar="NAME,...", help="Prompts of the folder; a score is their mean.")
    ] = "inst-4,pers-3",
    sample: Annotated[
        int,
        typer.Option(
            "--sample", metavar="N", min=0, help="So many questions, the same number of each country; 0: all."
        ),
    ] = 0,
    most_tokens: Annotated[
        int, typer.Option("--max-tokens", metavar="N", min=1, help="Most tokens of an answer.")
    ] = 512,
    dry_run: DryRun = None,
    scores: Annotated[
        Path | None,
        typer.Option("--scores", metavar="FILE", help="Also write each reply there with its score, as JSON Lines."),
    ] = None,
    *,
    how: judging.EvaluationOptions,
) -> int:
    """Ask one or two models about everyday life in a country, and hold their answers against what its people said.

    BLEnD (Myung et al., 2024) is not part of midb-agent: FOLDER is a clone of its repository, or a copy of its data/.
    Needs the extra `lemmas`. Replies are logged as they come, so that the same command goes on where it was stopped.
    Example:

    midb-agent evaluate blend BLEnD/data --candidate models/small --countries South_Korea --sample 50
    """
    from midb.audit.evaluating.log import EvaluationLog
    from midb.cli.evaluating.models.asking import AskedModels, count_unasked, say_models_forecast
    from midb.cli.evaluating.models.blend_tables import show
    from midb.domain.errors import MidbError
    from midb.domain.hashing import digest
    from midb.evaluation.blend.benchmark import choose_questions, read_blend, word_questions
    from midb.evaluation.blend.lemmas import open_lemmatizer
    from midb.evaluation.blend.measuring import measure_blend, score_answers
    from midb.evaluation.models.forecasting import forecast_answers
    from midb.evaluation.pairwise.comparing import ComparisonSettings
    from midb.prompts import load_prompts

    if candidate is None:
        raise UsageError("no candidate is named.", hint="Add --candidate MODEL.")
    models = ({"baseline": baseline} if baseline else {}) | {"candidate": candidate}
    configs = {role: how.configure(name) for role, name in models.items()}
    key = how.read_key()
    _check_scores(scores)
    asked_in, names = _parse_asked_in(ask_in), split_names(ask_with, "--ask-with")
    read = read_blend(folder, split_names(countries, "--countries") if countries else (), asked_in)
    chosen = choose_questions(read.questions, sample, how.seed)
    # What is missing is said before anything is asked.
    for language in {code for one in chosen for answer in one.answers for code, _ in answer.spellings}:
        open_lemmatizer(language)
    asking = word_questions(chosen, read.prompts, names)
    notes = []
    if len(chosen) < len(read.questions):
        notes.append(f"{len(chosen):,} of {len(read.questions):,} valid questions were asked (a sample).")
    settings = ComparisonSettings(
        prompts=load_prompts(), seed=how.seed, resamples=how.resamples, budget=how.read_budget()
    )  # fmt: skip
    asked = {
        "evaluates": "blend", "candidate": candidate, "baseline": baseline, "ask_in": asked_in.value, "ask_with": names,
        "questions": digest(*((one.wording, *map(repr, one.about.answers)) for one in asking)),
        "most_tokens": most_tokens, "seed": how.seed, "resamples": how.resamples, "version": __version__,
    }  # fmt: skip
    with EvaluationLog(db, key=key) as log:
        run = log.begin_evaluation(judging.make_run(asked))
        with judging.resumable(log, run):
            ask = AskedModels(log, run, settings, most_tokens)
            if dry_run:
                # Each question with each prompt is one call.
                some = word_questions(choose_questions(chosen, dry_run, how.seed), read.prompts, names)
                tried = [one.as_question() for one in some]
                answers = {role: ask.answer(role, config, tried) for role, config in configs.items()}
                if any(map(count_unasked, answers.values())):
                    raise MidbError("the budget is used up before the sample was answered.", hint="A larger --budget.")
                costs = forecast_answers(answers, questions=len(asking), spent_on=log.spent_on, at_once=ask.at_once)
                found = {"event": "forecast", "questions": len(asking), "sampled": len(some), "models": costs}
                say_models_forecast(found, db, how.json)
                log.set_status(run, "interrupted")
                return 0
            questions = [one.as_question() for one in asking]
            answers = {role: ask.answer(role, config, questions) for role, config in configs.items()}
            unasked = max(map(count_unasked, answers.values()))
            if not unasked:
                scored = score_answers(asking, answers)
                about = ask.about | {"ask_in": asked_in.value, "ask_with": names}
                figures = measure_blend(
                    scored, read, asked_in=asked_in, about=about, notes=notes, seed=how.seed, resamples=how.resamples
                )  # fmt: skip
        if unasked:
            log.set_status(run, "interrupted")
            why = f"{unasked:,} of {len(asking):,} questions have no answer yet, and there are no figures; "
            judging.say_how_to_go_on(f"the budget is used up; {why}")
            return 0
        log.finish_evaluation(run, "blend", [], figures)
    how.show(figures, show)
    if scores:
        write_scores(scored, scores)
    return 0


def _parse_asked_in(text: str) -> AskedIn:
    from midb.evaluation.blend.benchmark import AskedIn

    try:
        return AskedIn(text)
    except ValueError:
        raise UsageError(f'--ask-in cannot be "{text}".', hint=f"It is {', '.join(AskedIn)}.") from None


def split_names(text: str, option: str) -> list[str]:
    """Names between commas, each once; UsageError where there is none.

    >>> split_names("Iran, UK,Iran", "--countries")
    ['Iran', 'UK']
    """
    names = list(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))
    if not names:
        raise UsageError(f"{option} names nothing.", hint="Leave it out, or name one or more.")
    return names


def _check_scores(path: Path | None) -> None:
    """What is there already is never replaced."""
    if path is None:
        return
    if path.exists():
        raise UsageError(f"{path} is there already.", hint="Choose another --scores.")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {path.absolute().parent}.", hint="Make it first, or name another.")


def write_scores(scored: Sequence[ScoredReply], path: Path) -> None:
    """Each reply as a line of JSON."""
    import sys

    from midb.audit.questions.export import json_line, write_file
    from midb.text.terminal import visible

    write_file((json_line(one.describe()) for one in scored), path)
    print(f"scores    {visible(str(path))}", file=sys.stderr)
