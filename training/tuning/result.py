"""What a training leaves: the adapter and what it says of itself, figures, a curve, a card, a merged checkpoint."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from midb.agent.engines.adapter_manifest import ADAPTER_MANIFEST, CHAT, write_manifest
from midb.domain.errors import MidbError
from midb.training.tuning.measuring import merge_losses
from midb.training.tuning.settings import CHECKPOINTS
from midb.training.tuning.states import save_adapter, write_bytes
from midb.training.tuning.watching import LOSS_LOG, read_losses

#: Figures of a training, the curve of its loss, and its card.
METRICS, CURVE, CARD = "metrics.json", "loss.png", "README.md"

#: What the card says of an adapter that revises pairs, and of its loss.
_BOOSTER = """# A booster of instruction data, on {base}

A LoRA adapter that rewrites instruction pairs with a defect in them, and leaves the others alone. It is of use with
midb-agent, which asks it as it was asked in training:

```sh
midb-agent run corpus.jsonl --model {base} --adapter FOLDER
```
"""
_BOOSTER_LOSS = """\
A lower loss says that the adapter has learnt the form and the habits of its examples. It does not say that its rewrites
are better than the texts they replace: measure that on your own data before you rely on it. The public release of MEB
is machine-translated English revisions, most of which make a response longer; it teaches next to no localization.
"""

#: The same of one that answers instructions.
_STUDENT = """# A student of instruction data, on {base}

A LoRA adapter that learnt to answer the instructions of a corpus. It was trained to compare that corpus with others
(midb-agent prove), and revises nothing.
"""
_STUDENT_LOSS = """\
A lower loss says that the adapter has learnt the form and the habits of its corpus. It does not say that its answers
are good.
"""

#: A merged checkpoint, within the training's folder.
MERGED = "merged"

#: Libraries on whose versions the values depend.
_LIBRARIES = ("accelerate", "numpy", "peft", "safetensors", "torch", "transformers")

#: Points of the curve that its smoothed line is a mean of.
_SMOOTHED = 20


def list_versions() -> dict[str, str]:
    """Versions of Python and of all libraries on which the values depend."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def write_result(folder: Path, model: Any, whole: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
    """Write everything but the merged checkpoint. The manifest comes last: without it a training is not finished.
    States to resume from go, unless its time was over before its last step.

    :param whole: the manifest, as ``write_manifest`` takes it.
    :param metrics: ``before`` and ``after``, rows of ``measure_loss``, and whatever else was measured.
    :raises MidbError: where it cannot be written.
    """
    try:
        save_adapter(folder, model)
        write_bytes(folder / METRICS, json.dumps(metrics, indent=2).encode() + b"\n")
        draw_curve(folder)
        write_bytes(folder / CARD, make_card(whole, metrics).encode())
        write_manifest(folder, whole)
        if not whole["steps"]["stopped"]:
            shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    except OSError as error:
        raise MidbError(
            f"the adapter cannot be written to {folder}: {error.strerror or error}.",
            hint="Free some space, then run the same command with --resume: the last step is saved.",
            retryable=True,
        ) from error


def draw_curve(folder: Path) -> bool:
    """Draw the loss of each step as a PNG; False without matplotlib, or where there is nothing to draw."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return False
    rows = read_losses(folder / LOSS_LOG)
    if not rows:
        return False
    steps, losses = [row["step"] for row in rows], [float(row["loss"]) for row in rows]
    figure = Figure(figsize=(7, 4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(steps, losses, color="#9db7d5", linewidth=0.8, label="each step")
    windows = [losses[max(0, end - _SMOOTHED) : end] for end in range(1, len(losses) + 1)]
    smooth = [sum(window) / len(window) for window in windows]
    axes.plot(steps, smooth, color="#1f4e79", linewidth=1.6, label=f"mean of {_SMOOTHED}")
    axes.set_xlabel("step")
    axes.set_ylabel("loss (nats a token)")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(folder / CURVE)
    return True


def make_card(whole: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """The model card: what it was trained on and with, what was measured, and what is not known."""
    base, settings, data, steps = whole["base"], whole["settings"], whole.get("examples", {}), whole["steps"]
    counts = data.get("counts", {})
    sources = ", ".join(one["name"] for one in data.get("data") or []) or "not stated"
    table = _tabulate(metrics.get("before", []), metrics.get("after", []))
    revises = whole["prompts"] != CHAT
    passes = ", ".join(whole["passes"]) or "none"
    return f"""---
