"""`midb-agent train`: from revisions, or examples that were made of them, to an adapter that run takes."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from midb.cli.learning.examples import Held, PromptStyle, describe_made, parse_languages
from midb.cli.learning.train_options import MAKING, TUNING, TrainOptions, read_options
from midb.cli.learning.training_lines import ProgressLines, describe_span, is_first, say
from midb.dashboard.text import pluralize
from midb.domain.errors import UsageError
from midb.text.terminal import quote_word, visible

if TYPE_CHECKING:
    from midb.agent.engines.checkpoint import CheckpointFolder
    from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer
    from midb.training.session import ExampleSet
    from midb.training.tuning.encoded import EncodedExample
    from midb.training.tuning.settings import TuningSettings

#: What training needs beside the base install.
_NEEDED = ("torch", "transformers", "safetensors", "peft", "accelerate")

#: Held-out examples whose loss is measured before and after, unless another number is asked for.
_MEASURED = 200


def train(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...", help="A folder that midb-agent examples wrote, or revisions: examples are made of them."
        ),
    ],
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="MODEL", help="The model: a checkpoint's folder, its name on the hub, a .gguf."),
    ] = None,
    output: Annotated[str | None, typer.Option("-o", "--output", metavar="DIR", help="Where the adapter goes.")] = None,
    preset: Annotated[
        str | None,
        typer.Option("--preset", metavar="NAME", help="default, or midb-paper. What is given besides stands."),
    ] = None,
    rank: Annotated[int | None, typer.Option("--rank", metavar="N", help="Of the updates. Default: 16.")] = None,
    alpha: Annotated[
        int | None, typer.Option("--alpha", metavar="N", help="alpha / rank scales the updates. Default: 32.")
    ] = None,
    targets: Annotated[
        str | None,
        typer.Option("--targets", metavar="LAYER,...", help="Layers with updates. Default: all-linear."),
    ] = None,
    dropout: Annotated[
        float | None, typer.Option("--dropout", metavar="P", help="Of the updates' inputs. Default: 0.")
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option("--lr", metavar="RATE", help="Highest learning rate. Default: 2e-4; small models take 1e-3."),
    ] = None,
    schedule: Annotated[
        str | None, typer.Option("--schedule", metavar="NAME", help="cosine (default), linear or constant.")
    ] = None,
    warmup: Annotated[
        float | None,
        typer.Option("--warmup", metavar="SHARE", help="Share of the steps in which the rate rises. Default: 0.05."),
    ] = None,
    epochs: Annotated[
        float | None,
        typer.Option("--epochs", metavar="N", help="How often each example is seen; may be a fraction. Default: 1."),
    ] = None,
    batch_tokens: Annotated[
        int | None, typer.Option("--batch-tokens", metavar="N", help="Most tokens of a batch. Default: 8192.")
    ] = None,
    accumulate: Annotated[
        int | None, typer.Option("--accumulate", metavar="N", help="Batches for each step. Default: 1.")
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", metavar="N", help="Longer examples are left out. Default: 4096."),
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option("--max-steps", metavar="N", help="Most steps. Default: what the epochs take.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Of weights, batches, and examples made here. Default: 0.")
    ] = None,
    recompute: Annotated[
        bool | None,
        typer.Option(
            "--recompute", help="Keep no activations and compute them again: a third slower, far less memory."
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="auto|cpu|cuda", help="Where it is computed. Default: auto.")
    ] = None,
    max_seconds: Annotated[
        float | None,
        typer.Option("--max-seconds", metavar="S", help="End after so long, with the adapter as it is then."),
    ] = None,
    save_seconds: Annotated[
        float | None,
        typer.Option("--save-seconds", metavar="S", help="Seconds between two saved states. Default: 300."),
    ] = None,
    measure: Annotated[
        int | None,
        typer.Option("--measure", metavar="N", help="Held-out examples whose loss is measured. Default: 200; 0: none."),
    ] = None,
    merge: Annotated[
        bool | None, typer.Option("--merge", help="Write base and adapter as one checkpoint too, into DIR/merged.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training that DIR holds.")] = False,
    languages: Annotated[
        str | None, typer.Option("--languages", metavar="xx,...", help="Languages to make examples of.")
    ] = None,
    passes: Annotated[
        str | None, typer.Option("--passes", metavar="PASS,...", help="Passes to make examples of.")
    ] = None,
    select: Annotated[
        str | None, typer.Option("--select", metavar="all|distance:S", help="As for midb-agent examples.")
    ] = None,
    mix: Annotated[
        str | None, typer.Option("--mix", metavar="KIND:SHARE,...", help="As for midb-agent examples.")
    ] = None,
    most: Annotated[int | None, typer.Option("--most", metavar="N", help="Most examples to make; 0: all.")] = None,
    held_out: Held = None,
    holdout: Annotated[
        float | None, typer.Option("--holdout", metavar="SHARE", help="Share of the rows held out. Default: 0.1.")
    ] = None,
    prompts: PromptStyle = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="A TOML file with any of these settings.")
    ] = None,
) -> int:
    """Train a LoRA adapter of a model on revisions, so that it rewrites as they do.

    Only replies are learnt. A training can be stopped with Ctrl-C and goes on with --resume as if it had not been. DIR
    holds the adapter, what it was trained on and with, the loss, and its loss on held-out rows before and after.

    Example: midb-agent train learn --base models/small --prompts short -o booster --lr 1e-3
    """
    given = {
        name: value
        for name, value in locals().items()
        if name not in ("data", "resume", "held_out", "config") and value is not None
    }
    options = read_options(config, given)
    if options.base is None or options.output is None:
        raise UsageError("a training needs a base and a place.", hint="midb-agent train DATA --base MODEL -o DIR")
    require_libraries()
    return _train(data, held_out or (), options, resume=resume)


def require_libraries() -> None:
    """Raise UsageError where something is not installed that a training needs."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"training needs {', '.join(missing)}, which the base install leaves out.",
            hint="pip install '.[train]' in the folder of midb-agent's source.",
        )
    # Before torch is imported, which reads it once: threads that wait in circles take the processors from each other.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def _train(data: list[Path], held_out: Any, options: TrainOptions, *, resume: bool) -> int:
    from midb.agent.engines import checkpoint
    from midb.composition import open_tokenizer
    from midb.training.session import TrainingRecord, check_output, describe_examples, find_context
    from midb.training.tuning.encoding import encode
    from midb.training.tuning.settings import choose_settings

    settings = choose_settings(options.preset or "default", **{name: getattr(options, name) for name in TUNING})
    output = Path(options.output or "").expanduser()
    base = checkpoint.find(options.base or "", checkpoint.MODEL_FILES)
    checkpoint.check_files(base.folder)
    check_output(output, resume=resume)
    tokenizer = open_tokenizer(base)
    examples = _find_examples(data, held_out, options, output, resume=resume)
    record = TrainingRecord(
        settings=settings.as_dict(),
        base_name=base.name,
        base_sha256=checkpoint.hash_files(base.folder),
        hashes=examples.hashes,
        prompts=examples.prompts,
    )
    if resume:
        record.compare(output, settings)
    longest = min(settings.max_tokens, find_context(base.folder) or settings.max_tokens)
    sides = [encode(chats, tokenizer, longest) for chats in (examples.train, examples.held_out)]
    lines = [*describe_examples(sides[0].examples, "train"), *describe_examples(sides[1].examples, "held out")]
    left_out = sides[0].left_out + sides[1].left_out
    lines += [f"  left out {count:,} {reason}" for reason, count in left_out.most_common()]
    if len(languages := examples.list_values("language")) == 1:
        lines.append(f"  note     all examples are in one language ({languages[0]}): nothing is learnt of the others")
    say(*lines)
    if not sides[0].examples:
        raise UsageError(
            "no example is left to train on.",
            hint=f"All are longer than {longest:,} tokens; examples with --prompts short are a third as long.",
        )
    if is_first():
        record.write(output)
    return _tune(
        base, tokenizer, settings, sides[0].examples, sides[1].examples, examples, record, options, resume=resume
    )


