"""What a training is made of and where it goes: the examples' folder, the checks before it, and what a resume compares.

Knows no torch: all that can be refused is refused before anything is loaded.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from midb.agent.engines.adapter_manifest import ADAPTER_MANIFEST, read_manifest
from midb.corpus.output import writing
from midb.domain.errors import MidbError, UsageError
from midb.domain.hashing import file_sha256
from midb.training.tuning.encoded import EncodedExample
from midb.training.tuning.encoding import read_chats
from midb.training.tuning.settings import BEFORE, CHECKPOINTS, TuningSettings, find_difference
from midb.training.writing import HELD_OUT, MANIFEST, TRAIN

#: What a training is: written before its first step, compared by ``--resume``.
RECORD = "training.json"

#: Examples that are made by the training itself, within its folder.
EXAMPLES = "examples"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleSet:
    """The examples of a folder that ``midb-agent examples`` wrote.

    :param hashes: SHA-256 of both files; ``manifest`` says how they were made.
    """

    train: list[dict[str, Any]] = field(repr=False)
    held_out: list[dict[str, Any]] = field(repr=False)
    manifest: Mapping[str, Any] = field(repr=False)
    hashes: Mapping[str, str]

    @property
    def prompts(self) -> str:
        """Style of the prompts; those that say nothing were full."""
        return str(self.manifest.get("prompt_style", "full"))

    def list_values(self, name: str) -> list[str]:
        """The different values of a key of the chats to train on, such as their languages."""
        return sorted({str(chat[name]) for chat in self.train if chat.get(name)})


def is_example_folder(path: Path) -> bool:
    """Whether a folder is what ``midb-agent examples`` wrote."""
    return (path / TRAIN).is_file() and (path / MANIFEST).is_file()


def read_examples(folder: Path) -> ExampleSet:
    """Read a folder of examples.

    :raises UsageError: for a folder that is not whole, was changed, or leaks held-out rows; and for examples of
        which nothing could be learnt.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        hashes = {name: file_sha256(folder / name) for name in (TRAIN, HELD_OUT)}
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{folder} is not a whole folder of examples.", hint="midb-agent examples DATA... -o FOLDER writes one."
        ) from error
    told = manifest.get("sha256") if isinstance(manifest, dict) else None
    if not isinstance(told, dict):
        raise UsageError(f"{folder / MANIFEST} does not say which files it is of.", hint="Make the examples again.")
    for name, value in hashes.items():
        if told.get(name) != value:
            raise UsageError(
                f"{folder / name} is not what its manifest describes: it was changed, or is not whole.",
                hint="Make the examples again, or correct sha256 in its manifest.json if the change is meant.",
            )
    train, held_out = list(read_chats(folder / TRAIN)), list(read_chats(folder / HELD_OUT))
    found = ExampleSet(train=train, held_out=held_out, manifest=manifest, hashes=hashes)
    _refuse_leak(found)
    _refuse_nothing_to_learn(found, folder)
    return found


def _refuse_leak(examples: ExampleSet) -> None:
    rows = {chat["row"]: chat.get("name", "") for chat in examples.train if chat.get("row")}
    both = [chat for chat in examples.held_out if chat.get("row") in rows]
    if both:
        first = f"{rows[both[0]['row']]} and {both[0].get('name', '')} are the same row"
        raise UsageError(
            f"{len(both):,} held-out examples are of rows that are trained on, maybe in another language: {first}.",
            hint="Sides by row and not by example: midb-agent examples makes them so.",
        )


def _refuse_nothing_to_learn(examples: ExampleSet, folder: Path) -> None:
    if not examples.train:
        raise UsageError(f"{folder / TRAIN} holds no example.", hint="Its manifest says what was left out, and why.")
    kinds = Counter(chat.get("kind") for chat in examples.train)
    if set(kinds) == {"unchanged"}:
        raise UsageError(
            f"all {kinds['unchanged']:,} examples leave their pair as it is: an adapter would learn to change nothing.",
            hint="Add revisions that change something, or defects: --mix revision:0.4,unchanged:0.3,defect:0.3",
        )


