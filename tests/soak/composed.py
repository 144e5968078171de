"""Corpora that are composed, not taken from anybody: every format a run reads, with and without what it must reject.

Each text is put together from a few sentences and damaged now and then in a way that a run repairs.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import zstandard
from written_formats import write_as

#: Language -> (a question, its English original, sentences of an answer, their English originals).
SENTENCES: dict[str, tuple[str, str, list[str], list[str]]] = {
    "it": (
        "Spiega in breve il punto numero {n}.",
        "Explain point number {n} briefly.",
        ["La stazione si trova vicino al fiume.", "Il treno parte alle otto & torna alle nove.",
         "Il prezzo è di 12,5 euro per persona.", "La città ha un museo molto antico."],
        ["The station lies near the river.", "The train leaves at eight & returns at nine.",
         "The price is 12.5 euros per person.", "The city has a very old museum."],
    ),
    "de": (
        "Erkläre kurz den Punkt Nummer {n}.",
        "Explain point number {n} briefly.",
        ["Der Bahnhof liegt in der Nähe des Flusses.", "Der Zug fährt um acht ab & kommt um neun zurück.",
         "Der Preis beträgt 12,5 Euro für jede Person.", "Die Stadt hat ein sehr altes Museum."],
        ["The station lies near the river.", "The train leaves at eight & returns at nine.",
         "The price is 12.5 euros per person.", "The city has a very old museum."],
    ),
    "fr": (
        "Explique brièvement le point numéro {n}.",
        "Explain point number {n} briefly.",
        ["La gare se trouve près de la rivière.", "Le train part à huit heures & revient à neuf heures.",
         "Le prix est de 12,5 euros par personne.", "La ville possède un musée très ancien."],
        ["The station lies near the river.", "The train leaves at eight & returns at nine.",
         "The price is 12.5 euros per person.", "The city has a very old museum."],
    ),
    "tr": (
        "{n} numaralı maddeyi kısaca açıkla.",
        "Explain point number {n} briefly.",
        ["İstasyon nehrin yakınında bulunuyor.", "Tren saat sekizde kalkıyor & dokuzda dönüyor.",
         "Fiyat kişi başına 12,5 avro.", "Şehirde çok eski bir müze var."],
        ["The station lies near the river.", "The train leaves at eight & returns at nine.",
         "The price is 12.5 euros per person.", "The city has a very old museum."],
    ),
}  # fmt: skip

#: What befalls a text; most of them nothing.
DAMAGES: tuple[Callable[[str], str], ...] = (
    lambda text: text.replace("&", "&amp;amp;"),
    lambda text: text.replace(". ", " . "),
    lambda text: text.replace("12,5", "12.5"),
    lambda text: text.encode().decode("cp1252", "replace") if text.isascii() else text.replace(". ", ".  "),
    *[lambda text: text] * 4,
)

#: Lines of JSON Lines that no run can read.
UNREADABLE = (b'{"broken": ', b"[1, 2]", b'"a text"', b'{"id": "nothing else"}', b"\xff\xfe\xfd", b"not JSON at all")

#: Formats by name; a name says how the file is called and laid out.
FORMATS = (
    "lines", "crlf", "bom", "no-end", "gz", "zst", "array", "array-gz", "array-zst", "parquet", "turns", "sharegpt",
    "csv", "excel", "tsv", "csv-gz", "folder", "mixed", "within", "columns",
    "source-by-id", "source-by-line", "stdin", "shards",
)  # fmt: skip


#: Formats that other tests have as well, by the name of the corpus there.
_WRITTEN = {
    "csv": "c.csv", "excel": "excel.csv", "tsv": "c.tsv", "csv-gz": "c.csv.gz", "folder": "folder", "mixed": "mixed",
    "within": "within.json", "columns": "columns.json",
}  # fmt: skip


def compose_record(chance: random.Random, number: int, *, source: bool = False) -> dict[str, Any]:
    """One record; ``source`` puts the English original into it."""
    language = chance.choice(list(SENTENCES))
    question, english, sentences, originals = SENTENCES[language]
    chosen = chance.sample(range(len(sentences)), chance.randint(1, 3))
    answer = chance.choice(DAMAGES)(" ".join(sentences[at] for at in chosen))
    record: dict[str, Any] = {
        "id": f"{language}-{number}", "lang": language, "instruction": question.format(n=number), "output": answer,
    }  # fmt: skip
    if source:
        record["source"] = {
            "instruction": english.format(n=number),
            "output": " ".join(originals[at] for at in chosen),
        }
    return record


def as_turns(chance: random.Random, records: list[dict[str, Any]], *, sharegpt: bool) -> dict[str, Any]:
    """Several records of one language as one conversation."""
    first = records[0]
    same = [record for record in records if record["lang"] == first["lang"]][: chance.randint(1, 3)]
    column, who, what, names = (
        ("conversations", "from", "value", ("human", "gpt"))
        if sharegpt
        else ("messages", "role", "content", ("user", "assistant"))
    )
    turns = [
        {who: name, what: record[field]}
        for record in same
        for name, field in zip(names, ("instruction", "output"), strict=True)
    ]
    return {"id": first["id"], "lang": first["lang"], column: turns}


def compose(folder: Path, format: str, seed: int, records: int, *, rejected: bool, sources: bool) -> list[str]:
    """Write a corpus into a folder; returns what ``midb-agent run`` is given: its name, and further options."""
    chance = random.Random(f"{format} {seed}")
    made = [compose_record(chance, number, source=sources) for number in range(records)]
    options: list[str] = []
    if format in ("turns", "sharegpt"):
        made = [as_turns(chance, made[at : at + 6], sharegpt=format == "sharegpt") for at in range(len(made))]
    elif format.startswith("source"):
        options = ["--source", "english.jsonl"]
        originals = [compose_original(record, by_id=format == "source-by-id") for record in made]
        (folder / "english.jsonl").write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in originals))
        rejected = False  # a line more or less would shift what is aligned by line
    if format in _WRITTEN:
        rows = [{name: value for name, value in record.items() if isinstance(value, str)} for record in made]
        return [write_as(_WRITTEN[format], folder, rows).name]
    if format == "parquet":
        return [write_parquet(folder, chance, made, rejected=rejected)]
    if format.startswith("array"):
        return [write_array(folder, chance, made, format, rejected=rejected)]
    return [write_lines(folder, chance, made, format, rejected=rejected), *options]


def compose_original(record: dict[str, Any], *, by_id: bool) -> dict[str, Any]:
    """The English original of a record, as a line of a file of its own."""
    _, english, _, _ = SENTENCES[record["lang"]]
    text = {
        "instruction": english.format(n=record["id"].partition("-")[2]),
        "output": "The station lies near the river.",
    }
    return ({"id": record["id"]} if by_id else {}) | text


def write_lines(folder: Path, chance: random.Random, made: list[dict[str, Any]], format: str, *, rejected: bool) -> str:
    """JSON Lines, in all their varieties; returns the name of the file."""
    lines = [orjson.dumps(record) for record in made]
    if rejected:
        for line in UNREADABLE * 2:
            # Not at the very beginning, which may say that a file is in another encoding.
            lines.insert(chance.randint(1, len(lines)), line)
        lines.insert(chance.randint(1, len(lines)), b"  ")
    end = b"\r\n" if format == "crlf" else b"\n"
    data = (b"\xef\xbb\xbf" if format == "bom" else b"") + end.join(lines) + (b"" if format == "no-end" else end)
    name = f"c.jsonl.{format}" if format in ("gz", "zst") else "c.jsonl"
    (folder / name).write_bytes(packed(data, format))
    return name


def write_array(folder: Path, chance: random.Random, made: list[dict[str, Any]], format: str, *, rejected: bool) -> str:
    """A JSON array; returns the name of the file."""
    items = [orjson.dumps(record) for record in made]
    if rejected:
        for item in (b"17", b'{"id": "nothing else"}', b"null", b'"a text"'):
            items.insert(chance.randint(1, len(items)), item)
    name = "c.json" + format.removeprefix("array").replace("-", ".")
    (folder / name).write_bytes(packed(b"[\n  " + b",\n  ".join(items) + b"\n]\n", format))
    return name


def write_parquet(folder: Path, chance: random.Random, made: list[dict[str, Any]], *, rejected: bool) -> str:
    """Parquet in several row groups, with a column that nobody reads; returns the name of the file."""
    import pyarrow
    from pyarrow import parquet

    rows: list[dict[str, Any]] = [record | {"weight": number / 7} for number, record in enumerate(made)]
    if rejected:
        for row in chance.sample(rows[1:], 5):
            row["instruction"] = None
    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "c.parquet", row_group_size=100)
    return "c.parquet"


def packed(data: bytes, format: str) -> bytes:
    """The bytes, compressed where the format says so."""
    if format.endswith("gz"):
        return gzip.compress(data, mtime=0)
    return zstandard.compress(data) if format.endswith("zst") else data