def _find_examples(data: list[Path], held_out: Any, options: TrainOptions, output: Path, *, resume: bool) -> ExampleSet:
    """The examples of a folder, or those that are made of DATA and kept within the training's folder."""
    from midb.training.session import EXAMPLES, is_example_folder, read_examples

    if len(data) == 1 and is_example_folder(data[0]):
        making = [name for name in MAKING if getattr(options, name) is not None]
        found = read_examples(data[0])
        if making == ["prompts"] and options.prompts == found.prompts:
            return found
        if making or held_out:
            name = f"--{making[0]}" if making else "--held-out"
            raise UsageError(
                f"{name} says how examples are made, and {data[0]} holds finished ones.",
                hint="Make them anew with midb-agent examples, or give the revisions.",
            )
        return found
    own = output / EXAMPLES
    if resume and is_example_folder(own):
        return read_examples(own)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(
            "several processes cannot make the examples together.",
            hint="Make them first: midb-agent examples DATA... -o FOLDER; then train on FOLDER.",
        )
    from midb.training.making import DEFAULT_MIX_TEXT, MakingOptions, make_examples
    from midb.training.writing import write_examples

    made = make_examples(
        MakingOptions(
            data=data, held_out=held_out, holdout=0.1 if options.holdout is None else options.holdout,
            languages=parse_languages(options.languages), passes=options.passes, selection=options.select or "all",
            mix=options.mix or DEFAULT_MIX_TEXT, most=options.most or 0, prompts=options.prompts,
            seed=options.seed or 0,
        )
    )  # fmt: skip
    say(*describe_made(made))
    write_examples(own, made.train.examples, made.held_out.examples, made.settings)
    return read_examples(own)


