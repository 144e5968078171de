"""Words of the translator."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, passages

from midb.detectors.translation.translator.notes import TRANSLATOR_NOTE, TranslatorNotes
from midb.domain.pairs import Field, InstructionPair
from midb.locales import LANGUAGES, load

KIND = [TRANSLATOR_NOTE.name]
TEXT = "Der Fluss kommt aus den Bergen und fließt durch die Stadt."
SOURCE = InstructionPair(instruction="Write a sentence.", input="", response="The river comes from the mountains.")


def make(response: str, instruction: str = "Schreibe einen Satz.") -> InstructionPair:
    return InstructionPair(instruction=instruction, input="", response=response)


@pytest.mark.parametrize("field", [Field.INSTRUCTION, Field.RESPONSE])
@pytest.mark.parametrize(
    "head",
    [
        "Hier ist die Übersetzung:\n\n", "Übersetzung: ", "**Übersetzung:**\n",
        "Natürlich! Hier ist die deutsche Übersetzung:\n",
        "Translation: ", "German translation:\n", "Sure! Here is the translation in German:\n\n",
        "Here's the translated text:\n", "Hier ist die Übersetzung.\n",
    ],
)  # fmt: skip
def test_an_announcement_goes_where_the_source_has_none(head: str, field: Field, examine: Examine) -> None:
    whole = make(TEXT, TEXT)
    pair = whole.replaced({field: head + TEXT})
    findings, repaired = examine(pair, "de", source=SOURCE, kinds=KIND)
    assert evidence(findings) == [f'announces a translation: "{head.strip()}"']
    assert repaired == whole
    assert examine(pair.replaced({Field.INSTRUCTION: "Schreibe."}), "de", kinds=KIND)[1].response == pair.response


@pytest.mark.parametrize(
    ("response", "source"),
    [
        ("Übersetzung:", "The river."),  # nothing follows
        ("Hier ist die Übersetzung:\n" + TEXT, "Here it is:\nThe river comes."),  # the source announces too
        ("Die Übersetzung des Werks dauerte lange.\nSie war gut.", "The work took long.\nIt was good."),
        ("Hier ist die Übersicht:\n" + TEXT, "The river."),
    ],
)
def test_what_announces_no_translation(response: str, source: str, examine: Examine) -> None:
    original = SOURCE.model_copy(update={"response": source})
    assert examine(make(response), "de", source=original, kinds=KIND)[0] == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Translation: Übersetzung: Der Fluss.", "Der Fluss."),  # announced twice
        ("**Translation: Der Fluss.**", None),  # its marks would be left alone
        ("Translation: , und dann kam er.", None),  # what is left is no beginning
    ],
)
def test_a_repair_leaves_a_whole_text(before: str, after: str | None, examine: Examine) -> None:
    findings, repaired = examine(make(before), "de", source=SOURCE, kinds=KIND)
    assert len(findings) == 1
    assert repaired.response == (after or before)


@pytest.mark.parametrize("word", ["translate it", "another language", "an interpreter", "the short version"])
def test_a_source_about_translation_keeps_all(word: str, examine: Examine) -> None:
    pair = make(f"Hier ist die Übersetzung:\n{TEXT} (Anmerkung des Übersetzers: so ist es.)")
    source = SOURCE.model_copy(update={"instruction": f"Write about {word}."})
    assert examine(pair, "de", source=source, kinds=KIND)[0] == []


@pytest.mark.parametrize(
    ("added", "found"),
    [
        (" (Note: this is an idiom in English.)", "(Note: this is an idiom in English.)"),
        (" [Translator's note: the pun is lost.]", "[Translator's note: the pun is lost.]"),
        (" (Anm. d. Ü.: ein Wortspiel)", "(Anm. d. Ü.: ein Wortspiel)"),
        (" (im Original anders, hier frei übersetzt)", "(im Original anders, hier frei übersetzt)"),
        ("\nNote: The names are kept as they are in English.", "Note: The names are kept as they are in English."),
        ("\n\nI hope this translation helps!", "I hope this translation helps!"),
        (" (Note: 2 von 10)", None),
        (" (Hinweis: nachts ist es dort kalt)", None),
        ("\nNote: eine gute Note in der Schule ist eine Eins.", None),
    ],
)
def test_notes_are_flagged_where_they_stand(added: str, found: str | None, examine: Examine) -> None:
    pair = make(TEXT + added)
    findings, repaired = examine(pair, "de", source=SOURCE, kinds=KIND)
    assert passages(pair, findings) == ([found] if found else [])
    assert repaired == pair


@pytest.mark.parametrize(
    ("code", "text", "found"),
    [
        ("fr", "Rembrandt : un peintre néerlandais.", []),
        ("fr", "Un chef-d'œuvre. N.D.T. : un jeu de mots.", ["N.D.T. : un jeu de mots."]),
        ("ja", "この本には訳注が多い。", []),
        ("ja", "川は海に注ぐ。【訳注：川は擬人化されている】以上。", ["【訳注：川は擬人化されている】"]),
        ("tr", "İİİ Nehir denize akar. Çevirmenin notu: kelime oyunu.\nSon.", ["Çevirmenin notu: kelime oyunu."]),
    ],
)
def test_names_of_notes_stand_in_brackets_or_before_a_colon(
    code: str, text: str, found: list[str], examine: Examine
) -> None:
    pair = make(text)
    assert passages(pair, examine(pair, code, source=SOURCE, kinds=KIND)[0]) == found


def test_without_a_source_only_notes_about_language_count(examine: Examine) -> None:
    about, other = f"{TEXT} (Note: that is an idiom in German.)", f"{TEXT} (Note: that is where the river ends.)"
    assert len(examine(make(about), "de", kinds=KIND)[0]) == 1
    assert examine(make(other), "de", kinds=KIND)[0] == []
    assert len(examine(make(other), "de", source=SOURCE, kinds=KIND)[0]) == 1


@pytest.mark.parametrize(
    ("response", "found"),
    [
        (f"Sure! Here is a sentence about a river:\n{TEXT}", ["Sure! Here is a sentence about a river:"]),
        ("Here is a sentence:\nThe river comes from the mountains and flows through the town.", []),  # all is English
        (f"Sure Start\n{TEXT}", []),
        (f"{TEXT}\nLet me know if you need more!", ["Let me know if you need more!"]),
        ("The river comes from the mountains, and that is it.\nLet me know if you need more!", []),
    ],
)
def test_english_lines_around_a_text_in_its_language(response: str, found: list[str], examine: Examine) -> None:
    pair = make(response)
    findings, repaired = examine(pair, "de", kinds=KIND)
    assert passages(pair, findings) == found
    assert repaired == pair


def test_every_language_has_words_for_it_and_none_that_fits_any_text() -> None:
    for code in LANGUAGES:
        section = load(code).get(TranslatorNotes)
        assert section is not None
        assert section.notes
        assert section.stems
        assert not section.preamble.match("1: 2\n")
