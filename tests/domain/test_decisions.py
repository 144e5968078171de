"""How decisions add up: which stand, what became of a pair and a record, and the two ledgers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.domain.decisions import (
    REWRITING_PASSES,
    RUN_OUTCOMES,
    Action,
    Decision,
    Outcome,
    Pass,
    Reason,
    Violation,
    decide,
    list_outcomes,
    pair_outcome,
    record_outcome,
    standing,
)
from midb.domain.defects import DefectFamily
from midb.domain.edits import Edit
from midb.domain.pairs import Field, InstructionPair

BEFORE = InstructionPair(response="2.5")
AFTER = InstructionPair(response="2,5")
EDIT = Edit(Field.RESPONSE, 1, 2, ".", ",", "decimal-separator")


def decision(pass_: Pass, action: Action, *, edits: int = 0) -> Decision:
    """A decision with so many edits."""
    return Decision(
        pass_=pass_, action=action, reason=Reason.REPAIRED, before_hash="b", after_hash="a", edits=(EDIT,) * edits
    )


APPLIED = decision(Pass.CONTENT, Action.APPLIED, edits=1)
REFUSED = decision(Pass.VERIFICATION, Action.REJECTED)
ACCEPTED = decision(Pass.VERIFICATION, Action.APPLIED)


# -- decide ------------------------------------------------------------------------------------------------------------


def test_a_rewrite_stands_that_violates_nothing() -> None:
    other = replace(EDIT, start=0, end=0, before="", after="x", kind="a-kind")
    decided = decide(Pass.LOCALIZATION, BEFORE, AFTER, [EDIT, other, EDIT], [], attempt=2)
    assert (decided.action, decided.reason, decided.attempt) == (Action.APPLIED, Reason.REPAIRED, 2)
    assert decided.detail == "a-kind, decimal-separator", "each kind once"
    assert (decided.before_hash, decided.after_hash) == (BEFORE.content_hash(), AFTER.content_hash())
    assert decided.edits == (EDIT, other, EDIT)


def test_a_rewrite_that_violates_something_is_rejected_by_the_first_reason_and_told_all() -> None:
    violations = [Violation(Reason.NUMBER_CHANGED, "one"), Violation(Reason.FIELD_EMPTIED, "two", Field.RESPONSE)]
    decided = decide(Pass.CONTENT, BEFORE, AFTER, [EDIT], violations)
    assert (decided.action, decided.reason, decided.detail) == (Action.REJECTED, Reason.NUMBER_CHANGED, "one; two")
    assert decided.after_hash == decided.before_hash == BEFORE.content_hash()
    assert decided.edits == (EDIT,), "what was tried is kept"


# -- standing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ([], []),
        ([APPLIED], [0]),
        ([APPLIED, ACCEPTED], [0]),
        ([APPLIED, REFUSED], []),
        ([APPLIED, REFUSED, APPLIED, ACCEPTED], [2]),
        ([decision(Pass.CONTENT, Action.REJECTED, edits=1), APPLIED], [1]),
        ([decision(Pass.CONTENT, Action.APPLIED)], []),  # nothing was edited
        ([decision(Pass.TRANSLATION, Action.REJECTED, edits=1), ACCEPTED], []),
        ([decision(Pass.REVERT, Action.APPLIED, edits=2)], [0]),
    ],
)
def test_which_decisions_stand(decisions: list[Decision], expected: list[int]) -> None:
    assert standing(decisions) == [(index, decisions[index]) for index in expected]


DECISIONS = st.lists(
    st.builds(decision, st.sampled_from(Pass), st.sampled_from(Action), edits=st.integers(0, 2)), max_size=8
)


@given(DECISIONS)
def test_what_stands_was_applied_after_the_last_failed_verification(decisions: list[Decision]) -> None:
    failed = [
        n for n, d in enumerate(decisions) if (d.pass_, d.action) == (Pass.VERIFICATION, Action.REJECTED)
    ]  # fmt: skip
    last = max(failed, default=-1)
    expected = [n for n, d in enumerate(decisions) if n > last and d.action is Action.APPLIED and d.edits]
    assert [index for index, _ in standing(decisions)] == expected


@given(DECISIONS, DECISIONS)
def test_a_failed_verification_leaves_nothing_of_what_was_before_it(
    before: list[Decision], after: list[Decision]
) -> None:
    whole = standing([*before, REFUSED, *after])
    assert [found for _, found in whole] == [found for _, found in standing(after)]


# -- outcomes ----------------------------------------------------------------------------------------------------------

REJECTED = decision(Pass.CONTENT, Action.REJECTED, edits=1)
SKIPPED = decision(Pass.CONTENT, Action.SKIPPED)
UNUSABLE = decision(Pass.CONTENT, Action.REJECTED)


@pytest.mark.parametrize(
    ("final", "decisions", "expected"),
    [
        (AFTER, [APPLIED, ACCEPTED], Outcome.IMPROVED),
        (AFTER, [REJECTED, APPLIED], Outcome.IMPROVED),
        (BEFORE, [SKIPPED], Outcome.UNCHANGED),
        (BEFORE, [], Outcome.UNCHANGED),
        (BEFORE, [REJECTED], Outcome.REVERTED),
        (BEFORE, [APPLIED, REFUSED], Outcome.REVERTED),
        # How each pass ended counts: a reply that could not be used, then one that leaves the pair alone.
        (BEFORE, [REJECTED, SKIPPED], Outcome.UNCHANGED),
        (BEFORE, [SKIPPED, REJECTED], Outcome.REVERTED),
        # Where no reply could be used, no rewrite was taken back; where one was before it, one was.
        (BEFORE, [UNUSABLE], Outcome.UNCHANGED),
        (BEFORE, [UNUSABLE, UNUSABLE], Outcome.UNCHANGED),
        (BEFORE, [REJECTED, UNUSABLE], Outcome.REVERTED),
        (BEFORE, [UNUSABLE, REJECTED], Outcome.REVERTED),
        (BEFORE, [APPLIED, REFUSED, UNUSABLE], Outcome.REVERTED),
        (BEFORE, [REJECTED, SKIPPED, decision(Pass.TRANSLATION, Action.REJECTED)], Outcome.UNCHANGED),
        # A person decided: whatever became of the text.
        (AFTER, [decision(Pass.REVERT, Action.APPLIED, edits=1)], Outcome.UNDONE),
        (BEFORE, [decision(Pass.REVERT, Action.APPLIED)], Outcome.UNDONE),
    ],
)
def test_what_became_of_a_pair(final: InstructionPair, decisions: list[Decision], expected: Outcome) -> None:
    assert pair_outcome(BEFORE, final, decisions) is expected


@pytest.mark.parametrize("outcomes", [*itertools.product(Outcome, repeat=2)])
def test_a_record_is_what_the_most_telling_of_its_pairs_is(outcomes: Sequence[Outcome]) -> None:
    order = [Outcome.IMPROVED, Outcome.REVERTED, Outcome.UNDONE, Outcome.CORRECTED, Outcome.UNCHANGED]
    assert record_outcome(outcomes) is min(outcomes, key=order.index)
    assert record_outcome(outcomes[::-1]) is record_outcome(outcomes)
    assert record_outcome([]) is Outcome.UNCHANGED


def test_the_ledgers_share_only_what_stayed() -> None:
    ledgers = [list_outcomes(kind) for kind in ("run", "revert", "apply")]
    assert set().union(*ledgers) == set(Outcome)
    assert all(set(one) & set(other) == {Outcome.UNCHANGED} for one, other in itertools.combinations(ledgers, 2))
    assert [outcome.value for outcome in RUN_OUTCOMES] == ["unchanged", "improved", "reverted"], "scripts rely on them"


# -- passes ------------------------------------------------------------------------------------------------------------


def test_rewriting_passes_have_a_family_and_others_none() -> None:
    assert [pass_.family for pass_ in REWRITING_PASSES] == list(DefectFamily)
    for pass_ in set(Pass) - set(REWRITING_PASSES):
        with pytest.raises(ValueError, match=pass_.value):
            _ = pass_.family
