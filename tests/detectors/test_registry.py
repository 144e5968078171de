"""The detectors as a whole: found by their place, selected by name, one defect reported once, in reading order."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from clean_pairs import clean_pairs
from examining import inspection, respond

from midb.detectors import (
    KindSelection,
    TooManyFindingsError,
    detectors,
    drop_symptoms,
    inspect,
    kinds,
    select_only,
)
from midb.domain.defects import DefectFamily, DefectKind, Finding
from midb.domain.edits import apply
from midb.domain.errors import UsageError
from midb.domain.pairs import Field, InstructionPair
from midb.locales import LANGUAGES, load
from midb.text.inspection import Inspection
from midb.text.languages import LanguageIdentifier


def test_every_module_in_the_folder_of_a_family_is_a_detector_of_it() -> None:
    names = {detector.__name__ for detector in detectors()}
    for family in DefectFamily:
        package = importlib.import_module(f"midb.detectors.{family}")
        for module in pkgutil.iter_modules(package.__path__):
            assert f"{package.__name__}.{module.name}" in names
    for detector in detectors():
        assert detector.KINDS
        assert all(kind.family.value in detector.__name__.split(".") for kind in detector.KINDS)


def test_a_kind_belongs_to_one_detector_and_families_stand_in_the_order_of_the_passes() -> None:
    found = [kind.name for detector in detectors() for kind in detector.KINDS]
    assert sorted(found) == sorted(kinds())
    families = [kind.family for kind in kinds().values()]
    assert families == sorted(families, key=list(DefectFamily).index)


def test_what_a_kind_says_of_others_exists() -> None:
    for kind in kinds().values():
        assert kind.explains <= set(kinds())
        assert kind.name not in kind.explains
        assert kind.repairs or not kind.may_change


@pytest.mark.parametrize(
    ("options", "typography", "added", "removed"),
    [
        ((), False, set(), set()),
        ((), True, {"quotation-marks"}, set()),
        (("+quotation-marks",), False, {"quotation-marks"}, set()),
        (("-mojibake", "-percent-form"), False, set(), {"mojibake", "percent-form"}),
        (("-mojibake", "+mojibake"), False, set(), set()),
    ],
)
def test_kinds_are_added_and_removed(
    options: tuple[str, ...], typography: bool, added: set[str], removed: set[str]
) -> None:
    default = {name for name, kind in kinds().items() if not kind.convention}
    selection = KindSelection.parse(options, typography=typography)
    assert selection.names == (default | added) - removed
    assert selection.typography is typography


def test_a_kind_without_a_sign_could_mean_either_and_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        KindSelection.parse(["mojibake"])
    assert "neither added nor left out" in caught.value.message
    assert "--only mojibake" in caught.value.hint


def test_only_these_kinds() -> None:
    assert select_only(["mojibake", "quotation-marks"]).names == {"mojibake", "quotation-marks"}
    for name in ("mojibak", "+mojibake"):
        with pytest.raises(UsageError):
            select_only([name])


def test_an_unknown_kind_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        KindSelection.parse(["+mojibak"])
    assert 'unknown kind "mojibak"' in caught.value.message
    assert "Did you mean mojibake?" in caught.value.hint


def finding(kind: DefectKind, start: int, end: int, field: Field = Field.RESPONSE) -> Finding:
    return kind.finding(field, start, end, "evidence")


def test_a_symptom_is_not_reported_beside_its_cause() -> None:
    cause, symptom = kinds()["mojibake"], kinds()["foreign-script"]
    assert "foreign-script" in cause.explains
    touching, apart = finding(symptom, 4, 6), finding(symptom, 5, 8)
    elsewhere = finding(symptom, 4, 6, Field.INPUT)
    assert drop_symptoms([finding(cause, 2, 5), touching, apart, elsewhere]) == [
        finding(cause, 2, 5),
        apart,
        elsewhere,
    ]
    assert drop_symptoms([touching, apart]) == [touching, apart], "without its cause it is a defect of its own"


def test_a_symptom_is_explained_by_the_places_that_a_fix_changes() -> None:
    cause, symptom = kinds()["mojibake"], kinds()["foreign-script"]
    wide = cause.finding(Field.RESPONSE, 0, 1, "evidence", fix=(cause.edit(Field.RESPONSE, 8, "Ã¼", "ü"),))
    assert drop_symptoms([wide, finding(symptom, 8, 9)]) == [wide]


def test_findings_come_in_reading_order_and_name_their_detector() -> None:
    pair = InstructionPair(instruction="Sag es\u200b.", response="17 + 25 = 43, das\u200b gilt")
    found = inspect(inspection("de", pair), KindSelection.parse())
    assert [(item.kind, item.detector) for item in found] == [
        ("invisible-character", "invisible_character"),
        ("false-equation", "equations"),
        ("invisible-character", "invisible_character"),
    ]
    assert [item.field for item in found] == [Field.INSTRUCTION, Field.RESPONSE, Field.RESPONSE]


def test_a_text_in_which_there_is_no_end_of_findings_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midb.detectors.MOST_FINDINGS", 3)
    three = respond("Nenne a , b , c , ")
    assert len(inspect(inspection("de", three), KindSelection.parse())) == 3
    with pytest.raises(TooManyFindingsError, match="it has more than 3 findings"):
        inspect(inspection("de", respond(f"{three.response}d , ")), KindSelection.parse())


def test_only_what_is_selected_is_found() -> None:
    pair = respond("17 + 25 = 43, das\u200b gilt")
    assert [item.kind for item in inspect(inspection("de", pair), KindSelection(frozenset({"false-equation"})))] == [
        "false-equation"
    ]
    assert inspect(inspection("de", pair), KindSelection(frozenset())) == []


def test_a_kind_that_needs_the_source_or_the_language_abstains_without() -> None:
    selection = KindSelection(frozenset({"decimal-separator", "untranslated-text"}))
    english = "The train to the coast leaves in the morning, with 2.5 minutes to wait."
    assert inspect(inspection("und", respond(english), respond(english)), selection) == []
    assert {item.kind for item in inspect(inspection("de", respond(english)), selection)} == {"untranslated-text"}


@pytest.mark.parametrize("code", LANGUAGES)
def test_an_abstention_has_a_reason_of_its_own(code: str) -> None:
    locale = load(code)
    for name in ("punctuation-form", "punctuation-spacing", "quotation-marks"):
        abstains = name in locale.abstain
        assert abstains == (kinds()[name].abstention(locale) is not None), "an abstention needs a reason of its own"
        assert abstains != (name in locale.tables), "a table that an abstention makes useless"


def test_a_text_that_only_damage_made_foreign_is_repaired(identifier: LanguageIdentifier) -> None:
    clean = clean_pairs("ar")["steps"]
    damaged = InstructionPair(response=clean.response.encode().decode("cp1256"))
    assert identifier.is_in_another(damaged.response or "", "ar")
    (found,) = inspect(Inspection(damaged, load("ar"), identifier), select_only(["mojibake"]))
    assert apply(damaged, found.fix).response == clean.response
