"""`midb-agent prove`: from a corpus to a page that says whether models learn better from its boosted side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from midb.cli import options
from midb.cli.audit.options import Json
from midb.cli.evaluating import judge_options as judging
from midb.cli.evaluating.judge import LOG
from midb.cli.evaluating.output import Resamples
from midb.domain.errors import UsageError
from midb.text.terminal import visible

#: Questions that are asked unless another number is.
_ASKED = 200

#: How students and judge are served.
Concurrency = Annotated[int | None, typer.Option("--concurrency", metavar="N", help=options.help_of("concurrency"))]
Device = Annotated[
    str | None, typer.Option("--device", metavar="DEVICE", help="Where students are trained, and models run.")
]
Devices = Annotated[str | None, typer.Option("--devices", metavar="all|0,1", help=options.help_of("devices"))]
Dtype = Annotated[str | None, typer.Option("--dtype", metavar="DTYPE", help=options.help_of("dtype"))]
Timeout = Annotated[float | None, typer.Option("--timeout", metavar="S", help=options.help_of("timeout"))]
KeyVariable = Annotated[
    str | None, typer.Option("--key-variable", metavar="NAME", help=options.help_of("key_variable"))
]


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
        int, typer.Option("--max-tokens", metavar="N", min=1, help="Most tokens of an answer.")
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
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="B", help="Stop, resumable, after so much: 2h, 90m, 1e6tok.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count examples, steps and calls: no training, no call.")
    ] = False,
    judged: Annotated[
        Path, typer.Option("--judged", metavar="DB", help="The log in which `evaluate judge` measured the judge.")
    ] = LOG,
    prompts: judging.Prompts = None,
    concurrency: Concurrency = None,
    device: Device = None,
    devices: Devices = None,
    dtype: Dtype = None,
    timeout: Timeout = None,
    key_variable: KeyVariable = None,
    seal_key: options.SealKey = None,
    json: Json = False,
) -> int:
    """Prove whether models learn better from a boosted corpus: train students, let them answer, write one page.

    Students are tuned on the corpus as it was, boosted, and with random edits, by one recipe, on the same rows. The
    same command goes on where it was stopped. Example:

    midb-agent prove corpus.jsonl --base models/small --holdout 0.5 --dry-run
    """
    from midb.agent.engines import checkpoint
    from midb.agent.model.settings import Budget
    from midb.audit.file.key import read_key
    from midb.cli.learning.training import require_libraries
    from midb.cli.proving.asking import Purse, SpentError
    from midb.cli.proving.making import CorpusWords, choose_recipe
    from midb.cli.proving.steps import ProofSteps
    from midb.cli.running import settle_corpus
    from midb.corpus.formats.containers import corpus_sha256, open_container
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
        "source": {"name": source.name, "sha256": corpus_sha256(source)} if source else None,
        "language": words.language, "map": words.map, "sample": sample, "holdout": holdout, "seed": seed,
        "control": control,
        "recipe": {name: value for name, value in tuning.as_dict().items() if name != "seed"},
    }  # fmt: skip
    with OpenedProof(work, settings) as opened:
        proof = ProofSteps(
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
