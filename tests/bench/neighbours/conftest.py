"""A data-juicer of two mappers, in a folder that Python finds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_MAPPER = """class {name}:
    def process_batched(self, samples):
        return {{"text": [{made} for text in samples["text"]]}}
"""


@pytest.fixture
def juicer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder; whatever Python is started finds it."""
    mappers = tmp_path / "site" / "data_juicer" / "ops" / "mapper"
    mappers.mkdir(parents=True)
    for folder in (mappers, mappers.parent, mappers.parent.parent):
        (folder / "__init__.py").write_text("print('loading')\n")
    for name, made in (
        ("FixUnicodeMapper", "text.replace('Ã¶', 'ö')"),
        ("CleanEmailMapper", "text"),
        ("CleanLinksMapper", "text.replace('https://a.example', '')"),
        ("PunctuationNormalizationMapper", "text.replace('„', '\"')"),
        ("WhitespaceNormalizationMapper", "text.strip()"),
    ):
        module = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
        (mappers / f"{module}.py").write_text(_MAPPER.format(name=name, made=made), encoding="utf-8")
    described = tmp_path / "site" / "py_data_juicer-9.9.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: py-data-juicer\nVersion: 9.9\n")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path / "site"), os.environ.get("PYTHONPATH")]))
    )
    return tmp_path / "site"
