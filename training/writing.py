"""Writes examples as chats in JSON Lines, which trainers of every kind read, with a manifest of how they were made."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from midb import __version__
from midb.corpus.output import move_into_place, writing
from midb.domain.errors import UsageError
from midb.domain.hashing import file_sha256
from midb.training.examples.example import TrainingExample

#: The files of a set of examples. The manifest is written last: without it a set is not whole.
TRAIN, HELD_OUT, MANIFEST = "train.jsonl", "held_out.jsonl", "manifest.json"


def as_chat(example: TrainingExample, *, measured: bool = False) -> dict[str, Any]:
    """An example as a chat: what a run sends, and the reply. ``weight`` says which messages are to be learnt.

    Trainers that know no weights should be told to learn from replies only.

    :param measured: with the texts that other replies are held against, see ``midb.training.measuring.reading``.
    """
    asked = [{"role": message.role, "content": message.content, "weight": 0} for message in example.messages]
    return {
        "messages": [*asked, {"role": "assistant", "content": example.completion, "weight": 1}],
        "language": example.language,
        "pass": example.pass_.value,
        "kind": example.kind.value,
        "defect": example.defect or None,
        "row": example.row,
        "name": example.name,
        **(_list_texts(example) if measured else {}),
    }


def _list_texts(example: TrainingExample) -> dict[str, Any]:
    """The pair that is asked about, the one that was made of it, its English original, and what marks its sections."""
    pairs = {"before": example.before, "target": example.target, "source": example.source}
    return {
        "nonce": example.nonce,
        **{name: None if pair is None else {f.value: text for f, text in pair.texts()} for name, pair in pairs.items()},
    }


def write_examples(
    folder: Path, train: Sequence[TrainingExample], held_out: Sequence[TrainingExample], manifest: Mapping[str, Any]
) -> None:
    """Write both sides and the manifest; raises as ``write_chats`` does."""
    write_chats(folder, [as_chat(one) for one in train], [as_chat(one, measured=True) for one in held_out], manifest)


def write_chats(
    folder: Path, train: Sequence[Mapping[str, Any]], held_out: Sequence[Mapping[str, Any]], manifest: Mapping[str, Any]
) -> None:
    """Write chats of both sides, in their order, and the manifest.

    :raises UsageError: where the folder holds something else.
    :raises MidbError: where it cannot be written.
    """
    strangers = sorted(
        path.name
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.name not in (TRAIN, HELD_OUT, MANIFEST)
    )
    if strangers or (folder.exists() and not folder.is_dir()):
        raise UsageError(
            f"{folder} holds something else{f' ({strangers[0]})' if strangers else ''}.", hint="Choose another -o."
        )
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
    for name, chats in ((TRAIN, train), (HELD_OUT, held_out)):
        _write(folder / name, (orjson.dumps(chat) + b"\n" for chat in chats))
    files = {name: file_sha256(folder / name) for name in (TRAIN, HELD_OUT)}
    whole = {
        "midb_agent": __version__,
        "python": platform.python_version(),
        **manifest,
        "counts": {"train": count(train), "held_out": count(held_out)},
        "sha256": files,
    }
    _write(folder / MANIFEST, [orjson.dumps(whole, option=orjson.OPT_INDENT_2) + b"\n"])


def count(chats: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Chats by language, pass and kind."""
    counted = Counter((chat["language"], chat["pass"], chat["kind"]) for chat in chats)
    return [
        {"language": language, "pass": pass_, "kind": kind, "examples": number}
        for (language, pass_, kind), number in sorted(counted.items())
    ]


def _write(path: Path, parts: Iterable[bytes]) -> None:
    partial = path.with_name(f".{path.name}.partial")
    with writing(partial), partial.open("wb") as file:
        file.writelines(parts)
    move_into_place(partial, path)
