"""Which container a corpus file is: found out from its bytes, not from its name."""

from __future__ import annotations

import glob
import re
import stat
import zipfile
from pathlib import Path
from typing import BinaryIO

import orjson

from midb.corpus.formats.arrow.ipc import FILE, STREAM, ArrowFile
from midb.corpus.formats.arrow.parquet import Parquet
from midb.corpus.formats.base import Container, EmptyCorpusError
from midb.corpus.formats.compression import GZIP, ZSTD, open_stream, reading
from midb.corpus.formats.gathering import gather, is_pattern
from midb.corpus.formats.one_object.columnar import Columnar, may_be_columnar
from midb.corpus.formats.one_object.within import ArrayWithin, find_opening
from midb.corpus.formats.table import TableFile, find_dialect
from midb.corpus.formats.text import JsonArray, JsonLines
from midb.corpus.raw import BOM
from midb.domain.errors import CorpusError
from midb.domain.hashing import file_sha256
from midb.text.terminal import quote_word

#: How files begin that hold something else (patterns), and what to do about them.
_FOREIGN = {
    rb"BZh[1-9]1AY&SY": ("bzip2", "Unpack it first: bunzip2"),
    rb"\xfd7zXZ\x00": ("xz", "Unpack it first: unxz"),
    rb"SQLite format 3\x00": ("SQLite", "Export a table as JSON Lines first."),
}

#: How a workbook becomes a corpus.
_TO_CSV = "Save it as CSV, or with pandas: pandas.read_excel('FILE').to_csv('corpus.csv', index=False)"

#: Endings of the names of tables: one with a single column is not known by its bytes.
_TABLES = (".csv", ".tsv", ".tab")

#: One object over many lines: its first line holds the brace alone, its second begins with a key.
_ONE_OBJECT = re.compile(rb'\{[ \t\r]*\n\s*"')


def open_container(path: Path) -> Container:
    """The container of a corpus file, found out from its bytes (not from its name); of a folder or a pattern all files.

    Raises CorpusError, with a hint, for what cannot be a corpus: missing, empty, UTF-16, one object.
    """
    with reading(path):
        if refused := _refuse_address(path):
            raise refused
        if is_pattern(path) or path.is_dir():
            return gather(path, open_container)
        if not path.exists():
            near = sorted(p.name for p in path.parent.glob("*.json*")) if path.parent.is_dir() else []
            hint = f"The folder holds {', '.join(near[:5])}." if near else "Check its name."
            raise CorpusError(f"there is no corpus {path}.", hint=hint)
        if not stat.S_ISREG(path.stat().st_mode):
            raise CorpusError(
                f"{path} is a pipe or a device, which cannot be read twice.",
                hint="Send it through standard input: ... | midb-agent run -",
            )
        with path.open("rb") as file:
            magic = file.read(16)
    for beginning, (what, hint) in _FOREIGN.items():
        if re.match(beginning, magic):
            raise CorpusError(f"{path} is a {what} file.", hint=hint)
    if magic.startswith(b"PK\x03\x04"):
        raise _refuse_zip(path)
    if magic.startswith((FILE, STREAM)):
        return ArrowFile(path, magic)
    if magic.startswith(b"PAR1"):
        return Parquet(path)
    compression = GZIP if magic.startswith(b"\x1f\x8b") else ZSTD if magic.startswith(b"\x28\xb5\x2f\xfd") else ""
    with reading(path), open_stream(path, compression) as stream:
        return _text_container(path, compression, _head(stream))


def corpus_exists(path: Path) -> bool:
    """Whether there is a file, a folder with at least one, or anything that fits a pattern."""
    if path.is_dir():
        return any(inner.is_file() for inner in path.rglob("*"))
    return path.is_file() or (is_pattern(path) and bool(glob.glob(str(path), recursive=True)))


def corpus_sha256(path: Path) -> str:
    """The hash by which a run knows its corpus again (of a folder that of the files that are read)."""
    return file_sha256(path) if path.is_file() else open_container(path).identity()[1]


