"""What holds for every kind on any text: spans fit, repairs settle, and no text is too long or too odd."""

from __future__ import annotations

import pytest
from examining import Examine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midb.detectors import kinds
from midb.domain.defects import Finding
from midb.domain.edits import apply
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES
from midb.text.protection import find_protected_spans

#: Kinds that look at the same things, and pieces of text that bring random texts near to what they look for.
DAMAGE = (
    "mojibake", "invisible-character", "leaked-markup", "unclosed-markup", "repetition-loop", "broken-numbering",
    "empty-response",
)  # fmt: skip
DAMAGED = [
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

NUMBERS = ("false-equation", "item-count-mismatch", "decimal-separator", "percent-form", "imperial-unit")
NUMERIC = [
    "17", "25", "1.5", "2.50", "1,5", "1.000", "3/4", "½", "٤", " + ", " - ", "=", " = ", " × ", "(", ")", "%", " %",
    "%-", "1. ", "\n", "\n- ", "\n2) ", " ", ", ", ": ", ".", "**", "$", "°F", " ft", " Meilen", "マイル", " mil",
    " pieds", "x", "fünf ", "Nenne ", "beş ", "`", "|", "\N{NO-BREAK SPACE}", "=5", "--", "^2", "²", "…", "\t",
]  # fmt: skip

PUNCTUATION = ("punctuation-form", "punctuation-spacing", "quotation-marks")
PUNCTUATED = [
    "a", "b", "Haus", "mot", "été", "Слово", "дом", "كلمة", "بيت", "言葉", "です", "カナ", "단어", "คำ", "λέξη",
    "12", "3,5", "5'", "x=1",
    *".,:;!?…\"'()[]{}|*_«»„“”‘’‚。、，：；？！（）「」『』،؛؟·¿",
    " ", " ", " ", "\n", "\t", "\u00a0", "\u202f", "\u3000", "?!", "...", "http://a.b/c?d", "`x , y`", "« ", " »",
]  # fmt: skip

TRANSLATION = (
    "untranslated-text", "wrong-language", "foreign-script", "mixed-script-word", "translated-code",
    "altered-placeholder", "altered-url",
)  # fmt: skip
TRANSLATED = [
    "The ", "of ", "and ", "is ", "in ", "a ", "house ", "you ", "der ", "und ", "el ", "que ", "不是", "你们",
    "слово ", "дoм", "Mocква ", "αστείo ", "kΩ ", "πr² ", "愉", "학생", "ไทย", "كلمة ", "(", ")", "“", "”", '"', "\n",
    ". ", "; ", ": ", "if ", "wenn ", "print(", "imprimir(", "x)", " = ", "1", "```", "```python\n", "`", "{name}",
    "{nombre}", "{{", "}}", "%s", "％d", "http://a.example/b", "http：//", "a@b.example", "a @ b", "<b>", "</b>",
    "#tag ", "@me ",
]  # fmt: skip

COMPARISON = (
    "instruction-length", "translator-note", "truncated-response", "unchanged-text", "echoed-task", "refusal",
)  # fmt: skip
COMPARED = [
    "Translation: ", "Übersetzung: ", "Hier ist die Übersetzung:\n", "Sure! Here is the translation:\n\n", "訳文：",
    "**", "번역: ", "ç.n. ", "(", "The river ends here. ", "Der Fluss endet hier. ", "川は海に注ぐ。", ")", "\n", ": ",
    "(Note: in English.)", "(Anm. d. Ü.: x)", "Note: this is an idiom.", '"', "Korrigiere: ", "falls ", "?", ".", ",",
    "As an AI language model, I cannot help. ", "Als KI kann ich das nicht. ", "tut mir leid", "İ", "ı", "ß", "x" * 90,
    "\n\nI hope this helps!", "Here is one:\n", "*",
]  # fmt: skip

LETTERS = ("decomposed-text", "legacy-character", "lost-accents", "wrong-letter")
LETTERED = [
    "a", "é", "e\u0301", "o\u0323\u0302", "i\u0307", "ı\u0307", "\u0301", "x\u0304", "か\u3099", "가",
    "\u1112\u1161\u11ab", "\u11ab", "ا\u0653", "د\u0651\u064b", "ﻛﺘﺎﺏ", "ﺏﺎﺘﻛ", "ﻻ", "ﷺ", "کتاب", "فی", "المدينة",
    "ـ", "ﬁ", "µ", "µε", "μ", "∆", "ϕ", "Ω", "λόγοσ", "ς", "σ", "΄Ε", "πολη", "να", "ﾗｰ", "ﾟ", "ㅎㅏ", "ㄱ",
    "เ", "เเ", "แ", "น", "\u0e49", "\u0e48", "\u0e32", "\u0e33", "\u0e4d", "\u0e34", "\u0e4c", "ะ",
    "ý", "þ", "ð", "þarký", "dýþarý", "ðô", "tóan", "qúy", "baú", "đ", "khong ", "nguoi ", "duoc ",
    " ", " ", ". ", "\n", "`", "(", ")", "“", "”", "{", "}", "https://a.example/", "NFC ", "5 ",
]  # fmt: skip

FORM = ("page-leftover", "escaped-text", "spaced-emphasis", "altered-formula")
FORMED = [
    "\\n", "\\t", "\\\"", "\\*", "\\_", "\\#", "\\", "\\\\", "\n", "\n", " ", " ", "**", "** ", " **", "* *", "*",
    "[1]", ".[2]", "[3]: ", "[citation needed]", "\nCopy code\n", "\npython\n", "Copy", "Edit",
    "\nRegenerate response", "```", "def f(x):\n", "print(1)", "$", "$ ", " $", "x ^ 2", "x^2", "\\ frac", "\\frac",
    "{1}", " {2}", "\\Bruch", "\\texto{", "\\begin{é}", "\\end{", "}", "Haus ", "кот ", "家", ". ", ": ", "<p>",
    "</p>", "Text eins",
]  # fmt: skip

ANSWERS = ("wrong-answer", "unsorted-list", "inverted-marks", "group-separator")
ANSWERED = [
    "Calculate ", "the sum of ", "Find the median: ", "Convert to binary ", "Divide ", "by ",
    "Sort the words alphabetically", "Sort in ascending order ", "What day of the week was May 4, 2021?", "Montag",
    "lunes", "17", "25", "1,250", "12,500", "1.5", "2,5", "-3", "0x1F", "XIV", "½", "٤", "１２", "cm²", "m2", "km", "%",
    " + ", " - ", " * ", "=", "/", "^2", "(", ")", "[", "]", ", ", ",", "; ", "、", "\n", "\n- ", "\n1. ", " ", " ",
    ". ", "**", "$", "Ball", "Auto", "ñandú", "ch", "ılık", "кот", "Qué es", "la casa ", "por qué ", "?", "!", "¿",
    "¡", '"', "`", "million ", "万", "Maniacs",
]  # fmt: skip

TASKS = ("english-bound-task", "stray-english-word", "length-limit", "foreign-currency", "english-name")
TASKED = [
    "Write a rhyming poem", "Correct the spelling of the sentence: ", "Explain the idiom ", "Write a haiku ",
    'Name fruits that begin with the letter "K" ', "Sort the words in alphabetical order ", "Give a synonym ",
    "in 50 words or less", " in two sentences", "a five-line poem", "höchstens 20 Wörter", "100文字以内", "en 20 mots",
    "John Smith", "Джон Смит", "$2.50", "3 Dollar",
    "5", "zwei ", "Haus", "Maus", "кот ", "دار ", "光の ", "빛 ", "แสง ", "φως ", "beacon ", "of light ", "pdf ",
    "iPhone ", "(", ")", "“", "”", '"', ":", ". ", "? ", "\n", "\n\n", " / ", "K", "Kiwi, ", "- ", "1. ", "。", " ",
]  # fmt: skip

GROUPS = {
    "letters": (LETTERS, LETTERED),
    "damage": (DAMAGE, DAMAGED),
    "numbers": (NUMBERS, NUMERIC),
    "punctuation": (PUNCTUATION, PUNCTUATED),
    "translation": (TRANSLATION, TRANSLATED),
    "comparison": (COMPARISON, COMPARED),
    "form": (FORM, FORMED),
    "answers": (ANSWERS, ANSWERED),
    "tasks": (TASKS, TASKED),
}

# The fixtures hold no state that an example could leave behind.
many = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def texts(pieces: list[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.lists(st.sampled_from(pieces), max_size=25).map("".join), st.text(max_size=60))


def assert_fits(findings: list[Finding], pair: InstructionPair) -> None:
    """Every finding lies in its field and says something, and its fix can be made and changes something."""
    for finding in findings:
        text = pair.text(finding.field) or ""
        assert 0 <= finding.start <= finding.end <= len(text), finding
        assert finding.evidence
        apply(pair, finding.fix)  # raises where an edit does not fit or overlaps another
        assert not finding.fix or any(edit.before != edit.after for edit in finding.fix)


def test_every_kind_is_in_a_group() -> None:
    assert {name for names, _ in GROUPS.values() for name in names} == set(kinds())


@pytest.mark.parametrize("group", GROUPS)
@many
@given(data=st.data(), language=st.sampled_from((*LANGUAGES, "und")), typography=st.booleans())
def test_repairs_settle_and_stay_inside_the_text(
    group: str, data: st.DataObject, language: str, typography: bool, examine: Examine
) -> None:
    names, pieces = GROUPS[group]
    instruction, input, response, original = (data.draw(texts(pieces)) for _ in range(4))
    pair = InstructionPair(instruction=instruction, input=input, response=response)
    source = data.draw(st.sampled_from([None, pair, InstructionPair(instruction=instruction, response=original)]))
    findings, repaired = examine(pair, language, source=source, typography=typography, kinds=names)
    assert_fits(findings, pair)
    again, same = examine(repaired, language, source=source, typography=typography, kinds=names)
    assert same == repaired
    assert not [finding for finding in again if finding.fix]


def essence(text: str | None) -> str:
    """What no repair of a mark may change."""
    return "".join(character for character in text or "" if character.isalnum())


@many
@given(text=texts(PUNCTUATED), language=st.sampled_from(LANGUAGES), typography=st.booleans())
def test_repairs_of_marks_keep_every_letter_and_what_is_protected(
    text: str, language: str, typography: bool, examine: Examine
) -> None:
    findings, repaired = examine(InstructionPair(response=text), language, typography=typography, kinds=PUNCTUATION)
    assert essence(repaired.response) == essence(text)
    protected = find_protected_spans(text)
    for finding in findings:
        assert finding.fix
        assert not any(protected.overlaps(edit.start, edit.end) for edit in finding.fix)


@many
@given(text=texts(TRANSLATED), language=st.sampled_from(LANGUAGES))
def test_without_a_source_only_letters_that_look_alike_are_translated_back(
    text: str, language: str, examine: Examine
) -> None:
    findings, repaired = examine(InstructionPair(response=text), language, kinds=TRANSLATION)
    assert len(repaired.response or "") == len(text)
    assert all(finding.kind == "mixed-script-word" for finding in findings if finding.fix)


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_convention_changes_nothing_by_default(code: str, examine: Examine) -> None:
    """Straight marks, plain blanks and half-width colons are what most of the world types."""
    text = 'a "b" c ? d : 12\n名前: 太郎 (学生)\n« mot »'
    findings, _ = examine(InstructionPair(instruction="", response=text), code)
    assert not [finding for finding in findings if finding.kind in PUNCTUATION]


#: Pieces that a detector could look at again and again, by the group that looks for them.
MONOTONOUS = {
    "numbers": (
        "1", " ", "(", "=", "1=", "17 + 25 = 43 ", "1.", "1,", "1.1,", "111 ", "%", "1%", "1-", "- ", "[", "½", "1/",
        "2^", "\n",
    ),
    "answers": (
        "1", " ", "(", "12,500 ", "1,", "12,500", "1/", "?", "la? ", "¿", "Qué es? ", "a, ", "b\n", "-", "$1,000 ",
    ),
    "translation": (
        "a", " ", "(", "1", "愉 ", "(愉)", "愉a", "дo", "“愉”", "the and of ", "The cat is in the house. ", "`if`",
        "if(", "{a}", "{a", "%s", "a @ b. ", "http://a.b/c ", "https：", "para x en f(1)\n", "wenn (x) {\n", "/*", "“",
        "x=“",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("group", "piece"), [(group, piece) for group in MONOTONOUS for piece in MONOTONOUS[group]])
@pytest.mark.parametrize("language", ["de", "ja"])
def test_a_huge_text_of_one_piece_comes_to_an_end(group: str, piece: str, language: str, examine: Examine) -> None:
    text = piece * (50_000 // len(piece))
    pair = InstructionPair(instruction=text[:900], input=text, response=text)
    source = InstructionPair(
        instruction="Do it.", response="17 + 25 = 42. See http://a.b/d, {b} and `for`.\nif (x) { y(); }"
    )
    findings, _ = examine(pair, language, source=source, kinds=GROUPS[group][0])
    assert_fits(findings, pair)
