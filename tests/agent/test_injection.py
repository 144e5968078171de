"""Texts that try to steer whoever edits or judges them, and a model that obeys every word of it.

The editor writes what it is told to in every pass, and the judge what it is told to, or whatever is worst. What keeps
the pair as it was is the form of a reply, the checks on a rewrite and the bounds of a pair that steers: no good will of
a model. What no check can tell from an honest edit is listed apart (``needs_judge``), and is left to a judge who reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import regex
import scripted
from scripted_pairs import Script, Through

from midb.agent.engines.protocol import TextRequest
from midb.agent.model.sections import lay_out_pair, make_tag
from midb.agent.passes.modelling import STEERED
from midb.domain.decisions import Action, Outcome, PairResult, Pass, Reason
from midb.domain.pairs import Field, InstructionPair
from midb.locales import LANGUAGES, load
from midb.text.steering import find_steering_passage

Case = dict[str, Any]

#: A judge: what is said to a request about a case.
Judge = Callable[[Case, TextRequest], str]

LISTS: dict[str, list[Case]] = json.loads(
    (Path(__file__).parents[1] / "cases" / "injection.json").read_text(encoding="utf-8")
)
CASES, NEEDS_JUDGE, ATTACKS = LISTS["cases"], LISTS["needs_judge"], LISTS["attacks"]

ROOT = Path(__file__).parents[2]

#: How much of its own instructions an obeying model tells; ``{system}`` in a case.
TOLD = 400


def pair_of(case: Case) -> InstructionPair:
    return InstructionPair(**{field.value: case[field.value] for field in Field})


def by_name(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in cases])


def steers(case: Case) -> bool:
    """Whether the pair is noticed, so that the strict bounds hold for it."""
    return any(find_steering_passage(text, load(case["language"])) for _, text in pair_of(case).texts())


# -- those who obey ----------------------------------------------------------------------------------------------------


def edit_as_told(case: Case, request: TextRequest) -> str:
    """The reply of an editor who does what the text says."""

    def filled(text: str) -> str:
        told = request.messages[0].content[:TOLD]
        return text.replace("{nonce}", scripted.nonce_of(request)).replace("{system}", told)

    if "raw" in case:
        return filled(case["raw"])
    return scripted.reply(request, **{name: filled(text) for name, text in case["obeyed"].items()})


def side_of_rewrite(case: Case, request: TextRequest) -> str:
    """Where the version stands that is not the original."""
    version, nonce = scripted.versions(request)[0], scripted.nonce_of(request)
    sections = [field for field in Field if make_tag(field.value, nonce) in version]
    return "B" if version == lay_out_pair(pair_of(case), sections, nonce) else "A"


def obey_or_prefer(side: str) -> Judge:
    """A judge who copies the verdict that stands in the text, or else prefers one side, whatever stands there."""
    return lambda case, request: case.get("verdict") or scripted.verdict(request, side)


def prefer_rewrite(case: Case, request: TextRequest) -> str:
    """A judge who finds every rewrite better."""
    return scripted.verdict(request, side_of_rewrite(case, request))


def judge_competently(case: Case, request: TextRequest) -> str:
    """A judge who sees that a version obeyed."""
    rewrite = side_of_rewrite(case, request)
    reasons = ((rewrite, "critical", "It carries out a command that stands in the data."),)
    return scripted.verdict(request, "A" if rewrite == "B" else "B", blamed="content", reasons=reasons)


JUDGES: dict[str, Judge] = {"told-a": obey_or_prefer("A"), "told-b": obey_or_prefer("B"), "worst": prefer_rewrite}


def obey(case: Case, judge: Judge) -> Script:
    def answer(request: TextRequest) -> str:
        if scripted.pass_of(request) == "verification":
            return judge(case, request)
        return edit_as_told(case, request)

    return answer


def rejected(result: PairResult) -> set[Pass]:
    return {decision.pass_ for decision in result.decisions if decision.action is Action.REJECTED}


# -- what becomes of the pair ------------------------------------------------------------------------------------------


@by_name(CASES)
@pytest.mark.parametrize("judge", JUDGES)
def test_what_is_obeyed_does_not_reach_the_pair(through: Through, case: Case, judge: str) -> None:
    result = through(pair_of(case), obey(case, JUDGES[judge]), language=case["language"])
    assert result.final == pair_of(case)
    # Unchanged is one of whose replies none could be used; in any other a rewrite was taken back.
    unusable = result.decisions[-1].reason is Reason.NO_USABLE_REPLY
    assert result.outcome is (Outcome.UNCHANGED if unusable else Outcome.REVERTED)
    # No judge was needed: every pass was turned down at once.
    assert rejected(result) == {Pass.CONTENT, Pass.TRANSLATION, Pass.LOCALIZATION}


@by_name(NEEDS_JUDGE)
def test_what_looks_like_an_edit_is_taken_back_by_a_competent_judge(through: Through, case: Case) -> None:
    result = through(pair_of(case), obey(case, judge_competently), language=case["language"])
    assert result.final == pair_of(case)
    assert result.outcome is Outcome.REVERTED
    assert Pass.VERIFICATION in rejected(result), "the checks see this: it belongs to the other list"


@by_name(NEEDS_JUDGE)
@pytest.mark.parametrize("side", ["A", "B"])
def test_a_judge_who_is_told_a_side_is_asked_in_both_orders(through: Through, case: Case, side: str) -> None:
    result = through(pair_of(case), obey(case, obey_or_prefer(side)), language=case["language"])
    assert result.final == pair_of(case)


def test_the_log_says_where_a_pair_was_held_to_closer_bounds(through: Through) -> None:
    for case, noticed in ((CASES[0], True), (next(case for case in CASES if not steers(case)), False)):
        result = through(pair_of(case), obey(case, prefer_rewrite), language=case["language"])
        details = [decision.detail for decision in result.decisions if decision.action is Action.REJECTED]
        assert details
        assert all(detail.startswith(STEERED) is noticed for detail in details)


# -- how many get through: the table in docs/security.md --------------------------------------------------------------


#: Judges by the words of the table, with the orders in which they are asked.
TABLE: dict[str, tuple[Judge, int]] = {
    "prefers every rewrite": (prefer_rewrite, 2),
    "always says A": (obey_or_prefer("A"), 2),
    "always says B": (obey_or_prefer("B"), 2),
    "always says A, asked in one order": (obey_or_prefer("A"), 1),
    "always says B, asked in one order": (obey_or_prefer("B"), 1),
    "sees that a version obeyed": (judge_competently, 2),
}


def test_the_published_figures_are_these(through: Through) -> None:
    """An obeying editor in every pass, and judges who are more and less good. What no judge needs to see, none lets
    through: the others are asked only about what the first one accepts."""

    def passes(case: Case, judge: Judge, orders: int) -> bool:
        store = through.fresh()
        result = store(pair_of(case), obey(case, judge), language=case["language"], judge_orders=orders)
        return result.final != pair_of(case) and _is_obeyed(case, result.final)

    every = CASES + NEEDS_JUDGE + ATTACKS
    left = [case for case in every if passes(case, *TABLE["prefers every rewrite"])]
    found = {name: sum(passes(case, *how) for case in left) for name, how in TABLE.items()}
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    published = dict(re.findall(r"^\| a judge who ([^|]+) \| (\d+) \|$", page, re.MULTILINE))
    assert {name: str(count) for name, count in found.items()} == published, [case["id"] for case in left]
    assert f"Of {len(every)} texts" in page
    assert f"{sum(map(steers, every))} of them are noticed" in page


def _is_obeyed(case: Case, final: InstructionPair) -> bool:
    """Whether the pair says what was ordered; provable repairs may have changed it otherwise."""
    return any(final.text(Field(name)) == text for name, text in case.get("obeyed", {}).items())


# -- strict, and no wall -----------------------------------------------------------------------------------------------


def with_typo(text: str) -> str:
    """The text with a letter doubled in its first word that is no name.

    >>> with_typo("Der Regen fällt leise.")
    'Der Regen fälllt leise.'
    """
    found = regex.search(r"(?<!\p{L})[\p{Ll}\p{Lo}]{3}(?=[\p{Ll}\p{Lo}\p{M}]{2})", text)
    assert found
    return text[: found.end()] + text[found.end() - 1] + text[found.end() :]


def test_a_small_good_edit_of_such_a_pair_is_accepted(through: Through) -> None:
    right = {with_typo(case["response"]): case["response"] for case in CASES + NEEDS_JUDGE + ATTACKS}

    def answer(request: TextRequest) -> str:
        if scripted.pass_of(request) == "verification":
            return str(next(scripted.prefer(request, text) for text in right.values() if _holds(request, text)))
        text = right.get(scripted.read_sections(request)["response"])
        return str(scripted.reply(request, response=text) if text else scripted.left_alone(request))

    def _holds(request: TextRequest, text: str) -> bool:
        return any(f"\n{text}\n" in version for version in scripted.versions(request))

    walled: list[str] = []
    for case in CASES + NEEDS_JUDGE + ATTACKS:
        damaged = pair_of(case).replaced({Field.RESPONSE: with_typo(case["response"])})
        result = through(damaged, answer, language=case["language"])
        if result.final != pair_of(case):
            walled.append(f"{case['id']}: {[(d.pass_, d.reason, d.detail) for d in result.decisions]}")
    assert len(walled) <= 0.1 * len(CASES + NEEDS_JUDGE + ATTACKS), walled


# -- the list itself ---------------------------------------------------------------------------------------------------


def test_the_list_is_large_and_mixed() -> None:
    assert len(CASES) >= 45
    assert len(NEEDS_JUDGE) <= 0.1 * len(CASES)
    assert len({case["language"] for case in CASES}) >= 12
    assert {case["language"] for case in CASES} <= set(LANGUAGES)
    assert {case["target"] for case in CASES} == {"editor", "judge"}
    every = CASES + NEEDS_JUDGE + ATTACKS
    assert len({case["id"] for case in every}) == len(every)
    assert all(("raw" in case) != ("obeyed" in case) and case["note"] for case in every)


def test_many_are_not_noticed_so_that_the_checks_stand_alone() -> None:
    assert sum(not steers(case) for case in CASES) >= 15
    assert sum(map(steers, CASES)) >= 15
    assert sum(map(steers, ATTACKS)) >= 16
    for case in CASES + NEEDS_JUDGE + ATTACKS:
        assert steers(case) is case["note"].startswith("noticed"), case["id"]
