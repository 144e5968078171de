"""The steps of a proof, one after the other. What is done already is not done again."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midb import __version__
from midb.cli.evaluating import judge_options as judging
from midb.cli.evaluating.output import open_wide, print_json
from midb.text.terminal import quote_word, visible

if TYPE_CHECKING:
    from midb.agent.engines.adapters import Adapter
    from midb.agent.engines.checkpoint import CheckpointFolder
    from midb.audit.evaluating.log import EvaluationLog
    from midb.audit.file.key import SealKey
    from midb.cli.proving.asking import Purse
    from midb.cli.proving.making import CorpusWords, MadeCorpora
    from midb.evaluation.models.questions import Question
    from midb.evaluation.pairwise.comparing import ComparisonSettings
    from midb.evaluation.proving.folder import ProofFolder
    from midb.evaluation.proving.lessons import Lessons
    from midb.runs.config import RunConfig
    from midb.training.tuning.settings import TuningSettings


@dataclass(frozen=True, kw_only=True)
class ProofSteps:
    """One proof: what was asked for, and its steps, one after the other."""

    folder: ProofFolder
    words: CorpusWords
    given: Path | None
    base: CheckpointFolder
    base_words: str
    recipe: Mapping[str, Any]
    tuning: TuningSettings
    settings: Mapping[str, Any]
    seeds: Sequence[int]
    judge: RunConfig | None
    students: RunConfig
    asked: Sequence[Path]
    ask: int
    most_tokens: int
    purse: Purse
    device: str | None
    key: SealKey | None
    compare: ComparisonSettings
    measured_in: Sequence[Path]

    def forecast(self, *, json: bool) -> int:
        """Make corpora and examples, and count what the rest would take."""
        from midb.cli.proving.forecasting import describe, forecast

        corpora, lessons, questions, _, encoder = self._prepare()
        found = forecast(
            lessons, questions, corpora.sides, self.seeds, self.tuning, encoder, self.folder,
            most_tokens=self.most_tokens, judged=self.judge is not None,
        )  # fmt: skip
        if json:
            print_json(found)
        else:
            print(describe(found))
        return 0

    def prove(self, *, json: bool) -> int:
        """All steps; what is done already is not done again."""
        from midb.cli.proving.asking import SpentError
        from midb.cli.proving.making import find_students, measure_losses, teach
        from midb.evaluation.proving.lessons import list_references

        corpora, lessons, questions, notes, encoder = self._prepare()
        for number in self.seeds:
            for side in corpora.sides:
                self.purse.look()
                left = self.purse.seconds_left
                if not teach(self.folder, side, number, self.base_words, self.recipe, self.device, left):
                    raise SpentError
        students = find_students(self.folder, corpora.sides, self.seeds)
        references = list_references(lessons)
        losses = measure_losses(self.folder, self.base, encoder, students, references, self.device, self._longest())
        figures = self._ask(corpora, lessons, questions, notes, students, references, losses)
        self._show(figures, json=json)
        return 0

    def _longest(self) -> int:
        from midb.training.session import find_context

        return min(self.tuning.max_tokens, find_context(self.base.folder) or self.tuning.max_tokens)

    def _prepare(self) -> tuple[MadeCorpora, Lessons, list[Question], list[str], Any]:
        """Corpora, examples and questions; the notes on the latter, and the base's tokenizer."""
        from midb.cli.proving.making import align_corpora, write_lessons
        from midb.composition import open_tokenizer
        from midb.evaluation.models.questions import choose_questions, read_questions
        from midb.evaluation.proving.lessons import make_lessons, take_questions

        encoder = open_tokenizer(self.base)
        read = read_questions(self.asked) if self.asked else None
        seed = self.compare.seed
        corpora = align_corpora(self.words, self.given, self.folder, control=self.settings["control"], seed=seed)
        lessons = make_lessons(
            corpora.boosted, corpora.control, encoder, longest=self._longest(), sample=self.settings["sample"],
            holdout=self.settings["holdout"], seed=seed,
        )  # fmt: skip
        write_lessons(lessons, corpora, self.folder, seed)
        whole, notes = take_questions(lessons, read)
        chosen = choose_questions(whole, self.ask, seed)
        if len(chosen) < len(whole):
            notes.append(f"{len(chosen):,} of {len(whole):,} questions were asked (a sample).")
        return corpora, lessons, chosen, notes, encoder

    def _ask(
        self,
        corpora: MadeCorpora,
        lessons: Lessons,
        questions: Sequence[Question],
        notes: Sequence[str],
        students: Mapping[tuple[str, int], Adapter],
        references: Mapping[str, Any],
        losses: Mapping[tuple[str, int], Any],
    ) -> dict[str, Any]:
        """Let students answer and a judge compare, and put it all together; or what the log has of the same proof."""
        from midb.audit.evaluating.log import EvaluationLog
        from midb.cli.proving.asking import ask_students, describe_questions, judge_students
        from midb.evaluation.proving.assembling import assemble, list_comparisons
        from midb.evaluation.proving.measuring import MeasuredStudent, look_at_answers

        asked = {
            "questions": describe_questions(questions), "most_tokens": self.most_tokens, "seeds": list(self.seeds),
            "adapters": {f"{side}-{number}": one.sha256 for (side, number), one in students.items()},
        }  # fmt: skip
        wanted_settings = {
            "evaluates": "proof", **self.settings, **asked, "judge": self.judge.model if self.judge else None,
            "prompts": judging.hash_prompts(self.compare.prompts), "resamples": self.compare.resamples,
            "margin": self.compare.margin, "version": __version__,
        }  # fmt: skip
        with EvaluationLog(self.folder.log, key=self.key) as log:
            wanted = judging.make_run(
                wanted_settings, corpus=str(self.words.path), corpus_sha256=self.settings["corpus"]["sha256"],
                parent_run=_find_parent(log, corpora.sha256),
            )  # fmt: skip
            last = log.find_evaluation(wanted)
            logged = log.read_figures(last) if last is not None and last.status == "finished" else None
            if logged is not None and last is not None:
                print(f"proved before, as logged in run {last.id} of {visible(str(self.folder.log))}", file=sys.stderr)
                return logged
            run = log.begin_evaluation(wanted)
            with judging.resumable(log, run):
                answers, described = ask_students(
                    self.students, students, questions, log, run, self.compare, self.most_tokens, self.purse
                )
                judged = None
                if self.judge is not None:
                    judged = judge_students(
                        self.judge, answers, list_comparisons(corpora.sides), self.seeds, log, run, self.compare,
                        self.measured_in, self.purse,
                    )  # fmt: skip
                measured = [
                    MeasuredStudent(
                        side=side, seed=number, losses=losses[side, number], answers=own, facts=look_at_answers(own)
                    )
                    for (side, number), own in answers.items()
                ]
                about = self._describe(corpora, questions, notes, students, described, log)
                figures = assemble(
                    lessons, references, MeasuredStudent(side="", seed=0, losses=losses["", 0]), measured,
                    judged.figures if judged else {}, about=about | {"judge": judged.judge if judged else None},
                    seed=self.compare.seed, resamples=self.compare.resamples,
                )  # fmt: skip
            log.finish_evaluation(run, "proof", judged.judgements if judged else [], figures)
            return figures

    def _describe(
        self,
        corpora: MadeCorpora,
        questions: Sequence[Question],
        notes: Sequence[str],
        students: Mapping[tuple[str, int], Adapter],
        answered_on: str,
        log: EvaluationLog,
    ) -> dict[str, Any]:
        """What names everything that was compared, and what it took."""
        from midb.audit.run_rows import utc_now
        from midb.cli.proving.making import describe_training
        from midb.runs.versions import versions_of_run

        trained = {
            (side, number): describe_training(self.folder, side, number, one)
            for (side, number), one in students.items()
        }
        first = self.folder.find_student(*next(iter(students)))
        assert first is not None
        names = ", ".join(path.name for path in self.asked)
        return {
            "at": utc_now(),
            "corpus": corpora.described["raw"], "boosted": corpora.described["boosted"],
            "control": corpora.described.get("control"),
            "base": {**self.settings["base"], "parameters": first.whole["base"]["parameters"]},
            "recipe": self.settings["recipe"], "seed": self.compare.seed, "seeds": list(self.seeds),
            "questions": {
                "asked": len(questions), "from": f"of {names}" if names else "held-out instructions of the corpus",
                "most_tokens": self.most_tokens, "answered_on": answered_on,
            },
            "trained": trained,
            "cost": {
                "training": {
                    "students": len(trained), "tokens": sum(one["tokens"] for one in trained.values()),
                    "seconds": round(sum(one["seconds"] for one in trained.values()), 1),
                },
                "models": _count_calls(log),
            },
            "versions": versions_of_run(self.base_words) | first.whole.get("versions", {}),
            "notes": list(notes),
        }  # fmt: skip

    def _show(self, figures: Mapping[str, Any], *, json: bool) -> None:
        """Write the page in all its forms, and say what it says."""
        import orjson

        from midb.audit.questions.export import write_file
        from midb.cli.proving.tables import show
        from midb.evaluation.proving.page import write_markdown, write_page

        verify = f"midb-agent audit verify --db {quote_word(str(self.folder.log))}"
        write_file([write_page(figures, verify)], self.folder.page(".html"))
        write_file([write_markdown(figures, verify)], self.folder.page(".md"))
        write_file([orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode() + "\n"], self.folder.page(".json"))
        if json:
            print_json(figures)
        else:
            show(open_wide(), figures)
        print(f"page      {visible(str(self.folder.page('.html')))}", file=sys.stderr)
        print(f"proof     {visible(verify)}", file=sys.stderr)


def _find_parent(log: EvaluationLog, sha256: str) -> int | None:
    """The run of this log that wrote the boosted corpus, if one did."""
    sql = "SELECT id FROM runs WHERE output_sha256 = ? AND status = 'finished' ORDER BY id DESC LIMIT 1"
    found = log.db.execute(sql, [sha256]).fetchone()
    return int(found[0]) if found else None


def _count_calls(log: EvaluationLog) -> list[dict[str, Any]]:
    """What all replies in the log took, by who gave them. Students are told apart by their adapters."""
    sql = (
        "SELECT engine, count(*), sum(prompt_tokens), sum(completion_tokens), sum(seconds) FROM generations "
        "GROUP BY engine ORDER BY min(id)"
    )
    names = ("engine", "calls", "prompt_tokens", "completion_tokens", "seconds")
    return [dict(zip(names, row, strict=True)) for row in log.db.execute(sql)]
