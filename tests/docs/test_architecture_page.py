"""docs/architecture.md leads a reader to the right place."""

from __future__ import annotations

import re

from doc_pages import DOCS, ROOT, names, section, table

PAGE = DOCS / "architecture.md"


def test_every_package_is_in_the_table() -> None:
    told = {name for row in table(section(PAGE, "Packages")) for name in names(row[0])}
    packages = {f"midb/{path.parent.name}/" for path in (ROOT / "midb").glob("*/__init__.py")}
    modules = {f"midb/{path.name}" for path in (ROOT / "midb").glob("*.py") if path.name != "__init__.py"}
    assert told == packages | modules | {"agent/", "evaluation/", "kernels/", "prompts/", "training/"}


def test_ten_questions_have_an_answer_that_is_a_file() -> None:
    rows = table(section(PAGE, "Which file do I open to"))
    assert len(rows) == 10
    for question, answer in rows:
        assert question.startswith("... ")
        assert any((ROOT / name).exists() for name in names(answer)), question


def test_the_four_ways_are_numbered_walks_through_files() -> None:
    for thing in ("record", "finding", "model request", "token"):
        way = section(PAGE, f"The way of a {thing}")
        steps = re.split(r"^(\d+)\. ", way, flags=re.MULTILINE)[1:]
        assert [int(number) for number in steps[::2]] == list(range(1, len(steps) // 2 + 1))
        assert sum(bool(re.search(r"`[\w/]+\.py`", step)) for step in steps[1::2]) >= 5