library_name: peft
base_model: {json.dumps(base["name"])}
tags: [lora, midb-agent]
language: [{", ".join(whole["languages"])}]
---

{_BOOSTER.format(base=base["name"]) if revises else _STUDENT.format(base=base["name"])}
## Training

- Base: {base["name"]} (SHA-256 of its files: {base["sha256"]})
- Passes: {passes}; languages: {", ".join(whole["languages"])}; prompts: {whole["prompts"]}
- Examples: {counts.get("train", 0):,} to train on, {counts.get("held_out", 0):,} held out by English row
- Mix: {json.dumps(data.get("mix"))}; selection: {data.get("select")}; data: {sources}
- LoRA: rank {settings["rank"]}, alpha {settings["alpha"]}, {settings["targets"]}; {settings["epochs"]:g} epochs;
  learning rate {settings["lr"]:g}, {settings["schedule"]}; {settings["batch_tokens"]:,} tokens a batch;
  seed {settings["seed"]}
- {steps["done"]:,} of {steps["planned"]:,} steps, {steps["tokens"]:,} tokens, {steps["seconds"]:,.0f} s

## Loss on held-out rows

{chr(10).join(table)}

{_BOOSTER_LOSS if revises else _STUDENT_LOSS}"""


def _tabulate(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows by language and by kind, the base's loss and the adapter's."""
    if not after:
        return ["No rows were held out: nothing was measured."]
    lines = ["| | examples | base | adapter |", "|---|---|---|---|"]
    for name in ("all", "language", "kind", "pass"):
        sides: list[dict[str, list[dict[str, Any]]]] = []
        for rows in (before, after):
            groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for row in rows:
                groups[str(row.get(name, "all"))].append(dict(row))
            sides.append(groups)
        for group, rows in sorted(sides[1].items()):
            count = sum(row["examples"] for row in rows)
            losses = [merge_losses(side.get(group, [])) for side in sides]
            shown = " | ".join("-" if loss is None else f"{loss:.3f}" for loss in losses)
            lines.append(f"| {group} | {count:,} | {shown} |")
    return lines


def merge(folder: Path, model: Any, base: Path, write_tokenizer: Callable[[Path], None]) -> Path:
    """Write the base with the adapter's updates in its weights, and the base's tokenizer, as a whole checkpoint.

    :param model: a peft model; it cannot be trained any more.
    :param base: its folder, whose files of the tokenizer are copied, or its GGUF file, which holds none.
    :param write_tokenizer: writes that base's tokenizer into a folder.
    :raises MidbError: where it cannot be written.
    """
    target, partial = folder / MERGED, folder / f".{MERGED}.partial"
    whole = model.merge_and_unload()
    try:
        partial.mkdir(exist_ok=True)
        whole.save_pretrained(partial, safe_serialization=True)
        names = (
            "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "vocab.json",
            "merges.txt", "added_tokens.json", "chat_template.jinja", "chat_template.json", "generation_config.json",
        )  # fmt: skip
        for name in names:
            if (base / name).is_file():
                write_bytes(partial / name, (base / name).read_bytes())
        if base.is_file():
            write_tokenizer(partial)
        partial.rename(target)
    except Exception as error:
        if not isinstance(error, OSError) and type(error).__name__ != "SafetensorError":
            raise
        raise MidbError(
            f"the merged checkpoint cannot be written to {target}: {getattr(error, 'strerror', None) or error}.",
            hint=f"Free some space. The adapter itself is finished ({ADAPTER_MANIFEST} says how it was trained).",
        ) from error
    return target
