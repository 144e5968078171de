"""Every side gets the same pairs and gives as many back."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from neighbours.sides import HOW_TO_INSTALL, JUICER_PYTHON, sides

from midb.domain.pairs import InstructionPair
from midb.injectors import CleanPair

SOUND = CleanPair(InstructionPair(instruction="Grüße „alle“!", input="", response="Es ist schön."), "de")
DAMAGED = CleanPair(InstructionPair(instruction="Grüße „alle“!", response="Es ist schÃ¶n: https://a.example/b"), "de")


def test_all_sides_clean_the_same_pairs(juicer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(JUICER_PYTHON, sys.executable)
    cleaned = {side.name.split(" 6.")[0]: side.clean([SOUND, DAMAGED]) for side in sides()}
    assert list(cleaned) == ["midb-agent", "ftfy", "data-juicer, fix", "data-juicer, fix and clean"]
    mended = DAMAGED.pair.response.replace("Ã¶", "ö")  # type: ignore[union-attr]
    for name, one in cleaned.items():
        assert [len(one.pairs), len(one.told)] == [2, 2]
        assert one.pairs[0].input == "", name
        assert one.pairs[1].input is None, "what a pair does not have, it does not get"
        assert one.told[1], name
        assert one.seconds >= 0
    assert cleaned["midb-agent"].pairs == (SOUND.pair, DAMAGED.pair.model_copy(update={"response": mended}))
    assert cleaned["ftfy"].pairs[1].response == mended
    assert cleaned["ftfy"].pairs[0].instruction == 'Grüße "alle"!', "its defaults make quotation marks straight"
    assert cleaned["data-juicer, fix"].pairs[1].response == mended
    assert cleaned["data-juicer, fix and clean"].pairs[1].response == "Es ist schön: /b"


def test_what_is_not_installed_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "data_juicer"
    broken.mkdir()
    (broken / "__init__.py").write_text("import a_module_that_is_missing\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv(JUICER_PYTHON, sys.executable)
    assert [side.name.split()[0] for side in sides()] == ["midb-agent", "ftfy"]
    assert HOW_TO_INSTALL in capsys.readouterr().err
