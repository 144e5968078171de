"""What may be code: the kinds of code that no fence marks, what stands beside them, and prose that is none."""

from __future__ import annotations

import pytest

from midb.text.code.lines import find_code_blocks
from midb.text.code.regions import find_possible_code


def possible(text: str) -> list[str]:
    """The parts of a text that may be code, as a field has them."""
    return [text[start:end] for start, end in find_possible_code(text, list(find_code_blocks(text)))]


@pytest.mark.parametrize(
    "code",
    [
        "interface Produit {\n  nom: string;\n  prix: number;\n  options?: string[];\n}",
        "const moyenne = (a: number, b: number): number => (a + b) / 2.5;",
        "type Couleur = 'rouge' | 'vert';",
        "def aire(rayon: float) -> float:",
        "def est_pair(n):",
        "val prix: Double = 2.5",
        "fn main() {\n    let x: f64 = 2.5;\n}",
        "select nom, prix from produits where prix > 3.5;",
        "font-size: 1.5em;\ncolor: red;\nwidth: 50%;",
        ".kutu {\n  renk: kırmızı;\n  genişlik: 50%;\n}",
        "version: 1.5\nservices:\n  web:\n    image: nginx\n    ports:\n      - 80:80",
        "- nom: A\n  prix: 3.5\n- nom: B\n  prix: 4.5",
        "largeur = 1.5\n\nhauteur = 2.5\n\naire = largeur * hauteur",
        ">>> 1.5 + 2\n3.5",
        "case 1:\n    total = 0.5\ndefault:\n    total = 1.5",
        "x <- c(1.5, 2.5)",
        "pfund = 7\n\nkilo = pfund * 0.45\n\nprint(kilo)\n\n# Ausgabe = 3.15",
    ],
)
def test_every_line_of_code_may_be_code(code: str) -> None:
    assert [line for part in possible(code) for line in part.split("\n")] == [line for line in code.split("\n") if line]


@pytest.mark.parametrize(
    "formula",
    [
        "=MOYENNE(A1:A10)",
        '=SI(A1>10,5;"oui";"non")',
        "=WENN(UND(A1>3;B1<2);A1*2;0)",
        "=СУММ(B2:B9)*1,2",
        "$A$1:$B$9",
        "=B2*C2",
    ],
)
def test_a_formula_inside_a_sentence(formula: str) -> None:
    assert formula in possible(f"Utilisez {formula} pour cela : c'est simple !")


@pytest.mark.parametrize(
    "prose",
    [
        "Voici la liste : du pain, du lait; c'est tout !",
        "Il répondit: « Non. »\nElle demanda: pourquoi ?",
        "Zutaten:\n- 200 g Mehl\n- 1 Ei",
        "Name: Anna Schmidt\nAlter: 42",
        "# Überschrift\n\nDer Turm ist 12.5 Meter hoch.",
        "Wenn x = 3.5 ist, dann ist y größer.",
        "Die Tabelle zeigt, dass 50% der Leute kommen (siehe unten).",
        "1. Erstens: das Ziel.\n2. Zweitens: der Weg.",
        "note: à lire avant tout.",
        "duveteux: adjectif\nchat: nom\npar: préposition",
        "1. Manzana -> 2.50\n2. Naranja -> 2.00",
        "| a | 1.5 |\n|---|---|\n| b | 2.5 |",
    ],
)
def test_prose_is_none(prose: str) -> None:
    assert possible(prose) == []


def test_what_a_program_prints_stands_beside_it() -> None:
    code = "print(2.5)\n2.5\n\nDas Programm gibt die Zahl 2.5 aus, wie man sieht."
    assert possible(code) == ["print(2.5)", "2.5"]


def test_headings_of_a_prompt_are_code_where_they_are_shown() -> None:
    assert possible("### Instruction:\nTrier la liste.") == ["### Instruction:"]
