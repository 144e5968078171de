"""Code without a fence, in prose of several languages: no kind of typography finds anything in it.

`tests/cases/code.json` holds it by name: program text, formulas, style sheets, configurations, what programs print.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from examining import Examine

from midb.detectors import kinds
from midb.domain.defects import DefectFamily
from midb.domain.pairs import InstructionPair

CODE: dict[str, str] = json.loads((Path(__file__).parents[1] / "cases" / "code.json").read_text(encoding="utf-8"))
TYPOGRAPHY = [name for name, kind in kinds().items() if kind.family is DefectFamily.LOCALIZATION and kind.repairs]
#: Prose around the code, in the manner that a repair of the code would follow.
AROUND = {
    "fr": ("Voici la réponse : elle est simple ! Est-ce clair ?", "C'est tout ce qu'il faut savoir : bonne chance !"),
    "de": ("Hier ist die Antwort, die du suchst.", "Das ist alles, was man wissen muss."),
    "tr": ("İşte aradığınız cevap burada.", "Bilmeniz gereken her şey bu kadar."),
    "ja": ("これが答えです。とても簡単ですね！", "これで説明は終わりです。よろしいですか？"),
}


@pytest.mark.parametrize("language", AROUND)
@pytest.mark.parametrize("name", CODE)
def test_code_keeps_its_marks(name: str, language: str, examine: Examine) -> None:
    before, behind = AROUND[language]
    pair = InstructionPair(instruction="…", response=f"{before}\n\n{CODE[name]}\n\n{behind}")
    source = InstructionPair(instruction="…", response=f"Here it is.\n\n{CODE[name]}\n\nThat is all.")
    _, repaired = examine(pair, language, source=source, typography=True, kinds=TYPOGRAPHY)
    assert CODE[name] in (repaired.response or "")


def test_the_prose_around_it_is_looked_at(examine: Examine) -> None:
    """A repair that would be missed everywhere would prove nothing."""
    code = CODE["css"]
    pair = InstructionPair(instruction="…", response=f"Voici la réponse : simple !\n\n{code}\n\nEst-ce clair?")
    _, repaired = examine(pair, "fr", kinds=TYPOGRAPHY)
    assert repaired.response == f"Voici la réponse : simple !\n\n{code}\n\nEst-ce clair ?"
