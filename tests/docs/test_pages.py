"""Pages lead where they say: links, anchors, and every file that is named is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from doc_pages import DOCS, PAGES, ROOT, anchors, blocks, prose

#: Folders of the repository; what begins with one of them is meant to be there.
FOLDERS = ("midb", "agent", "evaluation", "kernels", "prompts", "training", "tests", "bench", "examples", "docs", ".ci")

#: A file or folder of the repository, as pages name it.
_PATH = re.compile(rf"`((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*)`")

#: The files that a worked example makes.
_MADE = re.compile(r"`([\w./-]+)` \(new\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(there), f"{page.name} links to {target}, and {there.name} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page: Path) -> None:
    made = set(_MADE.findall(prose(page)))
    for path in _PATH.findall(prose(page)):
        if path in made or "xx" in path:
            continue
        named = ROOT / path
        assert named.is_dir() if path.endswith("/") else named.exists(), f"{page.name} names {path}"


def test_the_first_page_of_docs_leads_to_all() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, f"docs/README.md does not lead to {page.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_say_what_they_are(page: Path) -> None:
    """A block without a language would neither be run nor be told from one that cannot be."""
    for block in blocks(page):
        assert block.language, f"{block}: a block without a language"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_is_left_to_be_filled_in(page: Path) -> None:
    assert not re.search(r"TODO|FIXME|XXX\b|(?<![A-Z])@[A-Z]{2,}", prose(page).replace("@URL", ""))
