"""Where a pair goes next: pure functions of its state, tried one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
import scripted
from scripted_findings import ScriptedContext, all_of, context_of, decided, flag, replace_text, state_of
from scripted_pairs import PAIR, Through

from midb.agent.model.calls import Model
from midb.agent.model.settings import ModelSettings, Route
from midb.agent.routing import (
    after_pass,
    after_verify,
    asks_model,
    choose_pass,
    has_repairs,
    pick_repairable,
)
from midb.agent.state import MAX_ATTEMPTS, MAX_FAILURES
from midb.domain.decisions import Action, Pass
from midb.domain.defects import SwitchedOff, SwitchedPart
from midb.prompts import load_prompts
from midb.text.languages import LanguageIdentifier


@dataclass
class OnlySettings:
    """As much of a model as routing looks at."""

    settings: ModelSettings


def model_by(route: Route) -> Model:
    """A model that is asked about the pairs that a route says."""
    return cast(Model, OnlySettings(ModelSettings(prompts=load_prompts(), route=route)))


#: A repair of content, one of localization, and a finding of translation without one.
SCRIPT = all_of(
    replace_text("localization", "B", "b", kind="late"), replace_text("content", "A", "a", kind="early"),
    flag("C", family="translation"),
)  # fmt: skip


@pytest.fixture
def context(identifier: LanguageIdentifier) -> ScriptedContext:
    """No model, all passes."""
    return context_of(SCRIPT, identifier)


def test_only_findings_with_a_repair_that_was_not_taken_back_count(context: ScriptedContext) -> None:
    findings = context.inspect(state_of("A B C", context)["original"])
    assert [finding.kind for finding in pick_repairable(findings)] == ["late", "early"]
    assert [finding.kind for finding in pick_repairable(findings, frozenset({"early"}))] == ["late"]


@pytest.mark.parametrize(
    ("response", "changes", "expected"),
    [
        ("A B", {}, Pass.CONTENT),
        ("B A", {}, Pass.CONTENT),  # in the order of the passes, not of the text
        ("B", {}, Pass.LOCALIZATION),
        ("A B", {"barred": frozenset({"early"})}, Pass.LOCALIZATION),
        ("A B", {"attempts": {Pass.CONTENT: MAX_ATTEMPTS}}, Pass.LOCALIZATION),
        ("A", {"attempts": {Pass.CONTENT: MAX_ATTEMPTS - 1}}, Pass.CONTENT),
        ("C", {}, None),
        ("", {}, None),
    ],
)
def test_the_first_pass_with_a_repair_and_attempts_left_is_next(
    context: ScriptedContext, response: str, changes: dict[str, Any], expected: Pass | None
) -> None:
    state = state_of(response, context, **changes)
    assert choose_pass(state, context) is expected
    assert after_pass(state, context) == (expected.value if expected else "verify")
    assert any(has_repairs(pass_, state) for pass_ in (Pass.CONTENT, Pass.LOCALIZATION)) is (expected is not None)


def test_a_pass_that_is_switched_off_is_passed_over(identifier: LanguageIdentifier) -> None:
    context = context_of(SCRIPT, identifier, passes=frozenset({Pass.LOCALIZATION}))
    assert choose_pass(state_of("A B", context), context) is Pass.LOCALIZATION
    assert choose_pass(state_of("A", context), context) is None


@pytest.mark.parametrize(
    ("route", "asked"),
    [
        (Route.CONTENT, {Pass.CONTENT, Pass.TRANSLATION}),  # content always, others where something was found
        (Route.FINDINGS, {Pass.TRANSLATION}),
        (Route.ALL, {Pass.CONTENT, Pass.TRANSLATION, Pass.LOCALIZATION}),
    ],
)
def test_whom_the_model_is_asked_about(context: ScriptedContext, route: Route, asked: set[Pass]) -> None:
    state, model = state_of("C", context), model_by(route)
    passes = (Pass.CONTENT, Pass.TRANSLATION, Pass.LOCALIZATION)
    assert {pass_ for pass_ in passes if asks_model(pass_, state, model)} == asked
    settled = state_of("C", context, settled=frozenset(passes))
    assert not any(asks_model(pass_, settled, model) for pass_ in passes)
    failed = state_of("C", context, failures={pass_: ("x",) * MAX_FAILURES for pass_ in passes})
    assert not any(asks_model(pass_, failed, model) for pass_ in passes)
    once = state_of("C", context, failures={pass_: ("x",) * (MAX_FAILURES - 1) for pass_ in passes})
    assert {pass_ for pass_ in passes if asks_model(pass_, once, model)} == asked, "there is a retry"


def test_a_model_is_asked_where_there_is_nothing_to_repair(identifier: LanguageIdentifier) -> None:
    context = context_of(SCRIPT, identifier, model=model_by(Route.CONTENT))
    assert choose_pass(state_of("", context), context) is Pass.CONTENT
    assert after_pass(state_of("", context, settled=frozenset({Pass.CONTENT})), context) == "verify"


def test_a_model_is_not_asked_where_people_spoke_against_its_rewrites(identifier: LanguageIdentifier) -> None:
    context = context_of(SCRIPT, identifier, model=model_by(Route.ALL))
    off = frozenset({SwitchedOff("content-rewrite", context.locale.code, SwitchedPart.REWRITES, "model 1")})
    context = replace(context, selection=replace(context.selection, switched_off=off))
    assert choose_pass(state_of("", context), context) is Pass.TRANSLATION, "the next pass asks it"
    assert choose_pass(state_of("A", context), context) is Pass.CONTENT, "what can be proved is repaired all the same"


@pytest.mark.parametrize(
    ("last", "response", "expected"),
    [
        (decided(Pass.VERIFICATION), "A", "record"),
        (decided(Pass.CONTENT), "A", "record"),  # with a model an unchanged pair is not verified
        (decided(Pass.VERIFICATION, Action.REJECTED), "A", "content"),
        (decided(Pass.VERIFICATION, Action.REJECTED), "C", "revert"),
    ],
)
def test_what_verification_refused_starts_again_while_something_is_left(
    context: ScriptedContext, last: Any, response: str, expected: str
) -> None:
    assert after_verify(state_of(response, context, decisions=[decided(Pass.CONTENT), last]), context) == expected


@pytest.mark.parametrize(
    ("route", "asked"),
    [(Route.CONTENT, ["content"]), (Route.FINDINGS, []), (Route.ALL, ["content", "translation", "localization"])],
)
def test_a_clean_pair_goes_to_whom_the_route_says(through: Through, route: Route, asked: list[str]) -> None:
    through(PAIR, scripted.left_alone, route=route)
    assert [scripted.pass_of(request) for request in through.engine.requests] == asked
