"""Kinds of defects: what a kind fills in, and where it abstains."""

from __future__ import annotations

from dataclasses import replace

import pytest

from midb.domain.defects import DefectFamily, DefectKind, FindingStatus, Severity
from midb.domain.edits import Edit
from midb.domain.pairs import Field
from midb.locales import UNKNOWN, LocaleSection, load

KIND = DefectKind(
    name="made-up", family=DefectFamily.LOCALIZATION, severity=Severity.MINOR, summary="for this test"
)  # fmt: skip


def test_a_finding_is_of_its_kind_and_as_grave_unless_it_says_so() -> None:
    fix = (KIND.edit(Field.RESPONSE, 2, "ab", "c"),)
    found = KIND.finding(Field.RESPONSE, 2, 4, "seen", fix=fix)
    assert (found.kind, found.family, found.severity) == ("made-up", DefectFamily.LOCALIZATION, Severity.MINOR)
    assert (found.field, found.start, found.end, found.evidence, found.fix) == (Field.RESPONSE, 2, 4, "seen", fix)
    assert found.detector == ""
    assert KIND.finding(Field.INPUT, 0, 1, "worse", severity=Severity.CRITICAL).severity is Severity.CRITICAL


def test_an_edit_ends_where_what_it_replaces_ends() -> None:
    assert KIND.edit(Field.RESPONSE, 2, "ab", "c") == Edit(Field.RESPONSE, 2, 4, "ab", "c", "made-up")
    assert KIND.edit(Field.RESPONSE, 2, "", "c").end == 2


def test_severities_are_ranked() -> None:
    assert [severity.rank for severity in (Severity.MINOR, Severity.MAJOR, Severity.CRITICAL)] == [0, 1, 2]
    assert max(Severity, key=lambda severity: severity.rank) is Severity.CRITICAL


def test_what_a_language_abstains_from_is_said_with_its_reason() -> None:
    assert KIND.abstention(load("de")) is None
    silent = replace(UNKNOWN, abstain={"made-up": "nobody knows"})
    assert KIND.abstention(silent) == "nobody knows"


class Colours(LocaleSection, table="colours"):
    """A table that a kind may need."""

    red: str


@pytest.mark.parametrize(("tables", "reason"), [({"colours": {"red": "rot"}}, None), ({}, "no [colours] table for x")])
def test_a_kind_abstains_where_a_table_it_needs_is_missing(tables: dict[str, object], reason: str | None) -> None:
    locale = replace(UNKNOWN, name="x", tables=tables, _sections={})
    assert replace(KIND, needs=(Colours,)).abstention(locale) == reason


def test_the_words_of_a_log_are_fixed() -> None:
    assert [status.value for status in FindingStatus] == ["repaired", "open", "dismissed"]
    assert [family.value for family in DefectFamily] == ["content", "translation", "localization"]
    assert [severity.value for severity in Severity] == ["minor", "major", "critical"]
