"""What a model is asked: the request, and that what comes from the corpus cannot leave its section."""

from __future__ import annotations

import re
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.agent.engines.protocol import FinishReason, Message, Sampling
from midb.agent.model.replies import ReplyError, parse_rewrite
from midb.agent.model.sections import make_tag
from midb.agent.model.tasks import (
    FOREIGN_GROWTH,
    GROWTH,
    LISTED_FINDINGS,
    QUOTED,
    Task,
    render_system,
    rewriting_task,
    verdict_task,
)
from midb.domain.decisions import REWRITING_PASSES, Pass
from midb.domain.defects import DefectFamily, Finding, Severity
from midb.domain.pairs import Field, InstructionPair
from midb.locales import load
from midb.prompts import load_prompts

PROMPTS = load_prompts()
GERMAN = load("de")
PAIR = InstructionPair(instruction="Wie weit ist es?", input="", response="Es sind 5 Meilen.")


def found(
    kind: str, severity: Severity, family: DefectFamily = DefectFamily.CONTENT, evidence: str = "seen"
) -> Finding:
    """A finding in the response."""
    return Finding(kind, family, severity, Field.RESPONSE, 8, 16, evidence)


def ask(pass_: Pass = Pass.CONTENT, pair: InstructionPair = PAIR, **more: object) -> Task:
    """A rewriting task about a German pair."""
    return rewriting_task(PROMPTS, pass_, pair, locale=GERMAN, **more)  # type: ignore[arg-type]


def user_of(task: Task) -> str:
    """What is asked of this pair alone."""
    return task.request.messages[1].content


@pytest.mark.parametrize("pass_", REWRITING_PASSES)
@pytest.mark.parametrize("failed", [False, True])
def test_nothing_that_a_prompt_shows_passes_for_a_text_when_it_is_copied(pass_: Pass, failed: bool) -> None:
    """A weak model writes down the layout that it was shown, with the code filled in; that must not become the pair."""
    task = ask(pass_, failures=("There is text after the end tag.",) if failed else ())
    shown = [message.content.replace("CODE", task.nonce) for message in task.request.messages]
    end = make_tag("end", task.nonce)
    copied = [
        text[start : stop + len(end)]
        for text in shown
        for start in (match.start() for match in re.finditer(r"^<\|", text, re.MULTILINE))
        for stop in (match.start() for match in re.finditer(re.escape(end), text))
        if start <= stop
    ]
    assert len(copied) > 4
    for reply in copied:
        for without_input in (reply, reply.replace(make_tag("input", task.nonce) + "\n", "")):
            for finish in (FinishReason.STOP, FinishReason.STOP_STRING):
                try:
                    assert parse_rewrite(without_input, finish, PAIR, task.sections, task.nonce) == PAIR
                except ReplyError as error:
                    assert str(error)


# -- rewriting ---------------------------------------------------------------------------------------------------------


def test_a_rewriting_pass_shows_the_sections_that_hold_text() -> None:
    task = ask()
    assert (task.pass_, task.sections) == (Pass.CONTENT, (Field.INSTRUCTION, Field.RESPONSE))
    assert [message.role for message in task.request.messages] == ["system", "user"]
    assert task.request.reference in user_of(task)
    assert make_tag("response", task.nonce) + "\nEs sind 5 Meilen." in task.request.reference
    assert task.request.growth == GROWTH[Pass.CONTENT]


def test_the_system_part_depends_on_pass_and_language_alone() -> None:
    other = ask(pair=PAIR.replaced({Field.RESPONSE: "Etwas ganz anderes."}), failures=("x",), findings=[])
    assert ask().request.messages[0] == other.request.messages[0]
    assert ask().request.messages[0] == Message("system", render_system(PROMPTS["content.system"], GERMAN))
    assert ask(Pass.TRANSLATION).request.messages[0] != ask().request.messages[0]
    assert render_system(PROMPTS["content.system"], load("ja")) != render_system(PROMPTS["content.system"], GERMAN)


def test_the_gravest_findings_of_the_own_family_are_listed_in_their_order() -> None:
    findings = [found(f"minor-{n}", Severity.MINOR) for n in range(LISTED_FINDINGS)]
    findings.append(found("grave", Severity.CRITICAL))
    findings.append(found("others", Severity.CRITICAL, DefectFamily.LOCALIZATION))
    user = user_of(ask(findings=findings))
    assert "grave" in user
    assert "others" not in user, "another pass's business"
    assert f"minor-{LISTED_FINDINGS - 1}" not in user
    assert user.index("minor-0") < user.index(f"minor-{LISTED_FINDINGS - 2}") < user.index("grave")


