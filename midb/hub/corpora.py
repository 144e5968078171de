"""A data set of the hub as a folder of this machine: fetched to where the command is typed, and then like any other.

What is noted of it in the folder tells whether all of it is there. A part of a data set, as it is left where the
network broke off, is never taken for the whole: the hub's client itself would take it where there is no network.
"""

from __future__ import annotations

import glob
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from midb.corpus.formats.gathering import ENDINGS, PACKED
from midb.domain.errors import UsageError
from midb.domain.events import Event, Waiting, Warned
from midb.hub.failures import explain

if TYPE_CHECKING:
    from huggingface_hub import HfApi

#: A Path has one slash where an address has two. The hub's own revisions have slashes: ``refs/convert/parquet``.
_ADDRESS = re.compile(r"hf:/+datasets/([\w.-]+/[\w.-]+)(?:@(refs/(?:convert|pr)/[\w.-]+|[\w.%-]+))?(?:/(.+))?")

#: Where it is noted what was fetched, within the folder.
_NOTE = Path(".cache", "midb-agent.json")

#: What of a data set is fetched.
_CORPUS_FILES = tuple(f"*{ending}{packed}" for ending in ENDINGS for packed in ("", *PACKED))


@dataclass(frozen=True)
class HubAddress:
    """``hf://datasets/OWNER/NAME``, with a revision (``@v1``) and a path within it, if they are given."""

    name: str
    revision: str | None
    inside: str

    @classmethod
    def parse(cls, path: Path) -> HubAddress | None:
        """Read an address; None for any other path.

        >>> HubAddress.parse(Path("hf://datasets/owner/name@v1/data/train.jsonl"))
        HubAddress(name='owner/name', revision='v1', inside='data/train.jsonl')
        >>> HubAddress.parse(Path("hf://datasets/owner/name@refs/convert/parquet"))
        HubAddress(name='owner/name', revision='refs/convert/parquet', inside='')
        """
        match = _ADDRESS.fullmatch(str(path))
        return cls(match[1], match[2] and match[2].replace("%2F", "/"), match[3] or "") if match else None

    @property
    def folder(self) -> Path:
        """Where it is fetched to."""
        own = self.name.rpartition("/")[2]
        return Path(f"{own}-{self.revision.replace('/', '-')}" if self.revision else own)

    @property
    def patterns(self) -> list[str]:
        """What of it is fetched: its corpus files, or all that stands under the path within it, which may be a pattern
        of files."""
        inside = self.inside.rstrip("/")
        if not inside:
            return [*_CORPUS_FILES]
        itself = glob.escape(inside)
        return [itself, f"{itself}/*", *[inside] * ("*" in inside or "?" in inside)]


@dataclass
class _Note:
    """What is known of a folder that data of the hub is fetched to.

    :param data_set: its name.
    :param commit: what the hub had when it was fetched.
    :param whole: paths within it (empty: the data set) of which all is here, each with the bytes of its files.
    """

    data_set: str
    commit: str = ""
    whole: dict[str, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> _Note | None:
        """The note of a folder; None where it has none that can be read."""
        try:
            return cls(**json.loads((folder / _NOTE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Write the note, whole or not at all."""
        path = folder / _NOTE
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")  # another process may fetch the same
        new.write_text(json.dumps(vars(self)), encoding="utf-8")
        os.replace(new, path)


def fetch(address: HubAddress, tell: Callable[[Event], None] = lambda _: None) -> Path:
    """The path that holds the corpus files of a data set. They are fetched, unless all of them are there already.

    :param tell: told that they are fetched, or that they are not.
    :raises UsageError: without huggingface_hub; where the folder is somebody else's, or was changed; and with one
        sentence for whatever the hub says.
    """
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise UsageError(
            "a data set of the hub is fetched by huggingface_hub, which the base install leaves out.",
            hint="pip install '.[hub]' in the folder of midb-agent's source.",
        ) from None
    folder, path = address.folder, address.folder / address.inside
    note = _Note.read(folder)
    _refuse_others(address, note)
    files = note.whole.get(address.inside) if note else None
    if note and files and all((folder / name).exists() for name in files):
        _refuse_changed(folder, files)
        said = f"{path} is taken as it was fetched (commit {note.commit[:12]}); delete {folder} to fetch it anew"
        tell(Warned(message=said, logged=False))
        return path
    tell(Waiting(what=f"fetching {address.name}", slow=True))
    try:
        _fetch_files(HfApi(), address, note or _Note(address.name))
    except UsageError:
        raise
    except Exception as error:
        by_hand = f"hf download {address.name} --repo-type dataset --local-dir {folder}; then name the folder."
        told = explain(error, address.name, missing=f"there is no data set {address.name} on the hub.", by_hand=by_hand)
        if told is None:
            raise
        raise told from error
    return path


def _refuse_others(address: HubAddress, note: _Note | None) -> None:
    folder = address.folder
    if note is not None and note.data_set != address.name:
        raise UsageError(
            f"{folder} holds {note.data_set}.", hint=f"Type the command in another folder, to fetch {address.name}."
        )
    if note is None and folder.exists() and not (folder / ".cache" / "huggingface").is_dir():
        raise UsageError(
            f"{folder} exists and was not fetched from the hub.",
            hint=f"Name it as the corpus (midb-agent run {folder}), or type the command in another folder.",
        )


def _refuse_changed(folder: Path, files: Mapping[str, int]) -> None:
    """Raise where a file is not as it was fetched: to fetch it again would undo what somebody did."""
    for name, size in files.items():
        if (folder / name).stat().st_size != size:
            raise UsageError(
                f"{folder / name} is not as it was fetched.",
                hint=f"Name the folder to take it as it is (midb-agent run {folder}), or delete it to fetch it anew.",
            )


def _fetch_files(api: HfApi, address: HubAddress, note: _Note) -> None:
    """Fetch the files of an address, and note that they are here."""
    from huggingface_hub.hf_api import RepoFile
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]  # documented all the same

    if not sys.stderr.isatty():
        disable_progress_bars()
    folder = address.folder
    commit = api.dataset_info(address.name, revision=address.revision).sha
    assert commit is not None  # the hub says it of each data set, and leaves it out in lists alone
    tree = api.list_repo_tree(address.name, recursive=True, revision=commit, repo_type="dataset")
    sizes = {entry.path: entry.size for entry in tree if isinstance(entry, RepoFile)}
    wanted = address.patterns
    files = {name: size for name, size in sizes.items() if any(fnmatchcase(name, pattern) for pattern in wanted)}
    if not files:
        raise UsageError(
            f"{address.name} holds no {address.inside or 'file that is a corpus'}.", hint="Its page lists its files."
        )
    _refuse_mixture(address, note, commit)
    note.commit = commit
    note.write(folder)
    api.snapshot_download(address.name, repo_type="dataset", revision=commit, allow_patterns=wanted, local_dir=folder)
    for name, size in files.items():
        if not (folder / name).is_file() or (folder / name).stat().st_size != size:
            raise UsageError(
                f"{folder / name} was not fetched whole.", hint="The same command goes on where it stopped."
            )
    note.whole[address.inside] = files
    note.write(folder)


def _refuse_mixture(address: HubAddress, note: _Note, commit: str) -> None:
    """Raise where a folder has files of an earlier state of the data set, beside which those of now would stand."""
    if note.commit and note.commit != commit:
        raise UsageError(
            f"{address.name} has changed on the hub since a part of it was fetched to {address.folder}.",
            hint=f"Delete {address.folder} to fetch it as it is now, or type the command in another folder.",
        )
