"""How the pages of this folder become HTML: `make docs`. Markdown through MyST; nothing is fetched from anywhere."""

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
myst_enable_extensions = ["deflist"]
root_doc = "README"
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True

# Anchors of headings as a repository page makes them, so that one link works in both.
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"{project} {release}"
html_show_sphinx = False


def _add_contents(app: Sphinx, name: str, source: list[str]) -> None:
    """Give the first page a table of contents for Sphinx: the pages that it links to, in that order."""
    if name == root_doc:
        pages = dict.fromkeys(re.findall(r"\]\(([\w-]+)\.md\)", source[0]))
        source[0] += "\n".join(["", "```{toctree}", ":hidden:", "", *pages, "```", ""])


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _add_contents)
    # A diagram is drawn by repository pages; here it stays text, since drawing it would load a script from elsewhere.
    app.add_lexer("mermaid", TextLexer)
