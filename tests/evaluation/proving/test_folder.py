"""The folder of a proof: one at a time, the same proof only, and what is finished is known as such."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from midb.agent.engines.adapter_manifest import write_manifest
from midb.domain.errors import MidbError, UsageError
from midb.evaluation.proving.folder import OpenedProof, ProofFolder, hash_chats

SETTINGS: dict[str, Any] = {
    "corpus": {"name": "c.jsonl", "sha256": "1"}, "boosted": None, "base": {"name": "tiny", "sha256": "2"},
    "sample": 0, "control": True, "recipe": {"lr": 0.1, "max_steps": 0},
}  # fmt: skip


def test_the_same_proof_goes_on(tmp_path: Path) -> None:
    for _ in range(2):
        with OpenedProof(tmp_path / "p", SETTINGS) as opened:
            assert opened.folder.log == tmp_path / "p" / "proof.audit.db"
    assert json.loads((tmp_path / "p" / "prove.json").read_bytes()) == SETTINGS
    assert [one.name for one in (tmp_path / "p").iterdir()] == ["prove.json"], "the lock is gone"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"corpus": {"name": "d.jsonl", "sha256": "9"}}, "its corpus is c.jsonl, and not d.jsonl"),
        ({"corpus": {"name": "c.jsonl", "sha256": "9"}}, "c.jsonl has other contents (the corpus)"),
        ({"base": {"name": "other", "sha256": "9"}}, "its base is tiny, and not other"),
        ({"boosted": {"name": "b.jsonl", "sha256": "9"}}, "its boosted is not given, and not b.jsonl"),
        ({"sample": 60}, "--sample was 0 and is 60"),
        ({"recipe": {"lr": 0.1, "max_steps": 5}}, "--max-steps was 0 and is 5"),
    ],
)
def test_another_proof_is_refused_and_told(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    with OpenedProof(tmp_path, SETTINGS):
        pass
    with pytest.raises(UsageError) as caught:
        OpenedProof(tmp_path, SETTINGS | change)
    assert words in caught.value.message
    with OpenedProof(tmp_path, SETTINGS):
        pass


def test_two_at_once(tmp_path: Path) -> None:
    with OpenedProof(tmp_path, SETTINGS):
        with pytest.raises(MidbError, match="another midb-agent prove is at work") as caught:
            OpenedProof(tmp_path, SETTINGS)
        assert caught.value.retryable
    with OpenedProof(tmp_path, SETTINGS):
        pass


def test_nothing_of_somebody_else_is_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match=r"holds something else \(thesis.tex\)"):
        OpenedProof(tmp_path, SETTINGS)
    with pytest.raises(UsageError, match="is a file"):
        OpenedProof(tmp_path / "thesis.tex", SETTINGS)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "prove.json").write_text("[1]")
    with pytest.raises(UsageError, match="does not say which proof"):
        OpenedProof(tmp_path / "own", SETTINGS)


def test_a_student_is_one_once_it_has_learnt_everything(tmp_path: Path) -> None:
    folder = ProofFolder(tmp_path)
    place = folder.student("raw", 3)
    assert folder.find_student("raw", 3) is None
    assert not folder.has_begun("raw", 3)
    place.mkdir(parents=True)
    (place / "training.json").write_text("{}")
    assert not folder.has_begun("raw", 3), "nothing of it was saved"
    (place / "checkpoints").mkdir()
    assert folder.has_begun("raw", 3)
    write_manifest(place, {"prompts": "chat", "steps": {"stopped": "time"}})
    assert folder.find_student("raw", 3) is None
    write_manifest(place, {"prompts": "chat", "steps": {"stopped": ""}})
    assert folder.find_student("raw", 3) is not None


def test_what_was_measured_is_that_of_the_same_thing(tmp_path: Path) -> None:
    folder = ProofFolder(tmp_path)
    about = {"adapter": "ab", "same": hash_chats([{"a": "ä"}])}
    assert folder.find("raw-0", about) is None
    folder.keep("raw-0", about, [[1.5, 3], None])
    assert folder.find("raw-0", about) == [[1.5, 3], None]
    assert folder.find("raw-0", about | {"same": hash_chats([{"a": "o"}])}) is None
    (tmp_path / "measured" / "raw-0.json").write_text('{"about"')
    assert folder.find("raw-0", about) is None
