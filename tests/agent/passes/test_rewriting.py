"""One round of provable repairs: what is chosen, what is checked, and who is to blame for harm."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from scripted_findings import Detect, ScriptedContext, all_of, context_of, replace_text, state_of

from midb.agent.passes.rewriting import check_pass, find_culprits, make_rewriting_pass
from midb.agent.state import PairState
from midb.domain.decisions import REWRITING_PASSES, Action, Pass, Reason
from midb.domain.edits import Edit
from midb.domain.pairs import Field, InstructionPair
from midb.text.languages import LanguageIdentifier

Go = Callable[..., tuple[PairState, ScriptedContext]]


@pytest.fixture
def go(identifier: LanguageIdentifier) -> Go:
    """One visit of a pass to a pair with some response: what it changes, and the context."""

    def visit(pass_: Pass, script: Detect, response: str, **changes: object) -> tuple[PairState, ScriptedContext]:
        context = context_of(script, identifier)
        state = state_of(response, context, **changes)
        return asyncio.run(run_node(pass_, state, context)), context

    return visit


async def run_node(pass_: Pass, state: PairState, context: ScriptedContext) -> PairState:
    """What the node changes."""
    return await make_rewriting_pass(pass_)(state, context)


def test_a_node_is_called_as_its_pass() -> None:
    assert [make_rewriting_pass(pass_).__name__ for pass_ in REWRITING_PASSES] == [
        "content", "translation", "localization",
    ]  # fmt: skip


def test_a_pass_makes_the_repairs_of_its_family_in_one_round(go: Go) -> None:
    script = all_of(
        replace_text("content", "gutt", "gut", kind="typo"), replace_text("content", "Haus .", "Haus.", kind="space"),
        replace_text("localization", "X", "Y"),
    )  # fmt: skip
    update, _ = go(Pass.CONTENT, script, "Das ist gutt, ein Haus . X")
    assert update["current"].response == "Das ist gut, ein Haus. X"
    (decision,) = update["decisions"]
    assert (decision.action, decision.reason, decision.detail) == (Action.APPLIED, Reason.REPAIRED, "space, typo")
    assert [finding.kind for finding, _ in update["repaired"]] == ["typo", "space"]
    assert {index for _, index in update["repaired"]} == {0}
    assert [finding.kind for finding in update["findings"]] == ["made-up"], "what is found in the new text"
    assert update["attempts"] == {Pass.CONTENT: 1}


def test_a_second_round_is_a_second_attempt(go: Go) -> None:
    update, _ = go(Pass.CONTENT, replace_text("content", "gutt", "gut"), "gutt", attempts={Pass.CONTENT: 1})
    assert update["decisions"][0].attempt == 2
    assert update["attempts"] == {Pass.CONTENT: 2}


def test_harm_bars_only_the_kind_that_does_it(go: Go) -> None:
    script = all_of(
        replace_text("content", "42", "43", kind="harmful"), replace_text("content", "gutt", "gut", kind="good")
    )
    update, _ = go(Pass.CONTENT, script, "Es sind 42 Stück, gutt.", barred=frozenset({"earlier"}))
    assert update["decisions"][0].action is Action.REJECTED
    assert update["barred"] == {"earlier", "harmful"}
    assert "current" not in update, "the text stays"
    assert "repaired" not in update


def test_what_is_barred_is_not_tried_again(go: Go) -> None:
    script = all_of(
        replace_text("content", "42", "43", kind="harmful"), replace_text("content", "gutt", "gut", kind="good")
    )
    update, _ = go(Pass.CONTENT, script, "Es sind 42 Stück, gutt.", barred=frozenset({"harmful"}))
    assert update["current"].response == "Es sind 42 Stück, gut."


def test_culprits_are_those_that_harm_alone_else_all(identifier: LanguageIdentifier) -> None:
    pair = InstructionPair(instruction="Frage", response="Es sind 42 Stück, gutt.")
    number = Edit(Field.RESPONSE, 8, 10, "42", "43", "harmful")
    typo = Edit(Field.RESPONSE, 18, 22, "gutt", "gut", "good")
    context = context_of(lambda _: [], identifier)
    assert find_culprits(pair, [number, typo], [], context) == {"harmful"}
    assert find_culprits(pair, [typo], [], context) == {"good"}, "harm that comes from their being together"


def test_a_pass_is_held_against_its_own_input(identifier: LanguageIdentifier) -> None:
    context = context_of(lambda _: [], identifier)
    before = InstructionPair(instruction="Frage", response="Es sind 42 Stück.")
    after = before.replaced({Field.RESPONSE: "Es sind 43 Stück."})
    edit = Edit(Field.RESPONSE, 8, 10, "42", "43", "made-up")
    assert [found.reason for found in check_pass(before, after, [edit], ([], []), context)] == [Reason.NUMBER_CHANGED]
    assert check_pass(before, before, [], ([], []), context) == []
