"""The README is short, names the two commands, and says what is so."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from doc_pages import DOCS, ROOT, blocks, text_of
from doc_shell import commands, conversation, shows

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


# -- typed in order by a newcomer --------------------------------------------------------------------------------------

#: Stands for make, which would fetch and install everything: it makes the same environment out of what is installed.
MAKE = """#!/bin/sh
set -eu
test -e .venv || "$REAL_PYTHON" -m venv --without-pip .venv
printf '#!/bin/sh\\nexec "%s" -m midb "$@"\\n' "$REAL_PYTHON" >.venv/bin/midb-agent
printf '#!/bin/sh\\nexec "%s" "$@"\\n' "$REAL_PYTHON" >.venv/bin/python.new
mv -f .venv/bin/python.new .venv/bin/python
chmod +x .venv/bin/midb-agent .venv/bin/python
case $1 in
demo) BIN=.venv/bin DEMO=demo sh examples/demo.sh ;;
test) ;;
*) exit 2 ;;
esac
"""

#: Why some of its blocks are typed by nobody here.
NOT_TYPED = ("it installs", "needs a model")


def test_its_blocks_work_in_order_in_one_shell_of_a_fresh_clone(tmp_path: Path) -> None:
    """With nothing on the path but the system's programs and what the README itself puts there."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    # Python looks for modules where it is started.
    for source in ("midb", "agent", "evaluation", "kernels", "prompts", "training"):
        (tmp_path / source).symlink_to(ROOT / source)
    (tmp_path / "tools").mkdir()
    make = tmp_path / "tools" / "make"
    make.write_text(MAKE)
    make.chmod(0o755)
    typed = ["set -e"]
    for block in blocks(ROOT / "README.md", "sh", "console", "python"):
        if block.reason in NOT_TYPED:
            continue
        match block.language:
            case "sh":
                typed += commands(block.code)
            case "console":
                typed += [command for command, _ in conversation(block.code)]
            case _:
                typed.append(f"python - <<'END'\n{block.code}END")
    assert sum("midb-agent" in line for line in typed) >= 2
    environment = {
        "PATH": f"{make.parent}:/usr/bin:/bin", "HOME": str(tmp_path), "REAL_PYTHON": sys.executable,
        "LANG": "C.UTF-8", **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", "\n".join(typed)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "boosted.jsonl").exists()
    assert "finished already" not in done.stderr, "each block does what it says"
    for block in blocks(ROOT / "README.md", "console", "text"):
        shown = "".join(told for _, told in conversation(block.code)) if block.language == "console" else block.code
        assert (missing := shows(shown, done.stderr + done.stdout)) is None, f"{block}: not printed: {missing}"
