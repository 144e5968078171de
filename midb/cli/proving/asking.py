"""Students answer, and a judge compares their answers: all replies are logged as they come, nothing is asked twice."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midb.agent.model.settings import Budget
from midb.cli.evaluating import judge_options as judging
from midb.domain.hashing import digest
from midb.text.terminal import visible

if TYPE_CHECKING:
    from midb.agent.engines.adapters import Adapter
    from midb.agent.model.calls import Model
    from midb.agent.run.session import RunEngine
    from midb.audit.evaluating.log import EvaluationLog
    from midb.audit.evaluating.rows import LoggedJudgement
    from midb.audit.run_rows import Run
    from midb.evaluation.models.answering import AnswerTurns
    from midb.evaluation.models.questions import Question
    from midb.evaluation.pairwise.comparing import ComparisonSettings
    from midb.evaluation.pairwise.judging import JudgedPair, JudgedTwice
    from midb.runs.config import RunConfig

#: Questions that are asked between two looks at a budget, for each place of the engine.
_BETWEEN_LOOKS = 2

#: Answers of all students, by side and seed.
Answers = Mapping[tuple[str, int], Sequence["AnswerTurns"]]


class SpentError(Exception):
    """The budget is used up. What was made of it stays."""


@dataclass
class Purse:
    """What is left of a budget for a whole command: its seconds count from now on, its tokens are those of models."""

    budget: Budget
    _started: float = field(default_factory=time.monotonic)
    _tokens: int = 0

    @property
    def seconds_left(self) -> float:
        """Of a budget in seconds, at least one; 0 without such a budget."""
        if self.budget.seconds is None:
            return 0.0
        return max(self.budget.seconds - (time.monotonic() - self._started), 1.0)

    def look(self) -> None:
        """Raise SpentError where nothing is left."""
        if self.budget.left(time.monotonic() - self._started, self._tokens) == 0:
            raise SpentError

    def give(self) -> Budget:
        """What one model may still spend."""
        self.look()
        if self.budget.seconds is not None:
            return replace(self.budget, seconds=self.seconds_left)
        return (
            self.budget
            if self.budget.tokens is None
            else replace(self.budget, tokens=self.budget.tokens - self._tokens)
        )

    def take(self, model: Model) -> None:
        """Count what a model has spent."""
        self._tokens += model.usage.tokens


def ask_students(
    config: RunConfig,
    students: Mapping[tuple[str, int], Adapter],
    questions: Sequence[Question],
    log: EvaluationLog,
    run: Run,
    settings: ComparisonSettings,
    most_tokens: int,
    purse: Purse,
) -> tuple[dict[tuple[str, int], list[AnswerTurns]], str]:
    """The answers of all students to all questions, by one engine; and what that is called."""
    from midb.composition import open_engine

    answers = {}
    with open_engine(config, judging.warn, named=list(students.values())) as engine:
        assert engine is not None
        print(f"starting {visible(engine.text.described)} (students)", file=sys.stderr)
        engine.loop.run(engine.text.start())
        for (side, seed), adapter in students.items():
            tell = judging.JudgingProgress(f"answers of {side}, seed {seed}", len(questions))
            own: list[AnswerTurns] = []
            for part in _cut(questions, engine, purse):
                own += _ask(
                    engine, adapter, part, log, run, settings, most_tokens, purse, partial(_add, tell, len(own))
                )
            answers[side, seed] = own
        return answers, engine.text.described


def _cut(questions: Sequence[Question], engine: RunEngine, purse: Purse) -> Iterator[Sequence[Question]]:
    """All at once without a budget; else as many as are asked between two looks at it."""
    whole = purse.budget.seconds is None and purse.budget.tokens is None
    size = len(questions) if whole else _BETWEEN_LOOKS * engine.text.concurrency
    for start in range(0, len(questions), max(size, 1)):
        purse.look()
        yield questions[start : start + size]


def _add(tell: Callable[[int], None], before: int, count: int) -> None:
    tell(before + count)


def _ask(
    engine: RunEngine,
    adapter: Adapter,
    questions: Sequence[Question],
    log: EvaluationLog,
    run: Run,
    settings: ComparisonSettings,
    most_tokens: int,
    purse: Purse,
    done: Callable[[int], None],
) -> list[AnswerTurns]:
    from midb.evaluation.models.answering import answer_questions
    from midb.evaluation.pairwise.comparing import make_model

    model = make_model(engine, log, run, settings)
    asked = answer_questions(model, questions, most_tokens=most_tokens, adapter=adapter.name, done=done)
    answers = engine.loop.run(asked)
    purse.take(model)
    return answers


@dataclass(frozen=True, kw_only=True)
class JudgedStudents:
    """What a judge said: figures by candidate and baseline, each verdict, and who it is."""

    figures: Mapping[tuple[str, str], Mapping[str, Any]]
    judgements: Sequence[LoggedJudgement]
    judge: Mapping[str, Any]


def judge_students(
    config: RunConfig,
    answers: Answers,
    comparisons: Sequence[tuple[str, str]],
    seeds: Sequence[int],
    log: EvaluationLog,
    run: Run,
    settings: ComparisonSettings,
    measured_in: Sequence[Path],
    purse: Purse,
) -> JudgedStudents:
    """Have each comparison judged. Replies that the log has are not asked for again."""
    from midb.composition import open_engine

    found: dict[tuple[str, str], dict[str, Any]] = {}
    judgements: list[LoggedJudgement] = []
    with open_engine(config, judging.warn) as engine:
        assert engine is not None
        print(f"starting {visible(engine.text.described)} (judge)", file=sys.stderr)
        engine.loop.run(engine.text.start())
        fingerprint = engine.text.fingerprint()
        measured = judging.find_measured(fingerprint, measured_in)
        for sides in comparisons:
            figures, judged = _compare(engine, log, run, answers, sides, seeds, settings, purse)
            judgements += _name_judgements(judged, sides)
            found[sides] = _warn(figures, measured)
        judge = {
            "described": engine.text.described, "engine": fingerprint,
            "warnings": _list_warnings(found.values(), measured),
        }  # fmt: skip
    return JudgedStudents(figures=found, judgements=judgements, judge=judge)


def _name_judgements(judged: Sequence[JudgedTwice], sides: tuple[str, str]) -> list[LoggedJudgement]:
    """Verdicts with the names of the corpora that were compared."""
    from midb.evaluation.models.comparing import SIDES
    from midb.evaluation.pairwise.comparing import list_judgements

    names = dict(zip(SIDES, (sides[1], sides[0]), strict=True))
    return [
        replace(
            one, item=f"{sides[0]} against {sides[1]}: {one.item}", first=names[one.first],
            preferred=names.get(one.preferred, one.preferred),
        )
        for one in list_judgements(judged)
    ]  # fmt: skip


def _compare(
    engine: RunEngine,
    log: EvaluationLog,
    run: Run,
    answers: Answers,
    sides: tuple[str, str],
    seeds: Sequence[int],
    settings: ComparisonSettings,
    purse: Purse,
) -> tuple[dict[str, Any], list[JudgedTwice]]:
    from midb.evaluation.models.comparing import compare_models
    from midb.evaluation.pairwise.comparing import judge_all, make_model

    candidate, baseline = (_name_seeds(answers, side, seeds) for side in sides)
    what = f"{sides[0]} against {sides[1]}"

    def ask(pairs: Sequence[JudgedPair]) -> Sequence[JudgedTwice | None]:
        model = make_model(engine, log, run, replace(settings, budget=purse.give()))
        judged = judge_all(engine, model, pairs, judging.JudgingProgress(f"judged {what}", len(pairs)))
        purse.take(model)
        if None in judged:
            raise SpentError
        return judged

    about = {"candidate": sides[0], "baseline": sides[1], "judge": engine.text.fingerprint(), "seeds": list(seeds)}
    figures, judged = compare_models(
        baseline, candidate, ask, about=about, seed=settings.seed, resamples=settings.resamples,
        margin=settings.margin,
    )  # fmt: skip
    return figures | {"by_seed": [_net_win(judged, answers, sides, seed) for seed in seeds]}, judged


def _name_seeds(answers: Answers, side: str, seeds: Sequence[int]) -> list[AnswerTurns]:
    """The answers of a side with all seeds; those to one question stay one row."""
    return [
        replace(one, question=replace(one.question, name=_name(one.question.name, seed)))
        for seed in seeds
        for one in answers[side, seed]
    ]


def _name(question: str, seed: int) -> str:
    return f"{question} seed {seed}"


def _net_win(judged: Sequence[JudgedTwice], answers: Answers, sides: tuple[str, str], seed: int) -> float | None:
    """Wins less losses in the first turn of one seed, of the judged answers that differ."""
    names = {f"{_name(one.question.name, seed)} turn 1" for one in answers[sides[0], seed]}
    outcomes = [one.outcome for one in judged if one.pair.item in names and one.outcome is not None]
    return round(sum(outcomes) / len(outcomes), 6) if outcomes else None


def _warn(figures: Mapping[str, Any], measured: Mapping[str, Any] | None) -> dict[str, Any]:
    """Figures of a comparison with what is known of its judge in the line of each language."""
    from midb.evaluation.judges.standing import warn_of_judge

    turns = []
    for turn in figures["turns"]:
        warned = warn_of_judge({**turn, "notes": []}, measured)
        turns.append({name: value for name, value in warned.items() if name != "notes"})
    return {**figures, "turns": turns}


def _list_warnings(found: Any, measured: Mapping[str, Any] | None) -> list[str]:
    """What there is against a judge, each thing once."""
    if measured is None:
        return ["it was not measured (midb-agent evaluate judge): nothing is known of how often it is right"]
    told = {
        f"{group['language'] or 'all'}: {group['warning'].removeprefix('the judge: ')}": None
        for figures in found
        for turn in figures["turns"]
        for group in turn["groups"]
        if group.get("warning")
    }
    return list(told)


def describe_questions(questions: Sequence[Question]) -> str:
    """What tells some questions from others."""
    return digest(*((one.name, one.language, *one.turns) for one in questions))
