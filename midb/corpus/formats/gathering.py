"""Which files of a folder, or of those that a pattern names, are a corpus together. Knows names, no bytes."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from midb.corpus.formats.base import Container
from midb.corpus.formats.folder import EmptyFile, Folder, Member
from midb.corpus.places import beside, default_database
from midb.domain.errors import CorpusError

#: Endings of the names of corpus files, with and without that of a compression.
ENDINGS = (".jsonl", ".json", ".ndjson", ".csv", ".tsv", ".tab", ".parquet", ".arrow")
_PACKED = (".gz", ".zst")

#: Files that tell about a data set, and hold no records of it.
_ABOUT = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "config.json"})

#: Names that are listed in a message.
_LISTED = 5


def is_pattern(path: Path) -> bool:
    """Whether a path names files by a pattern, and none by its own name."""
    return glob.has_magic(str(path)) and not path.exists()


def gather(path: Path, open_one: Callable[[Path], Container]) -> Folder:
    """The corpus files of a folder, however deep they lie, or those that a pattern names; ``open_one`` opens each.

    Raises CorpusError where there is none.
    """
    if is_pattern(path):
        found = sorted(Path(name) for name in glob.glob(str(path), recursive=True))
        files = [file for file in found if file.is_file() and not _is_of_a_run(file)]
        if not files:
            raise CorpusError(f"no file fits {path}.", hint="Check the pattern; quote it, so that the shell leaves it.")
        root = Path(os.path.commonpath([file.parent for file in files]))
        return Folder(root, _members(root, files, open_one), given=path)
    files = sorted(file for file in path.rglob("*") if file.is_file() and _is_seen(file.relative_to(path)))
    corpora = [file for file in files if _is_corpus(file) and not _is_of_a_run(file)]
    if not corpora:
        names = ", ".join(file.name for file in files[:_LISTED])
        held = f"It holds {names}." if names else "It is empty."
        raise CorpusError(
            f"the folder {path} holds no corpus.", hint=f"{held} Known are the endings {', '.join(ENDINGS)}."
        )
    return Folder(path, _members(path, corpora, open_one))


def _members(root: Path, files: Iterable[Path], open_one: Callable[[Path], Container]) -> list[Member]:
    return [
        Member(file.relative_to(root).as_posix(), open_one(file) if file.stat().st_size else EmptyFile(file))
        for file in files
    ]


def _is_seen(name: Path) -> bool:
    """Whether no part of a path hides it: by a dot, or by the line of what Spark writes beside its files."""
    return not any(part.startswith((".", "_")) for part in name.parts)


def _is_corpus(file: Path) -> bool:
    endings = [ending.lower() for ending in file.suffixes[-2:]]
    if endings and endings[-1] in _PACKED:
        endings.pop()
    return bool(endings) and endings[-1] in ENDINGS and file.name not in _ABOUT


def _is_of_a_run(file: Path) -> bool:
    """Whether a file is what a run left: an output beside its log, rejected lines, or one that still grows."""
    return file.name.endswith((".rejected.jsonl", ".partial", ".temporary")) or (
        default_database(file).exists() or beside(file, ".partial").exists()
    )
