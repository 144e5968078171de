"""The README is short, names the two commands, and says what is so."""

from __future__ import annotations

import json
import re

from doc_pages import DOCS, ROOT, text_of

from midb.detectors import kinds
from midb.locales import LANGUAGES, load

README = text_of(ROOT / "README.md")

#: Words that a newcomer reads in some minutes.
MOST_WORDS = 950


def test_it_is_short() -> None:
    assert len(README.split()) <= MOST_WORDS


def test_it_names_the_two_commands() -> None:
    assert re.search(r"^make demo +#", README, re.MULTILINE)
    assert re.search(r"^make test +#", README, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^demo:", makefile, re.MULTILINE)
    assert re.search(r"^test:", makefile, re.MULTILINE)


def test_its_numbers_are_right() -> None:
    assert f"the {len(kinds())} kinds" in README
    assert f"in {len(LANGUAGES)} languages" in README
    for code in LANGUAGES:
        assert load(code).name in README
    labels = json.loads((ROOT / "tests" / "cases" / "examples.json").read_text(encoding="utf-8"))
    assert f"has {len(labels)} records" in README
    assert sum(bool(label["kinds"]) for label in labels.values()) * 2 == len(labels), "half of them have a defect"


def test_it_leads_to_every_page() -> None:
    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"(docs/{page.name})" in README, f"the README does not lead to {page.name}"
