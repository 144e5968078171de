"""`midb-agent prove`: from a corpus to a page that says whether models learn better from its boosted side."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from midb import __version__
from midb.cli import options
from midb.cli.audit.options import Json
from midb.cli.evaluating import judge_options as judging
from midb.cli.evaluating.judge import LOG
from midb.cli.evaluating.output import Resamples, open_wide, print_json
from midb.domain.errors import UsageError
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

#: Questions that are asked unless another number is.
_ASKED = 200


def prove(
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="The corpus as it was.")],
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="MODEL", help="What students start from: as for midb-agent train."),
    ] = None,
    work: Annotated[
        Path, typer.Option("-o", "--work", metavar="DIR", help="Where everything goes; the same command goes on there.")
    ] = Path("proof"),
    boosted: Annotated[
        Path | None,
        typer.Option("--boosted", metavar="FILE", help="What a run made of it. Default: a run without a model here."),
    ] = None,
    language: options.Language = None,
    source: options.Source = None,
    map: options.Map = None,
    judge: judging.Judge = None,
    questions: Annotated[
        list[Path] | None,
        typer.Option(
            "--questions",
            metavar="FILE",
            help="What students are asked, as AlpacaEval or MT-Bench have it. Default: held-out instructions.",
        ),
    ] = None,
    ask: Annotated[
        int, typer.Option("--ask", metavar="N", min=0, help="Ask so many, the same number in each language; 0: all.")
    ] = _ASKED,
    most_tokens: Annotated[
        int, typer.Option("--max-tokens", metavar="N", min=1, help="Most tokens of an answer, about.")
    ] = 256,
    sample: Annotated[
        int, typer.Option("--sample", metavar="N", min=0, help="Use so many pairs, as many in each language; 0: all.")
    ] = 0,
    holdout: Annotated[
        float, typer.Option("--holdout", metavar="SHARE", min=0.01, max=0.99, help="Share of the rows held out.")
    ] = 0.2,
    control: Annotated[
        bool, typer.Option("--control/--no-control", help="Also train students of random edits.")
    ] = True,
    seeds: Annotated[
        int, typer.Option("--seeds", metavar="N", min=1, max=100, help="Trainings of each side, one a seed.")
    ] = 1,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="The first seed; also of sample and draws.")
    ] = 0,
    lr: Annotated[
        float | None,
        typer.Option("--lr", metavar="RATE", help="Highest learning rate. Default: 2e-4; small models take 1e-3."),
    ] = None,
    epochs: Annotated[
        float | None, typer.Option("--epochs", metavar="N", help="How often each example is seen. Default: 1.")
    ] = None,
    batch_tokens: Annotated[
        int | None, typer.Option("--batch-tokens", metavar="N", help="Most tokens of a batch. Default: 8192.")
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option("--max-steps", metavar="N", help="Most steps. Default: what the epochs take.")
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", metavar="FILE", help="TOML with any setting of a training, such as rank.")
    ] = None,
    resamples: Resamples = 1000,
    margin: Annotated[
        float,
        typer.Option("--margin", metavar="X", min=0.001, max=1, help="Net win below which a language counts as worse."),
    ] = 0.05,
    budget: judging.Budget = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count examples, steps and calls: no training, no call.")
    ] = False,
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
    json: Json = False,
) -> int:
    """Prove whether models learn better from a boosted corpus: train students, let them answer, write one page.

    Students are tuned on the corpus as it was, boosted, and with random edits, by one recipe, on the same rows. The
    same command goes on where it was stopped. Example:

    midb-agent prove c.jsonl --boosted c.boosted.jsonl --base models/small --judge openai:NAME@URL -o proof
    """
    from midb.agent.engines import checkpoint
    from midb.agent.model.settings import Budget
    from midb.audit.file.key import read_key
    from midb.cli.learning.training import require_libraries
    from midb.cli.proving.asking import Purse, SpentError
    from midb.cli.proving.making import CorpusWords, choose_recipe
    from midb.cli.running import settle_corpus
    from midb.corpus.formats.containers import open_container
    from midb.domain.hashing import file_sha256
    from midb.evaluation.pairwise.comparing import ComparisonSettings
    from midb.evaluation.proving.folder import OpenedProof
    from midb.runs.config import load_config

    if base is None:
        raise UsageError("no base is named.", hint="Add --base MODEL: a checkpoint's folder, its hub name, or a .gguf.")
    if base.startswith("openai:"):
        raise UsageError(
            f"{visible(base)} is on a server, and students are trained here.",
            hint="Give a checkpoint's folder or a .gguf.",
        )
    if str(corpus) == "-":
        raise UsageError("a proof reads its corpus several times.", hint="Name a file.")
    tuning, words_of_recipe = choose_recipe(
        recipe, {"lr": lr, "epochs": epochs, "batch_tokens": batch_tokens, "max_steps": max_steps}
    )
    given = {
        "concurrency": concurrency, "device": device, "devices": devices, "dtype": dtype, "timeout": timeout,
        "key_variable": key_variable,
    }  # fmt: skip
    judge_config = judging.judge_settings(judge, **given) if judge else None
    own_prompts = judging.read_prompts(prompts)
    purse = Purse(Budget.parse(budget) if budget else Budget())
    key = read_key(seal_key)
    require_libraries()
    found = checkpoint.find(base, checkpoint.MODEL_FILES)
    checkpoint.check_files(found.folder)
    config = settle_corpus(
        load_config(None, options.given(corpus=corpus, language=language, source=source, map=map)), lambda event: None
    )
    path = Path(str(config.corpus))
    words = CorpusWords(path=path, language=config.language_code(), map=config.map, source=source)
    settings = {
        "corpus": {"name": path.name, "sha256": open_container(path).identity()[1]},
        "boosted": {"name": boosted.name, "sha256": open_container(boosted).identity()[1]} if boosted else None,
        "base": {"name": found.name, "sha256": checkpoint.hash_files(found.folder)},
        "source": {"name": source.name, "sha256": file_sha256(source)} if source else None,
        "language": words.language, "map": words.map, "sample": sample, "holdout": holdout, "seed": seed,
        "control": control,
        "recipe": {name: value for name, value in tuning.as_dict().items() if name != "seed"},
    }  # fmt: skip
    with OpenedProof(work, settings) as opened:
        proof = _Proof(
            folder=opened.folder, words=words, given=boosted, base=found, base_words=base, recipe=words_of_recipe,
            tuning=tuning, settings=settings, seeds=list(range(seed, seed + seeds)), judge=judge_config,
            students=judging.judge_settings(base, **given | {"timeout": None, "key_variable": None}),
            asked=questions or [], ask=ask, most_tokens=most_tokens, purse=purse, device=device, key=key,
            compare=ComparisonSettings(prompts=own_prompts, seed=seed, resamples=resamples, margin=margin),
            measured_in=(opened.folder.log, judged),
        )  # fmt: skip
        try:
            return proof.forecast(json=json) if dry_run else proof.prove(json=json)
        except SpentError:
            judging.say_how_to_go_on("the budget is used up; ")
            return 0


@dataclass(frozen=True, kw_only=True)
class _Proof:
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
        from midb.cli.proving.making import find_students, measure_losses, teach
        from midb.evaluation.proving.lessons import list_references

        corpora, lessons, questions, notes, encoder = self._prepare()
        for number in self.seeds:
            for side in corpora.sides:
                self.purse.look()
                if not teach(
                    self.folder, side, number, self.base_words, self.recipe, self.device, self.purse.seconds_left
                ):
                    self.purse.look()
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
        from midb.evaluation.proving.lessons import list_questions, make_lessons

        encoder = open_tokenizer(self.base)
        seed = self.compare.seed
        corpora = align_corpora(self.words, self.given, self.folder, control=self.settings["control"], seed=seed)
        lessons = make_lessons(
            corpora.boosted, corpora.control, encoder, longest=self._longest(), sample=self.settings["sample"],
            holdout=self.settings["holdout"], seed=seed,
        )  # fmt: skip
        write_lessons(lessons, corpora, self.folder, seed)
        notes: list[str] = []
        if self.asked:
            read = read_questions(self.asked, sorted({pair.language for pair in lessons.train}))
            whole, notes = read.questions, list(read.notes)
        else:
            whole = list_questions(lessons)
            if not whole:
                raise UsageError(
                    "there is nothing to ask: every held-out instruction was changed by the boosting.",
                    hint="--questions FILE names questions of your own.",
                )
            if left := len(lessons.held_out) - len(whole):
                notes.append(f"{left:,} held-out instructions were changed by the boosting, and are not asked.")
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
        from midb.evaluation.proving.measuring import Measured, look_at_answers

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
                        self.judge, answers, list_comparisons(corpora.sides), self.seeds, log, self.compare, asked,
                        self.measured_in, self.purse,
                    )  # fmt: skip
                measured = [
                    Measured(
                        side=side, seed=number, losses=losses[side, number], answers=own, facts=look_at_answers(own)
                    )
                    for (side, number), own in answers.items()
                ]
                about = self._describe(corpora, questions, notes, students, described, log)
                figures = assemble(
                    lessons, references, Measured(side="", seed=0, losses=losses["", 0]), measured,
                    judged.figures if judged else {}, about=about | {"judge": judged.judge if judged else None},
                    seed=self.compare.seed, resamples=self.compare.resamples,
                )  # fmt: skip
            log.finish_evaluation(run, "proof", [], figures)
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
