"""Text left in English or in another wrong language, and the English that a pair has a reason for."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, passages, respond

from midb.detectors.translation.language import UNTRANSLATED_TEXT, WRONG_LANGUAGE
from midb.domain.defects import Severity
from midb.domain.pairs import InstructionPair

KINDS = [UNTRANSLATED_TEXT.name, WRONG_LANGUAGE.name]

ENGLISH = "The train to the coast leaves in the morning, but it does not stop in all of the villages."
SPANISH = "El tren de la costa sale por la mañana, pero no para en todos los pueblos del camino."
GERMAN = "Der Zug an die Küste fährt am Morgen, aber er hält nicht in allen Dörfern am Weg."
FRENCH = "Le train de la côte part le matin, mais il ne s'arrête pas dans tous les villages du chemin."
CHINESE = "我们昨天去了北方的城市，那里的天气很冷，你们也应该去看看，他们的博物馆非常有意思。"


@pytest.mark.parametrize("code", ["de", "ja", "ar", "vi", "tr"])
def test_a_response_left_in_english_is_useless(code: str, examine: Examine) -> None:
    pair = respond(f" {ENGLISH}\n", "…")
    findings, repaired = examine(pair, code, kinds=KINDS)
    assert passages(pair, findings) == [ENGLISH]
    assert [(item.kind, item.severity) for item in findings] == [("untranslated-text", Severity.CRITICAL)]
    assert repaired == pair


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        ("de", SPANISH, "reads as Spanish, not as German"),
        ("vi", FRENCH, "reads as French, not as Vietnamese"),
        ("ja", CHINESE, "reads as Chinese, not as Japanese"),
        ("ru", SPANISH, "reads as Spanish, not as Russian"),
    ],
)
def test_another_language_than_the_corpus(code: str, text: str, reason: str, examine: Examine) -> None:
    findings, _ = examine(respond(text, "…"), code, kinds=KINDS)
    assert evidence(findings) == [reason]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", GERMAN),
        ("es", SPANISH),
        ("ms", "Kereta ke pantai berangkat pada pagi hari, tetapi tidak berhenti di semua desa karena cepat."),
        ("de", "The Lord of the Rings, The Return of the King, The Name of the Rose"),  # titles
        ("de", f"„{ENGLISH}“"),
        ("de", f"```\n{ENGLISH}\n```"),
        ("de", "The end."),  # too short to tell
        ("ja", "OK, iPhone, Windows"),
    ],
)
def test_what_is_in_its_language_or_in_none(code: str, text: str, examine: Examine) -> None:
    assert examine(respond(text, "…"), code, kinds=KINDS)[0] == []


@pytest.mark.parametrize(
    "instruction",
    ["Übersetze das ins Englische.", "Nenne einen englischen Satz.", f"Sag genau das: {ENGLISH}"],
)
def test_english_that_the_task_wants(instruction: str, examine: Examine) -> None:
    assert examine(respond(ENGLISH, instruction), "de", kinds=KINDS)[0] == []


def test_an_instruction_left_in_english(examine: Examine) -> None:
    pair = respond("Ja.", "Name three animals that live in the sea.")
    source = respond("Yes.", "Name three animals that live in the sea.")
    findings, _ = examine(pair, "de", source=source, kinds=KINDS)
    assert [(item.field, item.severity) for item in findings] == [("instruction", Severity.MAJOR)]
    assert evidence(findings)[0].endswith(", a copy of the source")


def test_an_instruction_may_quote_english_behind_its_colon(examine: Examine) -> None:
    quoting = InstructionPair(instruction="Erkläre: The end of the road is here.", response="Ja.")
    asking = InstructionPair(instruction="Explain this to me: The end of the road is here.", response="Ja.")
    assert examine(quoting, "de", kinds=KINDS)[0] == []
    assert len(examine(asking, "de", kinds=KINDS)[0]) == 1


def test_an_english_sentence_inside_a_text_in_its_language(examine: Examine) -> None:
    pair = respond(f"{GERMAN} {ENGLISH} {GERMAN}", "…")
    findings, _ = examine(pair, "de", kinds=KINDS)
    assert [text.strip() for text in passages(pair, findings)] == [ENGLISH]
    assert evidence(findings)[0] == "English text (the, to, but, it)"


def test_words_that_another_field_holds_are_quoted(examine: Examine) -> None:
    pair = InstructionPair(instruction="Was heißt das?", input=ENGLISH, response=f"{GERMAN} {ENGLISH}")
    assert "response" not in [item.field for item in examine(pair, "de", kinds=KINDS)[0]]
