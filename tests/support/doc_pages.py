"""The pages of the repository as tests see them: their blocks of code, tables, headings and links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

#: Every page that a reader may meet.
PAGES = (*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md")))

#: A fenced block, with the comment before it that says why it is not run.
_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^>]+) -->\n+)?"
    r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<language>\w*)[^\n]*\n(?P<code>.*?)^ *(?P=fence) *$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page. ``reason``: why tests cannot run it; empty where they do."""

    page: Path
    language: str
    code: str
    line: int
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def text_of(page: Path) -> str:
    """A page."""
    return page.read_text(encoding="utf-8")


def blocks(page: Path, *languages: str) -> list[Block]:
    """The fenced blocks of a page, of some languages or of all."""
    text = text_of(page)
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("fence")) + 1
        code = "\n".join(row.removeprefix(match["indent"]) for row in match["code"].split("\n"))
        found.append(Block(page, match["language"], code, line, match["reason"] or ""))
    return [block for block in found if not languages or block.language in languages]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _BLOCK.sub("", text_of(page))


def section(page: Path, title: str) -> str:
    """What stands under a heading, up to the next one of its level or above; comments in code are no headings."""
    found: list[str] = []
    level, fence = 0, ""
    for line in text_of(page).splitlines():
        mark = re.match(r" *(`{3,}|~{3,})", line)
        if mark and not fence:
            fence = mark[1]
        elif mark and line.strip() == fence:
            fence = ""
        heading = None if fence or mark else re.match(r"(#+) (.+)", line)
        if heading and level and len(heading[1]) <= level:
            break
        if level:
            found.append(line)
        if heading and heading[2] == title:
            level = len(heading[1])
    assert level, f"{page.name} has no heading {title!r}"
    return "\n".join(found) + "\n"


def table(text: str) -> list[list[str]]:
    """The rows of the tables in a text, as cells, without headings and rules."""
    rows = [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    behind = [*rows[1:], []][: len(rows)]
    return [row for row, after in zip(rows, behind, strict=True) if not _is_rule(row) and not _is_rule(after)]


def _is_rule(row: list[str]) -> bool:
    return bool(row) and all(re.fullmatch(r":?-+:?", cell) for cell in row)


def names(cell: str) -> list[str]:
    """What stands in a cell as code: `` `a`, `b` `` are a and b."""
    return re.findall(r"`([^`]+)`", cell)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as repository pages and MyST make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-") for heading in headings}
