"""Injections: what they change, where the defect stands then, and what seeds are for."""

from __future__ import annotations

from random import Random

from clean_pairs import clean_pairs, pair

from midb.domain.edits import Edit
from midb.domain.pairs import Field
from midb.injectors import Injection, Injector, injectors
from midb.injectors.base import change, code_ranges, is_outside, rewrite


def test_places_are_those_of_the_defective_text() -> None:
    edits = (Edit(Field.RESPONSE, 4, 5, "b", "", "k"), Edit(Field.RESPONSE, 0, 1, "a", "xyz", "k"))
    injection = Injection("f", edits)
    spoiled = injection.applied(pair("de", "a + b.").pair).response or ""
    assert spoiled == "xyz + ."
    assert [spoiled[start:end] for start, end in injection.places()] == ["xyz", ""]
    assert [edit.before for edit in injection.sorted_edits()] == ["a", "b"]


def test_a_rewritten_text_is_told_by_what_differs() -> None:
    (edit,) = rewrite("k", "f", Field.RESPONSE, "12,5 Meter", "12.5 Meter").edits
    assert (edit.start, edit.before, edit.after) == (2, ",", ".")


def test_the_same_seed_makes_the_same_defect_and_another_seed_another() -> None:
    clean = clean_pairs("de")["market"]
    injector = injectors()["punctuation-spacing"]
    made = [injector.inject(clean, Random(seed)) for seed in (1, 1, *range(2, 9))]
    assert made[0] == made[1]
    assert len({injection.edits for injection in made if injection}) > 3


def test_every_form_is_as_likely_whatever_its_places() -> None:
    def propose(clean: object, random: Random) -> list[Injection]:
        many = [change("k", "often", Field.RESPONSE, start, "", "x") for start in range(5)]
        return [*many, change("k", "once", Field.RESPONSE, 0, "", "y")]

    injector, clean = Injector("k", "by chance", propose), pair("de", "Guten Tag")
    forms = [injection.form for seed in range(60) if (injection := injector.inject(clean, Random(seed)))]
    assert 15 < forms.count("once") < 45


def test_what_changes_nothing_is_no_defect_and_conventions_are_asked_for() -> None:
    clean = pair("de", "Guten Tag")
    same = Injector("k", "never", lambda *_: [change("k", "f", Field.RESPONSE, 0, "G", "G")])
    assert same.inject(clean, Random(1)) is None
    edits = (Edit(Field.RESPONSE, 0, 1, "G", "g", "k"),)
    printed = Injector("k", "in print", lambda *_: [Injection("f", edits, convention=True)])
    assert printed.inject(clean, Random(1), typography=False) is None
    assert printed.inject(clean, Random(1))


def test_code_addresses_and_formulas_are_no_prose() -> None:
    text = "Siehe `a b`, $x + 1$, {name}, config.yaml und https://a.example/b."
    found = [text[start:end] for start, end in code_ranges(text)]
    assert found == ["`a b`", "$x + 1$", "{name}", "config.yaml", "https://a.example/b."]
    assert is_outside(0, 5, code_ranges(text))
    assert not is_outside(5, 8, code_ranges(text))
