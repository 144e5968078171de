"""One request, one reply, whatever the mappers print."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from neighbours import juicer as script


def test_texts_go_through_the_mappers_in_order(juicer: Path) -> None:
    request = {
        "mappers": ["clean_links_mapper", "whitespace_normalization_mapper"],
        "texts": ["Schau: https://a.example", " b "] * 600,
    }
    done = subprocess.run(
        [sys.executable, script.__file__], input=json.dumps(request), capture_output=True, text=True, check=True
    )
    reply = json.loads(done.stdout)
    assert reply["texts"] == ["Schau:", "b"] * 600
    assert reply["version"] == "9.9"
    assert reply["seconds"] >= 0
    assert "loading" in done.stderr