def describe_examples(examples: Sequence[EncodedExample], title: str) -> list[str]:
    """How many examples of which languages, passes and kinds, and how long they are, in lines for people."""
    if not examples:
        return [f"  {title:9}none"]
    lengths = sorted(len(example.ids) for example in examples)
    parts = []
    for name in ("language", "pass_", "kind"):
        counted = Counter(getattr(example, name) for example in examples)
        if name == "language" or any(counted):  # plain chats are of no pass
            parts.append(", ".join(f"{value or 'unknown'} {number:,}" for value, number in counted.most_common()))
    replies = sum(example.reply for example in examples)
    return [
        f"  {title:9}{len(examples):,} examples: {parts[0]}",
        f"           {'; '.join(parts[1:])}",
        f"           {sum(lengths):,} tokens, of them {replies:,} learnt; "
        f"{lengths[len(lengths) // 2]:,} in the median example, {lengths[-1]:,} in the longest",
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """What a training is, as its folder says: a resume goes on only with the same.

    :param hashes: of the examples; ``base_sha256`` is that of ``checkpoint.hash_files``.
    """

    settings: Mapping[str, Any]
    base_name: str
    base_sha256: str
    hashes: Mapping[str, str]
    prompts: str

    def write(self, folder: Path) -> None:
        """Write it into the training's folder; raises MidbError."""
        told = {
            "settings": dict(self.settings), "base": {"name": self.base_name, "sha256": self.base_sha256},
            "examples": dict(self.hashes), "prompts": self.prompts,
        }  # fmt: skip
        with writing(folder / RECORD):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / RECORD).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")

    def compare(self, folder: Path, settings: TuningSettings) -> None:
        """Raise UsageError where the folder's training is another one, naming what differs."""
        try:
            told = json.loads((folder / RECORD).read_bytes())
            base, examples = told["base"], told["examples"]
            same_base = base["sha256"] == self.base_sha256
            difference = find_difference(dict(told["settings"]), settings)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{folder / RECORD} does not say which training this is.", hint="Choose another -o, and begin anew."
            ) from error
        hint = "Give what it was begun with, or choose another -o."
        if not same_base:
            raise UsageError(f"{folder} trains an adapter of {base['name']}, not of {self.base_name}.", hint=hint)
        if examples != dict(self.hashes):
            raise UsageError(f"{folder} was begun with other examples.", hint=hint)
        if difference:
            raise UsageError(f"{folder} was begun with other settings: {difference}.", hint=hint)


def find_context(base: Path) -> int | None:
    """Tokens that a checkpoint's model reads, by its config.json; None where it does not say."""
    try:
        found = json.loads((base / "config.json").read_bytes())["max_position_embeddings"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) and found > 0 else None


def check_output(folder: Path, *, resume: bool) -> None:
    """Refuse a folder in which something would be overwritten.

    :raises UsageError: for a folder that holds something else, a finished training, or one to be resumed.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file.", hint="Choose another -o.")
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if ADAPTER_MANIFEST in there and not (resume and _has_steps_left(folder)):
        raise UsageError(f"{folder} holds a finished adapter.", hint="Choose another -o.")
    if resume and RECORD not in there:
        raise UsageError(f"{folder} holds no training to go on with.", hint="Leave --resume away to begin one.")
    if RECORD in there and not resume:
        if CHECKPOINTS in there:
            raise UsageError(
                f"{folder} holds a training that is not finished.", hint="Add --resume to go on, or choose another -o."
            )
        # It did not get far: nothing of it is worth keeping.
        (folder / BEFORE).unlink(missing_ok=True)
    strangers = [name for name in there if name != EXAMPLES or not is_example_folder(folder / EXAMPLES)]
    if RECORD not in there and strangers:
        raise UsageError(f"{folder} holds something else ({strangers[0]}).", hint="Choose another -o.")


def _has_steps_left(folder: Path) -> bool:
    """Whether a training ended because its time was over."""
    manifest = read_manifest(folder)
    steps = manifest.whole.get("steps") if manifest else None
    return isinstance(steps, dict) and bool(steps.get("stopped"))


class StoppedError(MidbError):
    """A training was asked to stop, with Ctrl-C or by SIGTERM, and did after a step that is saved."""

    def __init__(self, message: str, *, hint: str, terminated: bool) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 143 if terminated else 130