def test_a_passage_is_quoted_shortly_and_on_one_line() -> None:
    pair = PAIR.replaced({Field.RESPONSE: "Zeile\n" * 100})
    finding = replace(found("long", Severity.MINOR, evidence="e" * 500), start=0, end=600)
    user = user_of(ask(pair=pair, findings=[finding]))
    assert "e" * (QUOTED - 1) + "…" in user
    assert "e" * QUOTED not in user
    assert "Zeile Zeile" in user


def test_only_the_last_failure_is_told() -> None:
    user = user_of(ask(failures=("The first mistake.", "The second mistake.")))
    assert "The second mistake." in user
    assert "The first mistake." not in user
    assert "could not be used" not in user_of(ask())


def test_the_source_stands_beside_the_pair() -> None:
    source = InstructionPair(instruction="How far is it?", input=" ", response="It is 5 miles.")
    user = user_of(ask(source=source))
    assert "instruction: How far is it?\nresponse: It is 5 miles." in user
    assert "How far" not in user_of(ask())


@pytest.mark.parametrize("kind", ["untranslated-text", "wrong-language"])
def test_a_text_in_another_language_may_grow_more(kind: str) -> None:
    finding = found(kind, Severity.MAJOR, DefectFamily.TRANSLATION)
    assert ask(Pass.TRANSLATION, findings=[finding]).request.growth == FOREIGN_GROWTH
    assert ask(Pass.TRANSLATION).request.growth == GROWTH[Pass.TRANSLATION] < FOREIGN_GROWTH


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_holds_the_nonce_of_its_prompt(instruction: str, response: str) -> None:
    source = InstructionPair(response=instruction)
    task = ask(pair=InstructionPair(instruction=instruction, response=response), source=source, failures=(response,))
    assert task.nonce not in instruction + response


# -- the key under which a reply is found again ------------------------------------------------------------------------


def test_the_prompt_hash_is_of_all_that_is_sent_but_the_sampling() -> None:
    task = ask()
    assert ask(sampling=Sampling(temperature=1.0, seed=7)).prompt_hash == task.prompt_hash == ask().prompt_hash
    changed = [
        ask(pair=PAIR.replaced({Field.RESPONSE: "x"})), ask(Pass.TRANSLATION), ask(failures=("x",)),
        replace(task, request=replace(task.request, schema={"type": "object"})),
    ]  # fmt: skip
    assert len({task.prompt_hash, *(one.prompt_hash for one in changed)}) == 5
    assert replace(task, request=replace(task.request, growth=9.0)).prompt_hash == task.prompt_hash


# -- the verdict -------------------------------------------------------------------------------------------------------


def test_a_verdict_sees_two_versions_in_the_order_given() -> None:
    better = PAIR.replaced({Field.RESPONSE: "Es sind 8 Kilometer."})
    task = verdict_task(PROMPTS, PAIR, better, locale=GERMAN)
    user = user_of(task)
    assert user.index("5 Meilen") < user.index("8 Kilometer")
    swapped = user_of(verdict_task(PROMPTS, better, PAIR, locale=GERMAN))
    assert swapped.index("8 Kilometer") < swapped.index("5 Meilen")
    assert (task.pass_, task.request.growth) == (Pass.VERIFICATION, GROWTH[Pass.VERIFICATION])


def test_a_verdict_is_asked_for_as_json_with_the_code_of_this_prompt() -> None:
    task = verdict_task(PROMPTS, PAIR, PAIR, locale=GERMAN)
    assert task.request.schema == PROMPTS["verification.system"].schema is not None
    assert orjson.loads(task.request.reference) == {
        "code": task.nonce, "reasons": [], "preferred": "A", "blamed": "none",
    }  # fmt: skip
    assert f"CODE is {task.nonce}." in user_of(task)


def test_a_section_that_one_version_has_is_shown_of_both() -> None:
    filled = PAIR.replaced({Field.INPUT: "mit dem Rad"})
    task = verdict_task(PROMPTS, PAIR, filled, locale=GERMAN)
    assert set(task.sections) == set(Field)
    assert user_of(task).count(make_tag("input", task.nonce)) == 2
