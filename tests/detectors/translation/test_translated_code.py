"""Code whose keywords were translated: restored token by token from the source, flagged where it only looks so."""

from __future__ import annotations

import re

import pytest
from examining import Examine, evidence, respond
from hypothesis import given
from hypothesis import strategies as st

from midb.detectors.translation.translated_code import TRANSLATED_CODE, CodeKeywords
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load

KIND = [TRANSLATED_CODE.name]


@pytest.mark.parametrize(
    ("code", "text", "source", "repaired"),
    [
        (
            "de",
            "```python\nwenn x > 2:\n    drucke(x)\n```",
            "```python\nif x > 2:\n    print(x)\n```",
            "```python\nif x > 2:\n    print(x)\n```",
        ),
        (
            "es",
            "```python\npara n en rango(3):\n    imprimir(“hola”)\n```",
            '```python\nfor n in range(3):\n    print("hello")\n```',
            '```python\nfor n in range(3):\n    print("hola")\n```',
        ),
        (
            "vi",
            "```python\nnếu x:\n    y()\nngược lại:\n    z()\n```",
            "```python\nif x:\n    y()\nelse:\n    z()\n```",
            "```python\nif x:\n    y()\nelse:\n    z()\n```",
        ),
        (
            "ja",
            "```python\nif x ＞ 2：\n    print（x）\n```",
            "```python\nif x > 2:\n    print(x)\n```",
            "```python\nif x > 2:\n    print(x)\n```",
        ),
    ],
)
def test_keywords_and_signs_are_restored(code: str, text: str, source: str, repaired: str, examine: Examine) -> None:
    findings, result = examine(respond(text), code, source=respond(source), kinds=KIND)
    assert result.response == repaired
    assert all(item.startswith("the source's code has") for item in evidence(findings))


@given(
    code=st.sampled_from(
        ["for n in range(3):\n    print(n)", "if (x > 2) { return x; }", "SELECT a FROM b WHERE c > 1;"]
    ),
    language=st.sampled_from(LANGUAGES),
    rename=st.dictionaries(st.sampled_from("nxabc"), st.sampled_from("uvwyz")),
)
def test_an_author_s_names_are_never_restored(
    code: str, language: str, rename: dict[str, str], examine: Examine
) -> None:
    renamed = re.sub(r"\b[a-z]\b", lambda match: rename.get(match.group(), match.group()), code)
    pair = InstructionPair(response=f"```python\n{renamed}\n```")
    source = InstructionPair(response=f"```python\n{code}\n```")
    assert examine(pair, language, source=source, kinds=KIND)[1] == pair


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ('```python\nprint("Hallo")  # Gruß\n```', '```python\nprint("Hello")  # greeting\n```'),
        ("```python\nhunde = 3\nprint(hunde)\n```", "```python\ndogs = 3\nprint(dogs)\n```"),
        ("```python\nif x > 3:\n    y()\n```", "```python\nif x > 2:\n    y()\n```"),  # another program
        ("```\nLiebe Anna, komm zum Tee.\n```", "```\nDear Ann, come for tea.\n```"),  # no code
        ("```python\nif x:\n    y()\n```", "```python\nif x:\n    y()\n```"),
    ],
)
def test_what_is_rightly_translated_or_another_program_stays(text: str, source: str, examine: Examine) -> None:
    assert examine(respond(text), "de", source=respond(source), kinds=KIND)[1] == respond(text)


def test_code_that_lost_its_keywords_is_flagged(examine: Examine) -> None:
    pair = respond("```python\nfür jedes n von 1 bis 3:\n    drucke(n)\n    wieder(n)\n```")
    source = respond("```python\nfor n in range(1, 3):\n    print(n)\n    return(n)\n```")
    findings, repaired = examine(pair, "de", source=source, kinds=KIND)
    assert evidence(findings) == ["the source's code has for, in, range, print, which are missing here"]
    assert repaired == pair


def test_without_a_source_mixed_code_is_flagged(examine: Examine) -> None:
    pair = respond("```python\nfor n in range(3):\n    wenn (n > 1):\n        print(n)\n```", "…")
    findings, repaired = examine(pair, "de", kinds=KIND)
    assert len(findings) == 1
    assert evidence(findings)[0].startswith("wenn beside ")
    assert repaired == pair


@pytest.mark.parametrize(
    ("instruction", "text"),
    [
        ("Schreibe Pseudocode.", "```python\nfor n in range(3):\n    wenn (n > 1):\n        print(n)\n```"),
        ("…", "Für:\n- Hunde\n- Katzen"),
        ("…", "Wenn es regnet (oft), bleibe ich."),
    ],
)
def test_pseudocode_and_prose_are_right(instruction: str, text: str, examine: Examine) -> None:
    assert examine(respond(text, instruction), "de", kinds=KIND)[0] == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_words_of_a_table_are_in_lower_case(code: str) -> None:
    section = load(code).get(CodeKeywords)
    assert section is not None
    assert all(word == word.lower() for word in (*section.words, *section.pseudocode))


SOURCE_WITHOUT_FENCE = "It works like this:\nif (x > 2) {\n  print(x);\n}"


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("So geht es:\nwenn (x > 2) {\n  drucke(x);\n}", "So geht es:\nif (x > 2) {\n  print(x);\n}"),
        # The prose has a line more; the code still stands at the end of both.
        ("So geht es\nimmer:\nwenn (x > 2) {\n  drucke(x);\n}", "So geht es\nimmer:\nif (x > 2) {\n  print(x);\n}"),
        # Here it does not: which line is which, nobody knows.
        ("So geht es:\nimmer:\nwenn (x > 2) {\n  drucke(x);\n}\nFertig.", None),
    ],
)
def test_code_without_a_fence_is_paired_by_its_lines(text: str, repaired: str | None, examine: Examine) -> None:
    _, result = examine(respond(text), "de", source=respond(SOURCE_WITHOUT_FENCE), kinds=KIND)
    assert result.response == (repaired or text)


def test_statements_far_from_each_other_are_not_one_piece_of_code(examine: Examine) -> None:
    near = "wenn (a(1)) {\nwenn (b(2)) {"
    far = f"wenn (a(1)) {{\n{'x' * 210}\nwenn (b(2)) {{"
    assert len(examine(respond(near, "…"), "de", kinds=KIND)[0]) == 1
    assert examine(respond(far, "…"), "de", kinds=KIND)[0] == []


def test_prose_that_took_the_place_of_code_has_lost_no_keywords(examine: Examine) -> None:
    source = respond("```python\nfor n in range(1, 3):\n    print(n)\n    return(n)\n```")
    assert examine(respond("```python\nHier stand früher ein Programm.\n```"), "de", source=source, kinds=KIND)[0] == []
