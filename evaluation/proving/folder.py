"""The folder of a proof: what lies where, and which proof it is. Everything in it is made once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from midb.agent.engines.adapter_manifest import ADAPTER_MANIFEST, AdapterManifest, read_manifest
from midb.audit.file.lock import WriterLock
from midb.corpus.output import move_into_place, writing
from midb.domain.errors import AuditError, MidbError, UsageError
from midb.training.session import RECORD as TRAINING
from midb.training.tuning.settings import CHECKPOINTS

#: Says which proof a folder holds.
RECORD = "prove.json"

#: What may lie in a folder that is to be used: the lock of somebody who just begins, or of one that was killed.
_HARMLESS = ("prove.lock", f".{RECORD}.partial")


@dataclass(frozen=True)
class ProofFolder:
    """Where everything of a proof lies."""

    path: Path

    @property
    def log(self) -> Path:
        """The audit log: of the run that boosted here, of answers, judgements and figures."""
        return self.path / "proof.audit.db"

    @property
    def control_key(self) -> Path:
        """What was put where into the control corpus."""
        return self.path / "control.key.jsonl"

    def corpus(self, side: str, like: Path) -> Path:
        """The corpus of a side that is made here; its name ends as that of the corpus it is made of."""
        return self.path / f"{side}-{like.name}"

    def examples(self, side: str) -> Path:
        """What a student of that side learns."""
        return self.path / "examples" / side

    def student(self, side: str, seed: int) -> Path:
        """The adapter of a student."""
        return self.path / "students" / f"{side}-{seed}"

    def page(self, ending: str) -> Path:
        """What was found, as .html, .md or .json."""
        return self.path / f"proof{ending}"

    def find_student(self, side: str, seed: int) -> AdapterManifest | None:
        """What a student says of itself who has learnt everything; None where there is something left to learn."""
        manifest = read_manifest(self.student(side, seed))
        steps = manifest.whole.get("steps") if manifest else None
        return None if not isinstance(steps, dict) or steps.get("stopped") else manifest

    def has_begun(self, side: str, seed: int) -> bool:
        """Whether a student has learnt something that a training can go on from."""
        folder = self.student(side, seed)
        return (folder / TRAINING).exists() and (
            (folder / CHECKPOINTS).exists() or (folder / ADAPTER_MANIFEST).exists()
        )

    def keep(self, name: str, about: Mapping[str, Any], value: Any) -> None:
        """Keep what was measured of something, with what it is about."""
        folder = self.path / "measured"
        partial = folder / f".{name}.partial"
        with writing(folder):
            folder.mkdir(exist_ok=True)
            partial.write_text(json.dumps({"about": dict(about), "value": value}), encoding="utf-8")
        move_into_place(partial, folder / f"{name}.json")

    def find(self, name: str, about: Mapping[str, Any]) -> Any:
        """What was kept under that name about the same; None without it."""
        try:
            found = json.loads((self.path / "measured" / f"{name}.json").read_bytes())
            return found["value"] if found["about"] == dict(about) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


class OpenedProof:
    """A folder that this process alone works in, with a proof of these settings.

    :param settings: by the names that a user knows them by; ``corpus``, ``boosted`` and ``base`` are files.
    :raises UsageError: for a folder that holds something else, or another proof.
    :raises MidbError: while another process works in it.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.folder = ProofFolder(path)
        if path.exists() and not path.is_dir():
            raise UsageError(f"{path} is a file.", hint="Choose another -o.")
        others = sorted(one.name for one in path.iterdir() if one.name not in _HARMLESS) if path.is_dir() else []
        if others and RECORD not in others:
            raise UsageError(f"{path} holds something else ({others[0]}).", hint="Choose another -o.")
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
        try:
            self._lock = WriterLock(path / "prove")
        except AuditError as error:
            raise MidbError(
                f"another midb-agent prove is at work in {path}.", hint="Wait for it to end, or choose another -o.",
                retryable=True,
            ) from error  # fmt: skip
        try:
            self._settle(path / RECORD, json.loads(json.dumps(settings)))
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _settle(self, record: Path, settings: dict[str, Any]) -> None:
        """Write the settings down, or hold them against those that the folder was begun with."""
        if not record.exists():
            partial = record.with_name(f".{RECORD}.partial")
            with writing(record):
                partial.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            move_into_place(partial, record)
            return
        try:
            earlier = dict(json.loads(record.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(f"{record} does not say which proof this is.", hint="Choose another -o.") from error
        for name in (*settings, *earlier):
            before, now = earlier.get(name), settings.get(name)
            if before != now:
                raise UsageError(
                    f"{record.parent} holds a proof that was begun otherwise: {_tell(name, before, now)}.",
                    hint="Give what it was begun with, or choose another -o.",
                )


def _tell(name: str, before: Any, now: Any) -> str:
    """What differs, for people."""
    if isinstance(before, dict) and isinstance(now, dict):
        if name == "recipe":
            inner = next(key for key in (*now, *before) if before.get(key) != now.get(key))
            return _tell(inner.replace("_", "-"), before.get(inner), now.get(inner))
        if before.get("name") == now.get("name"):
            return f"{now.get('name')} has other contents (the {name})"
        return f"its {name} is {before.get('name')}, and not {now.get('name')}"
    if isinstance(before, dict) or isinstance(now, dict):
        return f"its {name} is {_name(before)}, and not {_name(now)}"
    return f"--{name} was {_name(before)} and is {_name(now)}"


def _name(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("name"))
    return "not given" if value is None else str(value)


def hash_chats(chats: list[dict[str, Any]]) -> str:
    """What tells some chats from others."""
    found = hashlib.sha256()
    for chat in chats:
        found.update(json.dumps(chat, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
    return found.hexdigest()
