"""Which files of a folder, or of those that a pattern names, are a corpus together. Knows names, no bytes."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import orjson

from midb.corpus.formats.base import Container, EmptyCorpusError
from midb.corpus.formats.folder import Companion, EmptyFile, Folder, Member
from midb.corpus.places import beside, default_database
from midb.domain.errors import CorpusError
from midb.domain.hashing import digest, file_sha256

#: Endings of the names of corpus files, with and without that of a compression.
ENDINGS = (".jsonl", ".json", ".ndjson", ".csv", ".tsv", ".tab", ".parquet", ".arrow", ".feather")
PACKED = (".gz", ".zst")

#: Files that tell about a data set, and hold no records of it.
_ABOUT = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "config.json"})

#: Of those that `datasets` writes: what it says of a folder, of its data, and which folders are splits of one.
_STATE, _INFO, _SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"

#: Names that are listed in a message.
_LISTED = 5


def is_pattern(path: Path) -> bool:
    """Whether a path names files by a pattern, and none by its own name."""
    return glob.has_magic(str(path)) and not path.exists()


def gather(path: Path, open_one: Callable[[Path], Container]) -> Folder:
    """The corpus files of a folder, however deep they lie, or those that a pattern names; ``open_one`` opens each.

    Raises CorpusError where there is none, or where one of them is a link that leads nowhere.
    """
    if is_pattern(path):
        found = sorted(Path(name) for name in glob.glob(str(path), recursive=True))
        files = [file for file in found if not file.is_dir() and not _is_of_a_run(file)]
        whole = _folder_of(files)
        files = [file for file in files if not any(map(_is_of_a_run, _folders_between(whole, file)))]
        if not files:
            raise CorpusError(f"no file fits {path}.", hint="Check the pattern; quote it, so that the shell leaves it.")
        root = _folder_of(files)
        return Folder(root, _members(root, files, open_one), given=path)
    files = sorted(_files_in(path))
    corpora = [file for file in files if _is_corpus(file) and not _is_of_a_run(file)]
    if not corpora:
        names = ", ".join(file.name for file in files[:_LISTED])
        held = f"It holds {names}." if names else "It is empty."
        raise CorpusError(
            f"the folder {path} holds no corpus.", hint=f"{held} Known are the endings {', '.join(ENDINGS)}."
        )
    stated = _saved_datasets(files)
    corpora = [file for file in corpora if file.parent not in stated or file.name in stated[file.parent]]
    return Folder(path, _members(path, corpora, open_one), companions=_companions(path, stated))


def _folder_of(files: Iterable[Path]) -> Path:
    """The folder that all files lie in, at any depth."""
    return Path(os.path.commonpath([file.parent for file in files] or [Path()]))


def _folders_between(folder: Path, file: Path) -> Iterator[Path]:
    """The folders within a folder that a file of it lies in."""
    return (folder / inner for inner in file.relative_to(folder).parents if inner.name)


def _files_in(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """The files of a folder, however deep, that nothing hides, also behind links; not those of outputs. ``above`` are
    the folders that it lies in: a link may lead back to one."""
    here = folder.resolve()
    if here in above:
        return
    for inner in folder.iterdir():
        if inner.name.startswith((".", "_")):  # a dot hides a file, and a line what Spark writes beside its own
            continue
        if not inner.is_dir():
            yield inner
        elif not _is_of_a_run(inner):
            yield from _files_in(inner, above | {here})


def _saved_datasets(files: Iterable[Path]) -> dict[Path, list[str]]:
    """The folders that `datasets` saved, of those that these files lie in, each with the names of its data files."""
    found: dict[Path, list[str]] = {}
    for state in files:
        if state.name != _STATE:
            continue
        try:
            stated = orjson.loads(state.read_bytes())["_data_files"]
            found[state.parent] = [file["filename"] for file in stated]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            continue
    return found


def _companions(path: Path, stated: Mapping[Path, list[str]]) -> dict[str, Companion]:
    """What tells `datasets` of its folders: as it is, but the state, which has a fingerprint."""
    found: dict[str, Companion] = {}
    for folder in stated:
        about = [*(file for name in (_INFO, _STATE) if (file := folder / name).is_file()), folder.parent / _SPLITS]
        for file in about:
            if file.is_file() and path in file.parents:
                found[file.relative_to(path).as_posix()] = _state_of if file.name == _STATE else lambda data, _: data
    return found


def _state_of(data: bytes, place: Path) -> bytes:
    """The state of a saved data set that was written anew: with the files that are there, and another fingerprint, by
    which `datasets` knows what it has computed from it before."""
    state = orjson.loads(data)
    state["_data_files"] = [file for file in state["_data_files"] if (place.parent / file["filename"]).is_file()]
    hashes = [file_sha256(place.parent / file["filename"]) for file in state["_data_files"]]
    state["_fingerprint"] = digest(state.get("_fingerprint"), *hashes)[:16]
    return orjson.dumps(state, option=orjson.OPT_INDENT_2)


def _members(root: Path, files: Iterable[Path], open_one: Callable[[Path], Container]) -> list[Member]:
    return [Member(file.relative_to(root).as_posix(), _opened(file, open_one)) for file in files]


def _opened(file: Path, open_one: Callable[[Path], Container]) -> Container:
    """One file of many, which may be empty; a link that leads nowhere may stand for thousands of records."""
    if file.is_symlink() and not file.exists():
        raise CorpusError(
            f"{file} is a link that leads nowhere.", hint="Bring back what it stood for, or remove the link."
        )
    try:
        return open_one(file) if file.stat().st_size else EmptyFile(file)
    except EmptyCorpusError:
        return EmptyFile(file)


def _is_corpus(file: Path) -> bool:
    endings = [ending.lower() for ending in file.suffixes[-2:]]
    if endings and endings[-1] in PACKED:
        endings.pop()
    return bool(endings) and endings[-1] in ENDINGS and file.name not in _ABOUT


def _is_of_a_run(file: Path) -> bool:
    """Whether a file or a folder is what a run left: an output beside its log, rejected lines, or one that still
    grows."""
    return file.name.endswith((".rejected.jsonl", ".partial", ".temporary", ".replaced")) or (
        default_database(file).exists() or beside(file, ".partial").exists()
    )