def _refuse_zip(path: Path) -> CorpusError:
    """The error for a zip file, which may be the file of an office program."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        names = []
    if any(name.startswith("xl/") for name in names):
        return CorpusError(f"{path} is an Excel workbook.", hint=_TO_CSV)
    if any(name.startswith("word/") for name in names):
        return CorpusError(f"{path} is a Word document.", hint="A corpus is JSON Lines: one object a line.")
    return CorpusError(f"{path} is a zip file.", hint=f"Unpack it first: unzip {quote_word(path.name)}")


def _refuse_address(path: Path) -> CorpusError | None:
    """The error for an address of the network, which a path has lost a slash of."""
    match = re.fullmatch(r"([a-z][a-z0-9+.-]*):/+(.+)", str(path))
    if match is None or path.exists():
        return None
    scheme, rest = match.groups()
    hint = "Download the file first, and name it."
    if scheme == "hf" and rest.startswith("datasets/"):
        name = "/".join(rest.removeprefix("datasets/").split("/")[:2])
        folder = name.rpartition("/")[2]
        hint = (
            f"Download it, then name the folder: hf download {name} --repo-type dataset --local-dir {folder} && "
            f"midb-agent run {folder}"
        )
    return CorpusError(f"{scheme}://{rest} is an address, and only files of this machine are read.", hint=hint)


def _head(stream: BinaryIO) -> bytes:
    """The beginning of a text from its first character on that is neither a byte-order mark nor blank."""
    head = stream.read(1 << 16)
    text = head.removeprefix(BOM).lstrip()
    while head and not text:
        head = stream.read(1 << 16)
        text = head.lstrip()
    return text


def _text_container(path: Path, compression: str, head: bytes) -> Container:
    # Text in UTF-16 is half NULs, or has its mark; a NUL or two spoil one line, and not the corpus.
    nuls = head[:1024].count(b"\0")
    if nuls and (head.startswith((b"\xff\xfe", b"\xfe\xff")) or nuls * 4 > len(head[:1024])):
        raise CorpusError(
            f"{path} is not UTF-8 text (it looks like UTF-16 or a binary file).",
            hint="Convert it first, for example: iconv -f UTF-16 -t UTF-8",
        )
    if not head:
        raise EmptyCorpusError(f"{path} is empty.", hint="A corpus has one JSON object a line, or is a JSON array.")
    if may_be_columnar(head) and _is_whole(head) and (columnar := Columnar(path, compression)).is_one():
        return columnar
    if head.startswith(b"{") and _is_whole(head) and (found := find_opening(head)):
        return ArrayWithin(path, _beginning(path, compression, found[0]), found[1], compression)
    if _ONE_OBJECT.match(head):
        raise CorpusError(
            f"{path} holds a JSON object that spreads over several lines.",
            hint="Write one object a line: jq -c . (or, where the records stand in a list inside it, jq -c '.data[]')",
        )
    if head.startswith(b"[") and not _is_line_of_many(head):
        return JsonArray(path, compression)
    named = any(ending.lower() in _TABLES for ending in path.suffixes[-2:])
    if dialect := find_dialect(head, named=named):
        return TableFile(path, dialect, compression)
    return JsonLines(path, compression)


def _is_whole(head: bytes) -> bool:
    """Whether an object at the beginning may be all there is: no line that is an object follows it."""
    line, _, rest = head.partition(b"\n")
    if not rest.strip():
        return True
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return True
    return False


def _beginning(path: Path, compression: str, opening: bytes) -> bytes:
    """The opening of an object as it stands in its file: with the blanks before it, without a byte-order mark."""
    with open_stream(path, compression) as stream:
        text = stream.read(2 << 16).removeprefix(BOM)
    return text[: text.index(opening) + len(opening)]


def _is_line_of_many(head: bytes) -> bool:
    """Whether an array at the beginning ends on its line and other lines follow: then it is a line, if a wrong one."""
    line, _, rest = head.partition(b"\n")
    if not rest.strip():
        return False
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
