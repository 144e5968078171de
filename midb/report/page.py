"""The report as one HTML file that asks nothing of the network. Only its own script and style may run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Any

import orjson
from jinja2 import Environment, StrictUndefined

from midb.locales import LANGUAGES, load
from midb.report.card import find_title, is_evaluation, say_not_counted
from midb.report.evaluated import make_tables
from midb.report.examples import Example
from midb.text.terminal import visible

#: Shades of the table of kinds and languages; each is twice as many edits as the one before, or more.
_SHADES = 5


def read_part(name: str) -> str:
    """A file of which pages are made."""
    return (files("midb.report") / name).read_text(encoding="utf-8")


def make_environment() -> Environment:
    """What fills in a page: everything is escaped, and what has no value is an error. Its filters show numbers with
    commas (``n``), any value on one line with nothing hidden in it (``v``), and names of languages."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"n": lambda number: f"{number:,}", "v": _show_value, "language": _name_language}
    return environment


def hash_source(text: str) -> str:
    """How a content security policy names an inline script or style sheet."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _shade(number: int, most: int) -> int:
    """0 for nought, else 1 to 5, by the logarithm: kinds differ by powers of ten.

    >>> [_shade(number, 1000) for number in (0, 1, 10, 1000)]
    [0, 1, 2, 5]
    """
    if not number:
        return 0
    return 1 + round((_SHADES - 1) * (number.bit_length() - 1) / max(most.bit_length() - 1, 1))


def _name_language(code: str) -> str:
    return f"{load(code).name} ({code})" if code in LANGUAGES else visible(code)


def _show_value(value: Any) -> str:
    """A setting or a version as one line."""
    return visible(value if isinstance(value, str) else orjson.dumps(value).decode())


def write_page(
    report: Mapping[str, Any], examples: Mapping[str, Sequence[Example]], *, seed: int, most: int, version: str
) -> str:
    """The page: figures and, by kind, the edits that were drawn with ``seed``, at most ``most`` of each kind; 0:
    they are of all kinds and languages in turn."""
    style, script = read_part("page.css"), read_part("page.js")
    cells = {(row["kind"], row["language"]): row for row in report["kinds_and_languages"]}
    judged = {
        (row["kind"], row["language"]): f"{row['right']:,} of {row['reviewed']:,} right"
        for row in report["reviewed"]
        if row["what"] == "edits"
    }
    kinds = sorted({kind for kind, _ in cells}, key=lambda kind: (-report["edits"]["kinds"].get(kind, 0), kind))
    shown = [asdict(example) for of_kind in examples.values() for example in of_kind]
    return make_environment().from_string(read_part("page.html")).render(
        r=report, kinds=kinds, judged=judged, cells=cells, shade=_shade, columns=sorted(report["languages"]),
        most_edits=max((row["edits"] for row in cells.values()), default=0), examples=shown, seed=seed, most=most,
        version=version, not_counted=say_not_counted(report),
        style=style, script=script, style_hash=hash_source(style), script_hash=hash_source(script),
        evaluated=make_tables(report["evaluated"]), evaluation=is_evaluation(report), title=find_title(report),
        finished=report["run"]["status"] in ("finished", "superseded"),
    )  # fmt: skip
