"""An adapter's description of itself: written and read back, absent, damaged, of a newer form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from midb.agent.engines.adapter_manifest import ADAPTER_MANIFEST, FORM, read_manifest, write_manifest
from midb.domain.errors import UsageError


def test_it_reads_what_was_written(tmp_path: Path) -> None:
    write_manifest(
        tmp_path,
        {
            "prompts": "short",
            "prompt_hashes": {"content.system": "ab"},
            "base": {"name": "tiny", "sha256": "cd"},
            "passes": ["content"],
            "languages": ["de", "tr"],
            "metrics": {"loss": 1.5},
        },
    )
    manifest = read_manifest(tmp_path)
    assert manifest is not None
    assert (manifest.prompts, manifest.prompt_hashes) == ("short", {"content.system": "ab"})
    assert (manifest.base_name, manifest.base_sha256) == ("tiny", "cd")
    assert (manifest.passes, manifest.languages) == (("content",), ("de", "tr"))
    assert manifest.whole["metrics"] == {"loss": 1.5}


def test_an_adapter_of_others_has_none(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "it is no JSON"),
        ("\udcff", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("[]", "not the description"),
        ('{"prompts": "short"}', "not the description"),
        ('{"midb_adapter": true, "prompts": "short"}', "not the description"),
        (json.dumps({"midb_adapter": FORM + 1, "prompts": "short"}), "newer midb-agent"),
        ('{"midb_adapter": 1, "prompts": "tiny"}', '"tiny"'),
        ('{"midb_adapter": 1, "prompts": ["short"]}', "not known"),
        ('{"midb_adapter": 1}', "not known"),
    ],
)
def test_a_damaged_one_is_one_sentence(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / ADAPTER_MANIFEST).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError) as caught:
        read_manifest(tmp_path)
    assert words in caught.value.message
    assert ADAPTER_MANIFEST in caught.value.message
    assert caught.value.message.endswith(".")


def test_parts_of_other_types_are_empty(tmp_path: Path) -> None:
    write_manifest(tmp_path, {"prompts": "full", "base": [], "prompt_hashes": 1, "passes": "content"})
    manifest = read_manifest(tmp_path)
    assert manifest is not None
    assert (manifest.base_name, manifest.prompt_hashes, manifest.passes) == ("", {}, ())


def test_a_folder_of_that_name_is_none(tmp_path: Path) -> None:
    (tmp_path / ADAPTER_MANIFEST).mkdir()
    with pytest.raises(UsageError, match="not the description"):
        read_manifest(tmp_path)
