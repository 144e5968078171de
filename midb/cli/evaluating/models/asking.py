"""One model after the other, the memory of each free for the next, and all of them within one budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midb.cli.evaluating import judge_options as judging
from midb.cli.evaluating.output import print_json, say_kept, show_span, tell_costs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from midb.agent.model.calls import Model
    from midb.audit.evaluating.log import EvaluationLog
    from midb.audit.run_rows import Run
    from midb.evaluation.models.answering import AnswerTurns
    from midb.evaluation.models.questions import Question
    from midb.evaluation.pairwise.comparing import ComparisonSettings
    from midb.evaluation.pairwise.judging import JudgedPair, JudgedTwice
    from midb.runs.config import RunConfig


class AskedModels:
    """Opens models, asks them, and knows what is left to spend.

    :param settings: what models are asked with; its budget is that of all of them.
    """

    def __init__(self, log: EvaluationLog, run: Run, settings: ComparisonSettings, most_tokens: int) -> None:
        self._log, self._run, self._settings = log, run, settings
        self._most_tokens = most_tokens
        self._budget = settings.budget
        #: What each model is called, and its fingerprint, as figures name them.
        self.about: dict[str, Any] = {}
        #: Items that each was asked about at the same time.
        self.at_once: dict[str, int] = {}

    def answer(self, role: str, config: RunConfig, questions: Sequence[Question]) -> list[AnswerTurns]:
        """The answers of one model, which is the candidate or the baseline."""
        from midb.evaluation.models.answering import answer_questions
        from midb.evaluation.pairwise.comparing import count_at_once, make_model

        with judging.start_engine(config, role) as engine:
            self.about |= {role: engine.text.described, f"{role}_fingerprint": engine.text.fingerprint()}
            model = make_model(engine, self._log, self._run, replace(self._settings, budget=self._budget))
            tell = judging.JudgingProgress(f"answers of the {role}", len(questions))
            answered = engine.loop.run(answer_questions(model, questions, most_tokens=self._most_tokens, done=tell))
            self.at_once[role] = count_at_once(model, len(questions))
        self._spend(model)
        return answered

    def judge(self, config: RunConfig, pairs: Sequence[JudgedPair]) -> list[JudgedTwice | None]:
        """What the judge says of pairs, in both orders; None where the budget was too short."""
        from midb.evaluation.pairwise.comparing import count_at_once, judge_all, make_model

        with judging.start_engine(config, "judge") as engine:
            self.about["judge"] = engine.text.fingerprint()
            model = make_model(engine, self._log, self._run, replace(self._settings, budget=self._budget))
            judged = judge_all(engine, model, pairs, judging.JudgingProgress("judged", len(pairs))) if pairs else []
            self.at_once["judge"] = count_at_once(model, len(pairs), calls=2)
        self._spend(model)
        return judged

    def _spend(self, model: Model) -> None:
        self._budget = self._budget.after(model.seconds, model.usage.tokens)


def count_unasked(answered: Iterable[AnswerTurns]) -> int:
    """Questions that the budget was too short for."""
    from midb.evaluation.models.answering import UNASKED

    return sum(one.failure == UNASKED for one in answered)


def say_models_forecast(found: Mapping[str, Any], log: Path, json: bool) -> None:
    """What answers and judgements would take, model by model, as lines or as JSON."""
    if json:
        print_json(found)
        return
    print(f"forecast for {found['questions']:,} questions, from {found['sampled']:,}")
    for role, costs in found["models"].items():
        what = "judgements" if role == "judge" else "answers"
        print(f"{role}: {show_span(costs['calls'])} {what}")
        for line in tell_costs(costs):
            print(f"  {line}")
    say_kept(log)
