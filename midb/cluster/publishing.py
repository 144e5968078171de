"""How what a shard's run wrote on its own disk gets into the shared folder, and back: whole, or not at all.

SQLite's write-ahead log is not safe on a network file system (https://www.sqlite.org/wal.html, "all processes must be
on the same host"): there, a log is a file that nobody writes any more.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

from midb.audit.file.connection import explain_read_errors, open_for_reading
from midb.corpus.output import make_private, remove, writing
from midb.corpus.places import OutputPlaces, beside
from midb.domain.errors import MidbError
from midb.domain.portability import sync_folder
from midb.shards.merge import remove_database

#: Digits of a snapshot's name, which is the number of records it has.
_DIGITS = 12


def publish_finished(places: OutputPlaces, target: Path) -> None:
    """Move what a finished run wrote into a new folder ``target``; does nothing where it is there already.

    Whoever is first wins: a run that was thought lost may come back.
    """
    files = [places.db, places.output, *([places.rejected] if places.rejected.exists() else [])]
    _publish(files, target, places)


def publish_snapshot(places: OutputPlaces, folder: Path) -> int:
    """Copy an unfinished run, as its log has it now, into ``folder``; returns how many records it has.

    The output may have grown beyond the log: whoever goes on from it cuts that off.
    """
    copy = beside(places.db, ".snapshot")
    try:
        _copy_log(places.db, copy)
        position = position_of(copy)
        if position <= newest(folder):
            return position
        partial = [path for path in (places.partial, places.rejected) if path.exists()]
        _publish([copy, *partial], folder / f"{position:0{_DIGITS}}", places)
    finally:
        remove_database(copy)
    for old in _snapshots(folder)[:-1]:
        remove(old)
    return position


def newest(folder: Path) -> int:
    """Records of the newest snapshot; -1 where there is none."""
    found = _snapshots(folder)
    return int(found[-1].name) if found else -1


def restore(places: OutputPlaces, folder: Path) -> None:
    """Put the newest snapshot where a run goes on from it, unless what lies there is further already."""
    here = -1
    with contextlib.suppress(MidbError):
        here = position_of(places.db) if places.db.exists() else -1
    if here >= newest(folder) and here >= 0:
        return
    for path in (places.output, places.partial, places.temporary, places.rejected):
        remove(path)
    remove_database(places.db)
    found = _snapshots(folder)
    if not found:
        return
    for file in found[-1].iterdir():
        # The log comes last: without it nothing that lies there counts.
        if file.name != places.db.name:
            _copy(file, places.db.parent / file.name)
    _copy(found[-1] / places.db.name, places.db)


def position_of(log: Path) -> int:
    """Records and rejected lines that the last run of a log has done; 0 where it has no run."""
    with contextlib.closing(open_for_reading(log)) as db, explain_read_errors(log):
        row = db.execute("SELECT position FROM checkpoints ORDER BY run_id DESC LIMIT 1").fetchone()
    return int(row[0]) if row else 0


def _snapshots(folder: Path) -> list[Path]:
    """Whole snapshots, the newest last."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(path for path in folder.iterdir() if path.name.isdigit() and len(path.name) == _DIGITS)
    return []


def _copy_log(log: Path, copy: Path) -> None:
    """A log as it is at this moment, in one file that needs no other beside it."""
    remove_database(copy)
    with writing(copy):
        try:
            with contextlib.closing(sqlite3.connect(log)) as source, contextlib.closing(sqlite3.connect(copy)) as made:
                source.backup(made)
                made.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            raise OSError(0, str(error)) from error
    os.chmod(copy, log.stat().st_mode & 0o777)


def _publish(files: list[Path], target: Path, places: OutputPlaces) -> None:
    """Copy files into a folder beside ``target``, have them on the disk, and rename the folder."""
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    made = target.parent / f"{target.name}.{os.urandom(4).hex()}.partial"
    try:
        with writing(target):
            made.mkdir()
        for file in files:
            name = places.db.name if file.name == beside(places.db, ".snapshot").name else file.name
            _copy(file, made / name)
        if places.db in files:
            _leave_one_file(made / places.db.name)
        with writing(target):
            sync_folder(made)
            try:
                made.rename(target)
            except OSError:
                if not target.is_dir():
                    raise
            sync_folder(target.parent)
    finally:
        remove(made)


def _leave_one_file(log: Path) -> None:
    """A log that is read without files beside it."""
    with writing(log):
        try:
            with contextlib.closing(sqlite3.connect(log)) as db:
                db.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            raise OSError(0, str(error)) from error


def _copy(file: Path, target: Path) -> None:
    """A file's bytes and access, on the disk."""
    with writing(target):
        mode = file.stat().st_mode & 0o777
        make_private(target, mode)  # nobody may read it before it is whole, either
        shutil.copyfile(file, target)
        os.chmod(target, mode)
        with target.open("rb") as made:
            os.fsync(made.fileno())