def _tune(
    base: CheckpointFolder,
    tokenizer: ChatTokenizer,
    settings: TuningSettings,
    examples: list[EncodedExample],
    held_out: list[EncodedExample],
    found: ExampleSet,
    record: Any,
    options: TrainOptions,
    *,
    resume: bool,
) -> int:
    from midb.agent.engines.adapter_manifest import CHAT
    from midb.training.session import StoppedError
    from midb.training.tuning.measuring import merge_losses
    from midb.training.tuning.model import check_examples, choose_device, load_base, name_device
    from midb.training.tuning.result import list_versions, merge, write_result
    from midb.training.tuning.running import TuningPace, measure_once, tune

    output = Path(options.output or "").expanduser()
    device = choose_device(options.device or "auto")
    model = load_base(base.folder, base.name, device)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    check_examples(model, [*examples, *held_out], base.name)
    sample = held_out[: _MEASURED if options.measure is None else options.measure]
    before = measure_once(output, model, sample, settings.batch_tokens) if is_first() else []
    lines = ProgressLines(f"{base.name} on {device.type}")
    pace = TuningPace(max_seconds=options.max_seconds or 0.0, save_seconds=options.save_seconds or 300.0)
    with lines:
        done = tune(
            model, base.name, settings, examples, output, told=lines.tell, begin=lines.begin, pace=pace, resume=resume
        )
    if done.stopped in ("interrupted", "terminated"):
        raise StoppedError(
            f"stopped after step {done.step:,} of {done.steps:,}, which is saved.",
            hint=f"The same command with --resume goes on from there: -o {quote_word(str(output))}",
            terminated=done.stopped == "terminated",
        )
    if not is_first():
        return 0
    after = measure_once(None, done.model, sample, settings.batch_tokens)
    whole = {
        "prompts": found.prompts,
        "prompt_hashes": found.manifest.get("prompts", {}),
        "base": {"name": base.name, "sha256": record.base_sha256, "parameters": parameters},
        "passes": found.list_values("pass"),
        "languages": found.list_values("language"),
        "settings": settings.as_dict(),
        "steps": {
            "done": done.step, "planned": done.steps, "tokens": done.tokens, "seconds": round(done.seconds, 1),
            "stopped": done.stopped, "skipped": done.skipped, "device": name_device(device),
        },
        "examples": {
            **{name: found.manifest.get(name) for name in ("mix", "select", "data", "holdout", "seed")},
            "sha256": dict(found.hashes), "counts": {"train": len(examples), "held_out": len(held_out)},
        },
        "versions": list_versions(),
        "metrics": {"loss_before": merge_losses(before), "loss_after": merge_losses(after), "measured": len(sample)},
    }  # fmt: skip
    write_result(output, done.model, whole, {"before": before, "after": after, "measured": len(sample)})
    end = "" if not done.stopped else f" (of {done.steps:,}: its time was over)"
    losses = [merge_losses(rows) for rows in (before, after)]
    change = "" if None in losses else f"; loss on held-out rows {losses[0]:.3f} -> {losses[1]:.3f} (n={len(sample)})"
    say(f"trained {pluralize(done.step, 'step')}{end} in {describe_span(done.seconds)}{change}")
    say(f"  adapter  {visible(str(output))}")
    if options.merge:
        say(f"  merged   {visible(str(merge(output, done.model, base.folder, tokenizer.write)))}")
    if found.prompts != CHAT:
        base_name, adapter = visible(options.base or ""), quote_word(str(output))
        say(f"  next     midb-agent run CORPUS --model {base_name} --adapter {adapter}")
    return 0
