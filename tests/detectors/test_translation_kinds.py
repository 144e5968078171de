"""What holds for the kinds of the translation family in any text: spans fit, repairs settle, own names stay."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midb.detectors import kinds
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES

KINDS = [
    "untranslated-text",
    "wrong-language",
    "foreign-script",
    "mixed-script-word",
    "translated-code",
    "altered-placeholder",
    "altered-url",
]

PIECES = [
    "The ",
    "of ",
    "and ",
    "is ",
    "in ",
    "a ",
    "house ",
    "you ",
    "der ",
    "und ",
    "el ",
    "que ",
    "不是",
    "你们",
    "слово ",
    "дoм",
    "Мocква ",
    "αστείo ",
    "kΩ ",
    "πr² ",
    "愉",
    "학생",
    "ไทย",
    "كلمة ",
    "(",
    ")",
    "“",
    "”",
    '"',
    "\n",
    ". ",
    "; ",
    ": ",
    "if ",
    "wenn ",
    "print(",
    "imprimir(",
    "x)",
    " = ",
    "1",
    "```",
    "```python\n",
    "`",
    "{name}",
    "{nombre}",
    "{{",
    "}}",
    "%s",
    "％d",
    "http://a.example/b",
    "http：//",
    "a@b.example",
    "a @ b",
    "<b>",
    "</b>",
    "#tag ",
    "@me ",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


def in_bounds(findings: list[Any], pair: InstructionPair) -> None:
    for finding in findings:
        text = pair.text(finding.field) or ""
        assert 0 <= finding.start < finding.end <= len(text), finding
        assert finding.evidence
        for edit in finding.fix:
            assert text[edit.start : edit.end] == edit.before != edit.after


def test_these_kinds_exist() -> None:
    assert set(KINDS) <= set(kinds())


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(instruction=TEXTS, response=TEXTS, source=TEXTS, language=st.sampled_from((*LANGUAGES, "und")))
def test_repairs_settle_with_a_source(
    instruction: str, response: str, source: str, language: str, examine: Any
) -> None:
    pair = InstructionPair(instruction=instruction, response=response)
    original = InstructionPair(instruction=instruction, response=source)
    findings, repaired = examine(pair, language, source=original, kinds=KINDS)
    in_bounds(findings, pair)
    again, same = examine(repaired, language, source=original, kinds=KINDS)
    assert same == repaired
    assert not any(finding.fix for finding in again)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(TEXTS, st.text(max_size=80)), language=st.sampled_from(LANGUAGES))
def test_without_a_source_only_letters_that_look_alike_change(text: str, language: str, examine: Any) -> None:
    pair = InstructionPair(response=text)
    findings, repaired = examine(pair, language, kinds=KINDS)
    in_bounds(findings, pair)
    assert len(repaired.response or "") == len(text)
    assert all(finding.kind == "mixed-script-word" for finding in findings if finding.fix)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    code=st.sampled_from(
        ["for n in range(3):\n    print(n)", "if (x > 2) { return x; }", "SELECT a FROM b WHERE c > 1;"]
    ),
    language=st.sampled_from(LANGUAGES),
    rename=st.dictionaries(st.sampled_from("nxabc"), st.sampled_from("uvwyz")),
)
def test_an_author_s_names_are_never_restored(code: str, language: str, rename: dict[str, str], examine: Any) -> None:
    renamed = re.sub(r"\b[a-z]\b", lambda match: rename.get(match.group(), match.group()), code)
    pair = InstructionPair(response=f"```python\n{renamed}\n```")
    source = InstructionPair(response=f"```python\n{code}\n```")
    assert examine(pair, language, source=source, kinds=["translated-code"])[1] == pair


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        " ",
        "(",
        "1",
        "愉 ",
        "(愉)",
        "愉a",
        "дo",
        "“愉”",
        "the and of ",
        "The cat is in the house. ",
        "`if`",
        "if(",
        "{a}",
        "{a",
        "%s",
        "a @ b. ",
        "http://a.b/c ",
        "https：",
        "para x en f(1)\n",
        "wenn (x) {\n",
        "/*",
        "“",
        "x=“",
    ],
)
def test_a_huge_text_of_one_piece_comes_to_an_end(piece: str, examine: Any) -> None:
    text = piece * (100_000 // len(piece))
    pair = InstructionPair(instruction=text[:2_000], response=text)
    source = InstructionPair(instruction="Do it.", response="See http://a.b/d, {b} and `for`.\nif (x) { y(); }")
    findings, _ = examine(pair, "de", source=source, kinds=KINDS)
    in_bounds(findings, pair)
