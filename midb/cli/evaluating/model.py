"""`midb-agent evaluate model`: two models answer the same questions, and a judge compares what they say."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from midb import __version__
from midb.cli import options
from midb.cli.audit.options import Json
from midb.cli.evaluating import judge_options as judging
from midb.cli.evaluating.judge import LOG
from midb.cli.evaluating.output import Output, Resamples, check_output, open_wide, print_json, write_figures
from midb.text.terminal import visible

if TYPE_CHECKING:
    from midb.audit.evaluating.log import EvaluationLog
    from midb.audit.run_rows import Run
    from midb.evaluation.models.answering import AnswerTurns
    from midb.evaluation.models.questions import Question
    from midb.evaluation.pairwise.comparing import ComparisonSettings
    from midb.evaluation.pairwise.judging import JudgedPair, JudgedTwice
    from midb.runs.config import RunConfig


def model(
    questions: Annotated[
        list[Path],
        typer.Argument(
            metavar="QUESTIONS...", help="Files or folders of questions, as AlpacaEval or MT-Bench have them."
        ),
    ],
    candidate: Annotated[
        str | None, typer.Option("--candidate", metavar="MODEL", help="The model that is hoped to be better.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="MODEL", help="What it is compared with.")
    ] = None,
    judge: judging.Judge = None,
    db: Annotated[
        Path, typer.Option("--db", metavar="DB", help="The audit log that keeps answers and verdicts.")
    ] = Path("models.audit.db"),
    languages: Annotated[
        str | None, typer.Option("--languages", metavar="xx,...", help="Only questions in these languages.")
    ] = None,
    sample: Annotated[
        int, typer.Option("--sample", metavar="N", min=0, help="Ask so many, the same number in each language; 0: all.")
    ] = 0,
    most_tokens: Annotated[
        int, typer.Option("--max-tokens", metavar="N", min=1, help="Most tokens of an answer.")
    ] = 1024,
    seed: judging.Seed = 0,
    resamples: Resamples = 1000,
    judged: Annotated[
        Path, typer.Option("--judged", metavar="DB", help="The log in which `evaluate judge` measured the judge.")
    ] = LOG,
    prompts: judging.Prompts = None,
    concurrency: judging.Concurrency = None,
    device: judging.Device = None,
    devices: judging.Devices = None,
    dtype: judging.Dtype = None,
    timeout: judging.Timeout = None,
    key_variable: judging.KeyVariable = None,
    seal_key: options.SealKey = None,
    output: Output = None,
    json: Json = False,
) -> int:
    """Let two models answer the same questions, and a judge compare the answers: wins by turn and language.

    Answers are generated one model after the other, without sampling, and judged in both orders. All replies are logged
    as they come, so that the same command goes on where it was stopped. Example:

    midb-agent evaluate model questions.jsonl --candidate models/small --baseline models/other --judge models/small
    """
    from midb.audit.evaluating.log import EvaluationLog
    from midb.audit.file.key import read_key
    from midb.cli.learning.examples import parse_languages
    from midb.domain.errors import UsageError
    from midb.domain.hashing import digest
    from midb.evaluation.models.questions import choose_questions, read_questions
    from midb.evaluation.pairwise.comparing import ComparisonSettings

    given = {
        "concurrency": concurrency, "device": device, "devices": devices, "dtype": dtype, "timeout": timeout,
        "key_variable": key_variable,
    }  # fmt: skip
    for name, value in (("candidate", candidate), ("baseline", baseline)):
        if value is None:
            raise UsageError(f"no {name} is named.", hint=f"Add --{name} MODEL.")
    configs = [judging.judge_settings(name, **given) for name in (baseline, candidate, judge)]
    check_output(output)
    key = read_key(seal_key)
    own_prompts = judging.read_prompts(prompts)
    found = read_questions(questions, parse_languages(languages))
    chosen = choose_questions(found.questions, sample, seed)
    notes = list(found.notes)
    if len(chosen) < len(found.questions):
        notes.append(f"{len(chosen):,} of {len(found.questions):,} questions were asked (a sample).")
    settings = ComparisonSettings(prompts=own_prompts, seed=seed, resamples=resamples)
    asked = {
        "evaluates": "model", "candidate": candidate, "baseline": baseline, "judge": judge,
        "questions": digest(*((one.name, one.language, *one.turns) for one in chosen)),
        "prompts": judging.hash_prompts(own_prompts), "most_tokens": most_tokens, "seed": seed, "resamples": resamples,
        "version": __version__,
    }  # fmt: skip
    with EvaluationLog(db, key=key) as log:
        run = log.begin_evaluation(judging.make_run(asked))
        with judging.resumable(log, run):
            figures, verdicts = _compare(configs, log, run, chosen, settings, most_tokens, notes, (db, judged))
        from midb.evaluation.pairwise.comparing import list_judgements

        log.finish_evaluation(run, "model", list_judgements(verdicts), figures)
    if json:
        print_json(figures)
    else:
        from midb.cli.evaluating.model_tables import show

        show(open_wide(), figures)
    write_figures(figures, output)
    return 0


def _compare(
    configs: Sequence[RunConfig],
    log: EvaluationLog,
    run: Run,
    chosen: Sequence[Question],
    settings: ComparisonSettings,
    most_tokens: int,
    notes: Sequence[str],
    measured_in: Sequence[Path],
) -> tuple[dict[str, Any], list[JudgedTwice]]:
    """Open one model after the other: the memory of each is free for the next."""
    from midb.composition import open_engine
    from midb.evaluation.judges.standing import warn_of_judge
    from midb.evaluation.models.comparing import SIDES, compare_models
    from midb.evaluation.pairwise.comparing import judge_all, make_model

    about: dict[str, Any] = {}
    baseline, candidate = (
        _answer(name, config, log, run, chosen, settings, most_tokens, about)
        for name, config in zip(SIDES, configs, strict=False)
    )
    with open_engine(configs[2], judging.warn) as engine:
        assert engine is not None
        print(f"starting {visible(engine.text.described)} (judge)", file=sys.stderr)
        engine.loop.run(engine.text.start())
        about["judge"] = engine.text.fingerprint()

        def ask(pairs: Sequence[JudgedPair]) -> Sequence[JudgedTwice | None]:
            judge = make_model(engine, log, run, settings)
            return judge_all(engine, judge, pairs, judging.JudgingProgress("judged", len(pairs)))

        figures, verdicts = compare_models(
            baseline, candidate, ask, about=about, notes=notes, seed=settings.seed, resamples=settings.resamples,
            margin=settings.margin,
        )  # fmt: skip
    measured = judging.find_measured(about["judge"], measured_in)
    warned = [warn_of_judge({**turn, "notes": figures["notes"]}, measured) for turn in figures["turns"]]
    if warned:
        figures["notes"] = warned[0].pop("notes")
        figures["turns"] = [{name: value for name, value in turn.items() if name != "notes"} for turn in warned]
    return figures, verdicts


def _answer(
    side: str,
    config: RunConfig,
    log: EvaluationLog,
    run: Run,
    chosen: Sequence[Question],
    settings: ComparisonSettings,
    most_tokens: int,
    about: dict[str, Any],
) -> list[AnswerTurns]:
    """The answers of one model; ``about`` gets what it is called, and its fingerprint."""
    from midb.composition import open_engine
    from midb.evaluation.models.answering import answer_questions
    from midb.evaluation.pairwise.comparing import make_model

    with open_engine(config, judging.warn) as engine:
        assert engine is not None
        print(f"starting {visible(engine.text.described)} ({side})", file=sys.stderr)
        engine.loop.run(engine.text.start())
        about |= {side: engine.text.described, f"{side}_fingerprint": engine.text.fingerprint()}
        model = make_model(engine, log, run, settings)
        tell = judging.JudgingProgress(f"answers of the {side}", len(chosen))
        return engine.loop.run(answer_questions(model, chosen, most_tokens=most_tokens, done=tell))
