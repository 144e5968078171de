"""Do no harm: every way of doing harm is seen, what a repair is allowed to do is not, and ordinary repairs do none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midb.checks.verification import check_rewrite, find_new_findings
from midb.detectors import kinds
from midb.domain.decisions import Reason, Violation
from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.domain.edits import Edit, NetEdit, apply, compose
from midb.domain.pairs import Field, InstructionPair
from midb.locales import load
from midb.text.inspection import Inspection
from midb.text.languages import LanguageIdentifier

RESPONSE = Field.RESPONSE


def kind(name: str, *may_change: Invariant) -> DefectKind:
    return DefectKind(
        name=name,
        family=DefectFamily.CONTENT,
        severity=Severity.MAJOR,
        summary="",
        repairs=True,
        may_change=frozenset(may_change),
    )


#: A kind for each invariant that its repairs may change, one that may change nothing, and one that may change all.
KINDS = {k.name: k for k in (kind("plain"), kind("all", *Invariant), *(kind(i.value, i) for i in Invariant))}

Change = tuple[str, str, str]  # before, after, kind
Check = Callable[..., list[Violation]]


def edits_of(text: str, changes: Sequence[Change]) -> list[Edit]:
    """Edits that change each of these parts of the text where it stands first; ``|`` marks a point between parts."""
    edits = []
    for before, after, name in changes:
        start = text.index(before.replace("|", ""))
        if "|" in before:
            start, before = start + before.index("|"), ""
        edits.append(Edit(RESPONSE, start, start + len(before), before, after, name))
    return edits


@pytest.fixture(scope="session")
def check(identifier: LanguageIdentifier) -> Check:
    """The violations of changes (stage by stage, or of one stage) to the response of a pair."""

    def run(
        language: str,
        text: str,
        *stages: Sequence[Change],
        findings: tuple[Sequence[Finding], Sequence[Finding]] = ((), ()),
        table: dict[str, DefectKind] = KINDS,
    ) -> list[Violation]:
        before = after = InstructionPair(instruction="?", response=text)
        done = []
        for changes in stages:
            done.append(edits_of(after.response or "", changes))
            after = apply(after, done[-1])
        old, new = (Inspection(pair, load(language), identifier) for pair in (before, after))
        return check_rewrite(old, new, done, findings, table)

    return run


GERMAN = "Der Hund ist ein Tier, das mit den Menschen lebt und ihnen auch bei der Arbeit hilft."
ENGLISH = "The dog is an animal that lives with people and also helps them with their work."
JAPANESE = (
    "犬は人間と一緒に暮らし、仕事を手伝うこともある動物です。飼い主の言うことをよく聞き、とても賢いといわれています。"
)
THAI = "สุนัขเป็นสัตว์ที่อาศัยอยู่กับมนุษย์และยังช่วยมนุษย์ทำงานได้อีกด้วย"
ARABIC = "الكلب حيوان يعيش مع الإنسان ويساعده أيضا في عمله في كثير من الأحيان"

#: Language, text, change, and the reason for which it is harm.
HARM = [
    ("de", "Es sind 43 Äpfel.", ("43", "42"), Reason.NUMBER_CHANGED),
    ("de", "Es sind 43 Äpfel.", ("43 ", ""), Reason.NUMBER_CHANGED),
    ("de", "Es sind 43 Äpfel.", ("43|", " 43"), Reason.NUMBER_CHANGED),
    ("de", "Es sind 1.5 Liter.", (".", " "), Reason.NUMBER_CHANGED),
    ("de", "Es sind 1 5 Liter.", (" 5", "5"), Reason.NUMBER_CHANGED),
    ("ja", "全部で43個あります。", ("43", "42"), Reason.NUMBER_CHANGED),
    ("ja", "全部で４３個あります。", ("３", "２"), Reason.NUMBER_CHANGED),
    ("th", "มี๔๓ลูก", ("๓", "๒"), Reason.NUMBER_CHANGED),
    ("ar", "هناك ٤٣ تفاحة.", ("٣", "٢"), Reason.NUMBER_CHANGED),
    ("de", "Siehe https://a.example/b, bitte.", ("/b", "/c"), Reason.PROTECTED_SPAN_CHANGED),
    ("de", "Schreibe `print(x)` hin.", ("print", "drucke"), Reason.PROTECTED_SPAN_CHANGED),
    ("de", "Hallo {name}, wie geht es?", ("name", "Name"), Reason.PROTECTED_SPAN_CHANGED),
    ("ja", "詳しくは`print(x)`をご覧ください。", ("print", "印刷"), Reason.PROTECTED_SPAN_CHANGED),
    ("ja", "詳しくはhttps://a.example/bをご覧ください。", ("/b", "/c"), Reason.PROTECTED_SPAN_CHANGED),
    ("th", "ดูที่`print(x)`ก่อน", ("(x)", "(y)"), Reason.PROTECTED_SPAN_CHANGED),
    ("ar", "اكتب `print(x)` هنا.", ("`print(x)`", "هذا"), Reason.PROTECTED_SPAN_CHANGED),
    ("de", "Hallo.", ("Hallo.", ""), Reason.FIELD_EMPTIED),
    ("ja", "犬。", ("犬。", " \n"), Reason.FIELD_EMPTIED),
    ("de", GERMAN, (GERMAN[20:], "."), Reason.LENGTH_CHANGED),
    ("de", GERMAN, ("Hund|", " und noch ein Hund" * 4), Reason.LENGTH_CHANGED),
    ("ja", JAPANESE, (JAPANESE[5:], "。"), Reason.LENGTH_CHANGED),
    ("th", THAI, (THAI[5:], ""), Reason.LENGTH_CHANGED),
    ("de", GERMAN, (GERMAN, ENGLISH), Reason.LANGUAGE_CHANGED),
    ("ar", ARABIC, (ARABIC, GERMAN[:70]), Reason.LANGUAGE_CHANGED),
    ("th", THAI, (THAI, ENGLISH[:60]), Reason.LANGUAGE_CHANGED),
    ("ja", JAPANESE, (JAPANESE, ENGLISH[:60]), Reason.LANGUAGE_CHANGED),
]  # fmt: skip

#: The invariant that a reason is about.
ALLOWED_BY = {
    Reason.NUMBER_CHANGED: Invariant.NUMBERS,
    Reason.PROTECTED_SPAN_CHANGED: Invariant.PROTECTED,
    Reason.FIELD_EMPTIED: Invariant.CONTENT,
    Reason.LENGTH_CHANGED: Invariant.LENGTH,
    Reason.LANGUAGE_CHANGED: Invariant.LANGUAGE,
}
harm = pytest.mark.parametrize(("language", "text", "change", "reason"), HARM)


@harm
def test_harm_is_seen(check: Check, language: str, text: str, change: tuple[str, str], reason: Reason) -> None:
    violations = check(language, text, [(*change, "plain")])
    assert [violation.reason for violation in violations] == [reason]
    assert violations[0].field is RESPONSE
    assert violations[0].detail.startswith("response")
    assert len(violations[0].detail) < 300


@harm
def test_what_a_kind_may_change_is_its_own_business(
    check: Check, language: str, text: str, change: tuple[str, str], reason: Reason
) -> None:
    assert check(language, text, [(*change, ALLOWED_BY[reason].value)]) == []


@harm
def test_an_allowance_covers_its_own_invariant_only(
    check: Check, language: str, text: str, change: tuple[str, str], reason: Reason
) -> None:
    others = [invariant for invariant in Invariant if invariant is not ALLOWED_BY[reason]]
    table = {"others": kind("others", *others)}
    assert [v.reason for v in check(language, text, [(*change, "others")], table=table)] == [reason]
    assert [v.reason for v in check(language, text, [(*change, "unknown")], table={})] == [reason]


@pytest.mark.parametrize(
    ("language", "text", "change", "reason"),
    [case for case in HARM if case[3] in (Reason.NUMBER_CHANGED, Reason.PROTECTED_SPAN_CHANGED)],
)
def test_harm_is_seen_beside_an_edit_that_is_allowed_it(
    check: Check, language: str, text: str, change: tuple[str, str], reason: Reason
) -> None:
    """Also where no blank stands between the two: what is allowed to one edit is not allowed to the whole text."""
    allowed = ALLOWED_BY[reason].value
    longer = f"7{text}x`y`x"
    changes = [("7", "8", allowed), ("`y`", "`z`", allowed), (*change, "plain")]
    assert reason in [v.reason for v in check(language, longer, changes)]
    assert reason in [v.reason for v in check(language, longer, changes[:2], [(*change, "plain")])]


def test_several_kinds_of_harm_are_all_named(check: Check) -> None:
    text = f"{GERMAN} `x` 7"
    found = check("de", text, [(text, "Nichts.", "plain")])
    assert {v.reason for v in found} == {Reason.NUMBER_CHANGED, Reason.PROTECTED_SPAN_CHANGED, Reason.LENGTH_CHANGED}


def test_a_field_that_is_gone(identifier: LanguageIdentifier) -> None:
    before, after = InstructionPair(instruction="a", response="b"), InstructionPair(instruction="a")
    old, new = (Inspection(pair, load("de"), identifier) for pair in (before, after))
    found = check_rewrite(old, new, [], ((), ()), KINDS)
    assert [(v.reason, v.field) for v in found] == [(Reason.FIELD_EMPTIED, RESPONSE)]


#: Language, text, and changes of a kind that may change nothing: the daily bread of repairs, in all kinds of scripts.
ORDINARY = [
    ("de", 'Er sagt "ja" zu 5 Hunden.', [('"', "„"), ('" zu', "“ zu")]),
    ("de", "Es sind 2 , 3 oder 4 Hunde .", [(" ,", ","), (" .", ".")]),
    ("de", 'Das "5"-Fache von `a "b"`, siehe https://a.example/x?y="1".', [('"5', "„5"), ('"-', "“-")]),
    ("fr", "Il y a 5 chiens: 2 noirs, 3 blancs; voilà!", [(":", "\u00a0:"), (";", "\u202f;"), ("!", "\u202f!")]),
    ("fr", 'Voir "https://a.example/b" ou "c".', [('"h', "«\u00a0h"), ('" o', "\u00a0» o")]),
    ("es", "Cuántos perros hay? Hay 5!", [("|Cuántos", "¿"), ("|Hay 5", "¡")]),
    ("ja", "犬は5匹,猫は3匹です.", [(",", "、"), (".", "。")]),
    ("ja", '彼は"はい"と言い、`a,b`と書いた!', [('"は', "「は"), ('"と', "」と"), ("!", "！")]),
    ("ja", "詳しくはhttps://a.example/b,または`x`を見る.", [(",", "、"), ("る.", "る。")]),
    ("ko", "개가 5마리 , 고양이가 3마리 .", [(" ,", ","), (" .", ".")]),
    ("th", "มีสุนัข 5 ตัว , แมว 3 ตัว", [(" ,", ",")]),
    ("th", "เด็กๆ  ดู`x`และ{name}", [("  ", " ")]),
    ("ar", "هناك 5 كلاب, و 3 قطط; هل تعلم?", [(",", "،"), (";", "؛"), ("?", "؟")]),
    ("ar", 'قال "نعم" عن ٥ كلاب.', [('"ن', "«ن"), ('" ع', "» ع")]),
    ("ar", "هناك ٤٣ كلبا.", [("٤٣", "43")]),
    ("ja", "全部で４３個です。", [("４３", "43")]),
    ("el", "Πόσα είναι; 5!", [(";", "\u037e")]),
    ("tr", "Oran 12% olur.", [("12%", "%12")]),
    ("cs", "Je to 12% z 1 000.", [("12%", "12 %")]),
    ("ru", "Это cтол.", [("c", "с")]),
    ("de", "Mu\u0308ller hat 5 Hunde.", [("u\u0308", "ü")]),
    ("de", "Mit freundlichem Gruß\n\n\n\n\n5 Hunde", [("\n\n\n\n\n", "\n\n")]),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "changes"), ORDINARY)
def test_ordinary_repairs_do_no_harm(check: Check, language: str, text: str, changes: list[tuple[str, str]]) -> None:
    assert check(language, text, [(*change, "plain") for change in changes]) == []
    assert check(language, text, *([(*change, "plain")] for change in changes)) == []


@pytest.mark.parametrize(
    ("language", "text", "name", "change"),
    [
        ("de", "Es sind 2.5 Liter und 3 Hunde.", "decimal-separator", (".5", ",5")),
        ("de", "17 + 25 = 43, und 7.", "false-equation", ("43", "42")),
        ("ja", "17+25=43です。7もあります。", "false-equation", ("43", "42")),
        ("ar", "١٧ + ٢٥ = ٤٣ فقط", "false-equation", ("٤٣", "٤٢")),
        ("de", "1. a\n2. b\n2. c\n4. d", "broken-numbering", ("2. c", "3. c")),
        ("de", "<noinput>", "leaked-markup", ("<noinput>", "")),
        ("de", "### Response:\nJa, 5 Hunde.", "leaked-markup", ("### Response:\n", "")),
        ("de", "```python\nprint(1)", "unclosed-markup", ("(1)|", "\n```")),
        ("ja", "例：\n```python\nprint(1)", "unclosed-markup", ("(1)|", "\n```")),
        ("de", "Siehe https://a.exa\u200bmple/b.", "invisible-character", ("\u200b", "")),
        ("th", "ดูที่\u200bhttps://a.example/b", "invisible-character", ("\u200b", "")),
        ("de", "\u200b\u200b", "invisible-character", ("\u200b\u200b", "")),
        ("de", "```\nwenn (20 > 18)\n```", "translated-code", ("wenn", "if")),
        ("de", "Ha" + "ha" * 60 + ".", "repetition-loop", ("ha" * 57, "")),
        ("ja", "すごい" + "！" * 90, "repetition-loop", ("！" * 89, "")),
    ],
)  # fmt: skip
def test_real_kinds_are_allowed_what_their_repairs_do(
    check: Check, language: str, text: str, name: str, change: tuple[str, str]
) -> None:
    assert check(language, text, [(*change, name)], table=kinds()) == []


def test_short_or_mixed_texts_have_no_language_to_leave(check: Check) -> None:
    assert check("de", "Der Hund.", [("Der Hund", "The dog", "plain")]) == []
    malay = "Anjing ialah haiwan yang tinggal bersama manusia kerana boleh bekerja."
    changes = [("ialah haiwan", "adalah hewan", "plain"), ("kerana boleh", "karena bisa", "plain")]
    assert check("ms", malay, changes) == [], "Indonesian cannot be told from it"
    assert check("de", ENGLISH, [("dog", "Hund", "plain")]) == [], "it was not German before either"
    assert check("und", GERMAN, [(GERMAN, ENGLISH, "plain")]) == [], "nobody knows what it should be"


SCRIPTS = st.sampled_from(["ab ", "ä,", "犬は", "、", "สุนัข", "كلب ", "개", ". ", "\n", "x"])
ROWS = st.lists(st.tuples(SCRIPTS, st.integers(10, 99), st.sampled_from(["plain", "numbers", "kept"])), max_size=8)


@given(rows=ROWS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_of_many_changed_numbers_exactly_the_allowed_ones_pass(
    rows: list[tuple[str, int, str]], identifier: LanguageIdentifier
) -> None:
    """Each number of a text in any scripts is kept, or changed by a kind that may or may not do that."""
    text = ""
    edits = []
    for filler, number, what in rows:
        text += filler
        if what != "kept":
            edits.append(Edit(RESPONSE, len(text), len(text) + 2, str(number), "x1000x", what))
        text += str(number)
        if what != "kept":  # numbers side by side would be one number
            text += "|"
    before = InstructionPair(response=text)
    inspections = [Inspection(pair, load("ja"), identifier) for pair in (before, apply(before, edits))]
    found = check_rewrite(inspections[0], inspections[1], [edits], ((), ()), KINDS)
    harmed = any(edit.kind == "plain" for edit in edits)
    assert (Reason.NUMBER_CHANGED in {violation.reason for violation in found}) == harmed


@given(st.text(st.sampled_from("ab 1.,`{}犬。สك/:"), max_size=30), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_may_change_everything_does_no_harm(
    identifier: LanguageIdentifier, text: str, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6, unique=True)))
    edits = [
        Edit(RESPONSE, a, b, text[a:b], data.draw(st.text("1`.犬 x", max_size=5)), "all")
        for a, b in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    before = InstructionPair(response=text)
    inspections = [Inspection(pair, load("de"), identifier) for pair in (before, apply(before, edits))]
    assert check_rewrite(inspections[0], inspections[1], [edits], ((), ()), KINDS) == []


# -- new findings ------------------------------------------------------------------------------------------------------

TEXT = "Erstens das, zweitens jenes, drittens alles."


def finding(
    text: str, part: str, name: str = "kind", severity: Severity = Severity.MAJOR, field: Field = RESPONSE
) -> Finding:
    start = text.index(part)
    return Finding(name, DefectFamily.CONTENT, severity, field, start, start + len(part), "evidence")


def after(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        text = text.replace(old, new, 1)
    return text


@pytest.mark.parametrize(
    ("changes", "old", "new", "reported"),
    [
        # New where nothing was found before; of another kind; grown from a minor one elsewhere.
        ([("das", "dies")], [], [("zweitens", "kind", "major")], ["zweitens"]),
        ([("das", "dies")], [("zweitens", "other", "major")], [("zweitens", "kind", "major")], ["zweitens"]),
        ([("das", "dies")], [("alles", "kind", "major")], [("zweitens", "kind", "critical")], ["zweitens"]),
        ([("das", "dies")], [], [("dies", "kind", "major")], ["dies"]),
        # Of no weight.
        ([("das", "dies")], [], [("zweitens", "kind", "minor")], []),
        # The same as before: unmoved, moved, around what was repaired, in what was repaired; or gone.
        ([("alles", "nichts")], [("zweitens", "kind", "major")], [("zweitens", "kind", "major")], []),
        ([("das", "dies hier")], [("zweitens", "kind", "major")], [("zweitens", "kind", "major")], []),
        ([("das, ", "")], [("zweitens", "kind", "major")], [("zweitens", "kind", "major")], []),
        ([("zweitens ", "2. ")], [("das, zweitens jenes", "kind", "major")], [("das, 2. jenes", "kind", "major")], []),
        ([("zweitens jenes", "2. jenes")], [("zweitens", "kind", "major")], [("2.", "kind", "major")], []),
        ([("das", "dies"), ("jenes", "jene")], [("jenes", "kind", "major")], [("jene", "kind", "major")], []),
        ([("zweitens", "2.")], [("zweitens", "kind", "major")], [], []),
    ],
)  # fmt: skip
def test_new_findings(
    check: Check,
    changes: list[tuple[str, str]],
    old: list[tuple[str, str, str]],
    new: list[tuple[str, str, str]],
    reported: list[str],
) -> None:
    result = after(TEXT, *changes)
    findings = (
        [finding(TEXT, part, name, Severity(severity)) for part, name, severity in old],
        [finding(result, part, name, Severity(severity)) for part, name, severity in new],
    )
    found = check("de", TEXT, [(*change, "all") for change in changes], findings=findings)
    assert [v.reason for v in found] == [Reason.NEW_FINDING] * len(reported)
    assert [v.detail for v in found] == [f"response: new {new[0][1]}: {part}" for part in reported]


def test_a_repair_in_one_field_can_break_another(check: Check) -> None:
    broken = finding("?", "?", field=Field.INSTRUCTION)
    found = check("de", TEXT, [("das", "dies", "all")], findings=([], [broken]))
    assert [(v.reason, v.field) for v in found] == [(Reason.NEW_FINDING, Field.INSTRUCTION)]
    assert check("de", TEXT, [("das", "dies", "all")], findings=([broken], [broken])) == []


def test_new_findings_are_reported_shortly(check: Check) -> None:
    result = after(TEXT, ("das", "x" * 500))
    found = check("de", TEXT, [("das", "x" * 500, "all")], findings=([], [finding(result, "x" * 500)] * 9))
    assert len(found) == 3
    assert all(len(violation.detail) < 100 for violation in found)


def trace_back(net: Sequence[NetEdit], position: int, *, first: bool) -> int:
    """Where a place of the text after stood before, told by looking at one edit after the other."""
    shift = 0
    for edit in net:
        if position < edit.after_start or (position == edit.after_start and first and edit.after_end > position):
            break
        if position < edit.after_end:
            return edit.start if first else edit.end
        shift = edit.end - edit.after_end
    return position + shift


@given(data=st.data())
def test_a_finding_is_new_where_none_of_its_kind_stood_there_before(data: st.DataObject) -> None:
    text = "abcdefghij"
    cuts = sorted(data.draw(st.lists(st.integers(0, 10), max_size=8)))
    inserted = st.text("xy", max_size=2)
    edits = [
        Edit(RESPONSE, start, end, text[start:end], data.draw(inserted), "all")
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    edits = [edit for index, edit in enumerate(edits) if not any(edit.overlaps(other) for other in edits[:index])]
    before = InstructionPair(response=text)
    rewritten = apply(before, edits)
    length = len(rewritten.response or "")

    def draw_finding(size: int) -> Finding:
        start, end = sorted((data.draw(st.integers(0, size)), data.draw(st.integers(0, size))))
        return Finding("kind", DefectFamily.CONTENT, Severity.MAJOR, RESPONSE, start, end, "")

    old, new = [draw_finding(10)], [draw_finding(length)]
    net = compose(text, RESPONSE, [edits])
    start, end = trace_back(net, new[0].start, first=True), trace_back(net, new[0].end, first=False)
    expected = not (old[0].start <= end and start <= old[0].end)
    assert bool(find_new_findings(before, rewritten, [edits], (old, new))) == expected


def test_code_is_in_no_language(check: Check) -> None:
    """Once its keywords are restored, a text that is all code has no words that could be in a language."""
    translated = 'Druck("das ist nicht die Mutter und der Vater, sondern das Kind")'
    assert check("de", translated, [("Druck", "print", "protected")]) == []
    english = [(translated, ENGLISH, "protected")]
    assert [violation.reason for violation in check("de", translated, english)] == [Reason.LANGUAGE_CHANGED]
