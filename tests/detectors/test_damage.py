"""Properties of the kinds that undo damage (encoding, invisible characters, markup, loops, numbering), on any text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midb.detectors.content.repetition_loop import CERTAIN, KEPT
from midb.domain.edits import apply
from midb.domain.pairs import InstructionPair
from midb.text.forms.encodings import Writing, looks_damaged, restored
from midb.text.forms.periods import BLOCK, STRIDE, runs

KINDS = [
    "mojibake",
    "invisible-character",
    "leaked-markup",
    "unclosed-markup",
    "repetition-loop",
    "broken-numbering",
    "empty-response",
]

PIECES = [
    *("a", "é", "Ж", "ก", "あ", "愦", " ", "\n", "\n\n", ".", "?", ":", "|", "1", "12"),
    *("```", "```py\n", "~~~", "**", "***", "**a:", "- **b**: c\n", "$$", "\\(", "\\frac{1}{2}", "\\begin{a}", "`"),
    *("(", ")", "[", "「", "（", ":(", "[0, 1)"),
    *("&amp;", "&amp;amp;", "&lt;", "&#8203;", "&copy", "<br>", "<br/> ", "<noinput>", "keine Eingabe"),
    *("<|im_start|>", "user\n", "<|im_end|>", "</s>", "<s>", "[INST]", "##\n", "### Response:", "### Instruction:\n"),
    *("\n9. Instruction: a", "\n9. Input: b", "\n9. Output: c", "\n1. one", "\n2. two", "\n4. four", "\n２．に"),
    *("\u200b", "\ufeff", "\u202b", "\u202c", "\u202e", "\u2068", "\u00ad", "\x00", "\x02", "\x0c", "\x1b[1m", "\x93"),
    *("\r", "\r\n", "\u2028", "\ufe0f", "\U000e0041", "\uf0b7", "\ufffd", "\times", "\x0crac"),
    *("Ã©", "Ã", "â€œ", "РџСЂРёРІРµС‚", "Ïðèâåò", "äîáðûé", "縺薙ｓ縺ｫ縺｡縺ｯ", "\\u00e9"),
    *("a" * 45, "ha" * 41, "!" * 44, "\u0326" * 9, "sehr " * 14, "Immer wieder dasselbe. " * 7),
]  # fmt: skip
TEXTS = st.one_of(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.text(max_size=60))
LANGUAGE = st.sampled_from(["de", "ru", "ar", "ja", "th", "vi", "und"])

# The fixtures hold no state that an example could leave behind.
many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(instruction=TEXTS, input=TEXTS, response=TEXTS, language=LANGUAGE)
def test_repairs_settle_and_stay_inside_the_text(
    instruction: str, input: str, response: str, language: str, examine: Any
) -> None:
    pair = InstructionPair(instruction=instruction, input=input, response=response)
    findings, repaired = examine(pair, language, kinds=KINDS)
    for finding in findings:
        text = pair.text(finding.field) or ""
        assert 0 <= finding.start <= finding.end <= len(text)
        assert finding.evidence
        apply(pair, finding.fix)  # raises where an edit does not fit or overlaps another
    again, same = examine(repaired, language, kinds=KINDS)
    assert same == repaired
    assert not [finding for finding in again if any(edit.before != edit.after for edit in finding.fix)]


@many
@given(
    words=st.lists(
        st.sampled_from(
            ["über", "Straße", "Äpfel", "groß", "déjà", "ñandú", "žluťoučký", "kůň", "şöyle", "ağaç", "ığdır"]
        ),
        min_size=1,
    )
)
def test_text_read_as_latin_1_is_restored(words: list[str]) -> None:
    text = " ".join(words)
    damaged = text.encode().decode("latin-1")
    found = list(restored(damaged, scripts=("Latin",), code_pages=(), restores_no_break_space=False))
    for word in reversed(found):
        assert word.after is not None
        damaged = damaged[: word.start] + word.after + damaged[word.start + len(word.before) :]
    assert damaged == text


@many
@given(
    script=st.sampled_from([("Cyrillic", "а", "я"), ("Greek", "α", "ω"), ("Arabic", "ب", "غ"), ("Thai", "ก", "ฮ")]),
    data=st.data(),
)
def test_sound_words_of_a_script_are_never_restored(script: tuple[str, str, str], data: st.DataObject) -> None:
    name, first, last = script
    letters = [chr(code) for code in range(ord(first), ord(last) + 1)]
    text = data.draw(st.text(st.sampled_from([*letters, " ", "\n", ".", ",", "«", "»", "–", "“", "”"]), max_size=80))
    assert not list(restored(text, scripts=(name,), code_pages=(), restores_no_break_space=True))


def test_a_result_in_a_foreign_script_is_not_plausible() -> None:
    german, russian = Writing(("Latin",)), Writing(("Cyrillic",))
    assert german.plausible("Käse 5 €")
    assert not german.plausible("сыр")
    assert russian.plausible("сыр brie")
    assert not russian.plausible("\ue000")


@many
@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=0x24F), max_size=40).filter(lambda text: "\\u" not in text)
)
def test_every_text_that_was_misread_looks_damaged(text: str) -> None:
    damaged = text.encode().decode("latin-1")
    assert damaged == text or looks_damaged(damaged)


@many
@given(
    unit=st.text(st.characters(categories=["Lu", "Ll", "Lo", "Zs"]), min_size=1, max_size=30),
    times=st.integers(4, 60),
    before=st.text(max_size=30),
    after=st.text(max_size=30),
)
def test_a_long_run_is_found_whole(unit: str, times: int, before: str, after: str) -> None:
    if len(unit) * (times - 1) < BLOCK + STRIDE:
        return
    text = before + unit * times + after
    start, end = len(before), len(before) + len(unit) * times
    covered = [run for run in runs(text, 40) if run.start < end and start < run.end]
    assert covered, text
    for run in runs(text, 40):
        repeated = text[run.start : run.end]
        assert repeated[run.period :] == repeated[: -run.period]
        assert run.times >= 3


@pytest.mark.parametrize("times", [CERTAIN - 1, CERTAIN, CERTAIN + 1, 400])
def test_what_is_cut_short_is_far_from_being_cut_again(times: int, examine: Any) -> None:
    pair = InstructionPair(instruction="Sag etwas.", response="Da rief er: Na" + "a" * (times - 1) + "!")
    _, repaired = examine(pair, "de", kinds=["repetition-loop"])
    assert repaired.response == (pair.response if times < CERTAIN else "Da rief er: N" + "a" * KEPT + "!")


def test_a_fence_is_closed_as_it_was_opened(examine: Any) -> None:
    for fence in ("```", "````", "~~~"):
        _, repaired = examine(InstructionPair(response=f"{fence}sh\nls"), "de", kinds=["unclosed-markup"])
        assert repaired.response == f"{fence}sh\nls\n{fence}"


@pytest.mark.parametrize(
    "code", ["it", "es", "fr", "de", "ru", "ar", "tr", "ja", "ko", "pt", "cs", "el", "id", "th", "vi", "ms"]
)
def test_every_language_knows_its_placeholders(code: str, examine: Any) -> None:
    from midb.locales import load
    from midb.text.subjects.scaffolding import ScaffoldingSection

    section = load(code).get(ScaffoldingSection)
    assert section is not None
    for form in section.no_input:
        for text in (form, form.upper(), f"<{form}>", f'"{form}."'):
            _, repaired = examine(InstructionPair(instruction="x", input=text), code, kinds=["leaked-markup"])
            assert repaired.input == "", text
    for form in section.no_input_or_text:
        _, repaired = examine(InstructionPair(instruction="x", input=form), code, kinds=["leaked-markup"])
        assert repaired.input == form
