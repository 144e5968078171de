"""How the pages become HTML: `make docs`. Markdown through MyST; nothing is fetched from anywhere.

The source folder is that of the repository: README, CONTRIBUTING and CHANGELOG are pages like those of docs/, and every
link works in both worlds.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

_DOCS = Path(__file__).resolve().parent
_PROJECT = tomllib.loads((_DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = _PROJECT["name"]
release = version = _PROJECT["version"]
author = project_copyright = _PROJECT["authors"][0]["name"]

extensions = ["myst_parser"]
root_doc = "README"
source_suffix = {".md": "markdown"}
include_patterns = ["*.md", "docs/*.md"]
nitpicky = True

# Anchors of headings as a repository page makes them, so that one link works in both.
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"{project} {release}"
html_show_sphinx = False


def _add_contents(app: Sphinx, name: str, source: list[str]) -> None:
    """Give the first page a table of contents for Sphinx: the pages that docs/README.md links to, in its order."""
    if name == root_doc:
        links = re.findall(r"\]\((?:(\.\./)?)([\w-]+)\.md\)", (_DOCS / "README.md").read_text(encoding="utf-8"))
        pages = dict.fromkeys(page if up else f"docs/{page}" for up, page in links)
        source[0] += "\n".join(["", "```{toctree}", ":hidden:", "", "docs/README", *pages, "```", ""])


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _add_contents)
    # A diagram is drawn by repository pages; here it stays text, since drawing it would load a script from elsewhere.
    app.add_lexer("mermaid", TextLexer)
