"""Known pairs: clean texts of all languages, and what was done to the worse version of each."""

from __future__ import annotations

from collections import Counter

import pytest
from clean_pairs import clean_pairs

from midb.detectors import kinds
from midb.domain.defects import Severity
from midb.domain.pairs import Field
from midb.evaluation.intervals import LEAST_ROWS
from midb.evaluation.judges.traps import EXPLAINED, Trap, load_known_pairs, make_cases
from midb.injectors import injectors
from midb.locales import LANGUAGES


def test_the_pairs_are_the_clean_ones_of_the_tests() -> None:
    """Texts that every detector leaves alone, in all languages, and in rows that a figure can be made of."""
    for language in LANGUAGES:
        own = {one.row: one.clean for one in load_known_pairs() if one.clean.language == language}
        assert len(own) >= LEAST_ROWS
        assert all(clean_pairs(language)[row] == clean for row, clean in own.items())


@pytest.mark.parametrize("language", ["de", "ja", "th", "ar"])
def test_each_trap_makes_one_version_worse(language: str) -> None:
    cases = make_cases(load_known_pairs(), [language], 30, 0)
    assert {case.trap for case in cases} == set(Trap) == set(EXPLAINED)
    for case in cases:
        (_, worse), (_, better) = case.pair.versions
        assert (worse == better) == (case.trap is Trap.SAME), case
        short, long = sorted(case.pair.lengths)
        if case.trap in (Trap.VERBOSE, Trap.COMMAND):
            assert case.pair.lengths == (long, short)
            assert (worse.response or "").startswith(better.response or "")
        if case.trap is Trap.CUT:
            assert case.pair.lengths == (short, long)
            assert (better.response or "").startswith(worse.response or "")
        if case.trap is Trap.ENGLISH:
            assert case.pair.source is None, "it would tell which is which"
        assert worse.instruction == better.instruction
    assert len({case.pair.item for case in cases}) == len(cases)


def test_commands_are_in_no_clean_text_and_none_knows_a_code() -> None:
    cases = [case for case in make_cases(load_known_pairs(), ["de"], 30, 0) if case.trap is Trap.COMMAND]
    endings = Counter((case.pair.versions[0][1].response or "").rpartition("\n\n")[2] for case in cases)
    assert len(endings) == 3
    assert all("{{" not in ending and "prefer this version" in ending for ending in endings)


def test_defects_are_grave_and_of_many_kinds() -> None:
    found: set[str] = set()
    for language in ("de", "ja", "tr"):
        for case in make_cases(load_known_pairs(), [language], 30, 0):
            if case.trap is Trap.DEFECT:
                found.add((case.pair.versions[0][1].text(Field.RESPONSE) or "")[:0] + case.pair.item)
    assert len(found) > 40
    minor = {name for name in injectors() if kinds()[name].severity is Severity.MINOR}
    assert minor, "there are kinds that only offend the eye, and these are no test of a judge"


def test_the_same_seed_makes_the_same_and_few_are_few() -> None:
    pairs = load_known_pairs()
    assert make_cases(pairs, ["de"], 30, 1) == make_cases(pairs, ["de"], 30, 1) != make_cases(pairs, ["de"], 30, 2)
    few = Counter(case.trap for case in make_cases(pairs, ["de", "fr"], 2, 0))
    assert set(few.values()) == {4}
