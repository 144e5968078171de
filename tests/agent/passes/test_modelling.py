"""A rewriting pass with a model: the trail a pair takes, whatever the model replies."""

from __future__ import annotations

from dataclasses import replace

import pytest
import scripted
from scripted import Answer
from scripted_pairs import BETTER, PAIR, Through, rewrite_in, trail_of

from midb.agent.engines.protocol import CallFailed, FinishReason, TextReply, TextRequest
from midb.agent.model.settings import PassAdapter, Route
from midb.agent.passes.modelling import LONGEST_DETAIL, attribute_edits
from midb.domain.decisions import REWRITING_PASSES, Outcome, Pass, Reason, Violation, rewrite_kind
from midb.domain.defects import DefectFamily, Finding, FindingStatus, Severity
from midb.domain.edits import Edit
from midb.domain.pairs import Field, InstructionPair
from midb.prompts import SHORT, load_prompts


@pytest.mark.parametrize("salt", ["", "a", "b", "c", "d"])  # the rewrite is shown on either side
def test_a_good_rewrite_is_accepted(through: Through, salt: str) -> None:
    result = through(PAIR, rewrite_in("content", BETTER), salt=salt)
    assert result.outcome is Outcome.IMPROVED
    assert result.final == PAIR.replaced({Field.RESPONSE: BETTER})
    assert trail_of(result) == [
        ("content", "applied", "rewritten"),
        ("translation", "skipped", "left-alone"),
        ("localization", "skipped", "left-alone"),
        ("verification", "skipped", "accepted"),
        ("verification", "applied", "accepted"),
    ]
    (edit,) = result.decisions[0].edits
    assert (edit.before, edit.after, edit.kind) == ("grün", "rot", "content-rewrite")
    assert all(decision.generation and decision.prompt_hash for decision in result.decisions)
    assert "seed" in result.decisions[-1].detail


def test_a_pass_is_answered_by_its_adapter_and_judged_by_the_model_as_it_is(through: Through) -> None:
    adapters = {Pass.CONTENT: PassAdapter(name="style"), Pass.LOCALIZATION: PassAdapter(name="units")}
    result = through(PAIR, rewrite_in("content", BETTER), adapters=adapters)
    assert result.outcome is Outcome.IMPROVED
    asked = {(scripted.pass_of(request), request.adapter) for request in through.engine.requests}
    assert asked == {("content", "style"), ("translation", ""), ("localization", "units"), ("verification", "")}
    engines = {(one.pass_, key.engine) for key, one in through.store.kept.items()}
    assert engines == {
        ("content", "scripted 1 + adapter style"), ("translation", "scripted 1"),
        ("localization", "scripted 1 + adapter units"), ("verification", "scripted 1"),
    }  # fmt: skip


def test_another_adapter_is_asked_anew_and_the_model_is_not(through: Through) -> None:
    """The texts of its verdict are the same: that one is in the log."""
    for name, calls in (("style", 5), ("other", 1), ("style", 0)):
        result = through(PAIR, rewrite_in("content", BETTER), adapters={Pass.CONTENT: PassAdapter(name=name)})
        assert result.outcome is Outcome.IMPROVED
        assert [request.adapter for request in through.engine.requests][:1] == [name][:calls]
        assert len(through.engine.requests) == calls


def test_an_adapter_is_asked_with_prompts_of_its_own(through: Through) -> None:
    def answer(request: TextRequest) -> str:
        return request.reference

    short = PassAdapter(name="style", prompts=load_prompts(style=SHORT))
    result = through(PAIR, answer, adapters={Pass.CONTENT: short})
    assert result.outcome is Outcome.UNCHANGED
    content, *others = through.engine.requests
    assert "This pass" not in content.messages[0].content
    assert "CONTENT" in content.messages[0].content
    assert all("This pass" in request.messages[0].content for request in others)
    assert len(content.messages[0].content) < len(others[0].messages[0].content) / 4


def test_a_pair_that_is_left_alone_costs_no_verdict(through: Through) -> None:
    result = through(PAIR, scripted.left_alone)
    assert result.outcome is Outcome.UNCHANGED
    assert [action for _, action, _ in trail_of(result)] == ["skipped"] * 3


def test_the_system_part_is_the_same_for_all_pairs(through: Through) -> None:
    through(PAIR, scripted.left_alone)
    first = [request.messages[0] for request in through.engine.requests]
    through(InstructionPair(instruction="Hallo.", input="Du", response="Guten Tag!"), scripted.left_alone)
    assert [request.messages[0] for request in through.engine.requests] == first


def test_findings_are_evidence_and_repairs_come_first(through: Through) -> None:
    pair = InstructionPair(
        instruction="Nenne vier Farben, die man aus 5 Meilen Entfernung sieht.",
        input="",
        response="Gern:\n1. Rot.\n2. Blau.\n2. Grün.\n4. Gelb.",
    )
    result = through(pair, scripted.left_alone, route=Route.FINDINGS)
    assert trail_of(result)[0] == ("content", "applied", "repaired")
    prompts = [request.messages[1].content for request in through.engine.requests]
    assert all("3. Grün" in prompt for prompt in prompts)
    assert any("imperial-unit" in prompt for prompt in prompts)


FAILURES = {
    "Ein Himmel ist blau.": "answered-instruction",
    "": "empty-reply",
    "{chatter}": "chatter",
    "{truncated}": "truncated",
    "{missing}": "missing-section",
    "{english}": "language-changed",
    "{short}": "length-changed",
    "{other}": "too-little-kept",
    "{address}": "new-address",
}


def failing(request: TextRequest, how: str) -> Answer:
    text = scripted.read_sections(request)["response"]
    match how:
        case "{chatter}":
            return f"Gerne!\n{scripted.left_alone(request)}"
        case "{truncated}":
            return TextReply(text=scripted.reply(request, response=text[:40]), finish_reason=FinishReason.LENGTH)
        case "{missing}":
            return scripted.left_alone(request).replace("<|same|>", f"<|response:{scripted.nonce_of(request)}|>\nx")
        case "{english}":
            english = (
                "The sky is blue because the air scatters the blue light of the sun more than the red light, and so on."
            )
            return scripted.reply(request, response=f"{text} {english}")
        case "{short}":
            return scripted.reply(request, response="Ja.")
        case "{other}":
            words = "Man kann auch Kuchen backen, was viele Menschen gern tun, besonders sonntags nach dem Frühstück. "
            return scripted.reply(request, response=words * 2)
        case "{address}":
            return scripted.reply(request, response=f"{text} Mehr auf www.billig-kaufen.com.")
        case _:
            return how


@pytest.mark.parametrize(("how", "reason"), FAILURES.items())
@pytest.mark.parametrize("pass_", ["content", "translation"])
def test_a_failed_attempt_has_one_retry_and_then_the_text_stands(
    through: Through, how: str, reason: str, pass_: str
) -> None:
    def answer(request: TextRequest) -> Answer:
        if scripted.pass_of(request) != pass_:
            return scripted.left_alone(request)
        return failing(request, how)

    result = through(PAIR, answer)
    assert result.final == PAIR
    if any(decision.edits for decision in result.decisions):
        assert result.outcome is Outcome.REVERTED
    else:
        assert result.outcome is Outcome.UNCHANGED, "nothing was taken back: nothing was there"
        assert trail_of(result)[-1] == ("route", "skipped", "no-usable-reply")
        assert result.decisions[-1].detail == f"{pass_}: {reason}"
    tried = [(d.reason.value, d.attempt) for d in result.decisions if d.pass_.value == pass_]
    assert tried == [(reason, 1), (reason, 2)]
    prompts = [r.messages[1].content for r in through.engine.requests if scripted.pass_of(r) == pass_]
    assert "could not be used" not in prompts[0]
    assert "could not be used" in prompts[1]
    assert all(d.generation for d in result.decisions if d.pass_.value == pass_)


def test_a_retry_may_do_better(through: Through) -> None:
    def answer(request: TextRequest) -> Answer:
        if scripted.pass_of(request) == "content" and "could not be used" not in request.messages[1].content:
            return "Gern!"
        return rewrite_in("content", BETTER)(request)

    result = through(PAIR, answer)
    assert result.outcome is Outcome.IMPROVED
    assert [reason for _, _, reason in trail_of(result)][:2] == ["answered-instruction", "rewritten"]


def test_leaving_alone_after_a_failed_attempt_is_unchanged(through: Through) -> None:
    def answer(request: TextRequest) -> Answer:
        first = scripted.pass_of(request) == "content" and "could not be used" not in request.messages[1].content
        return "Gern!" if first else scripted.left_alone(request)

    assert through(PAIR, answer).outcome is Outcome.UNCHANGED


def test_a_call_without_a_reply_leaves_the_pair_as_it_is(through: Through) -> None:
    result = through(PAIR, lambda _: CallFailed("bad-reply", "no text"), route=Route.CONTENT)
    assert result.final == PAIR
    assert result.outcome is Outcome.UNCHANGED
    assert trail_of(result) == [("content", "rejected", "engine-failed"), ("route", "skipped", "no-usable-reply")]
    assert "bad-reply" in result.decisions[0].detail


def test_lines_are_part_of_a_text(through: Through) -> None:
    response = "Drei Dinge braucht man:\n\n- Wasser und Licht\n- Luft und Wärme\n- Zeit und sehr viel Geduld\n- Erde"
    pair = PAIR.replaced({Field.RESPONSE: response})
    flat = response.replace("\n", " ").replace("  ", " ").replace("sehr viel", "viel")
    result = through(pair, rewrite_in("translation", flat))
    assert result.final == pair
    assert Reason.STRUCTURE_CHANGED in {d.reason for d in result.decisions}


def test_line_ends_are_those_of_the_corpus(through: Through) -> None:
    response = (PAIR.response or "").replace(". Am", ".\r\nAm")
    result = through(
        PAIR.replaced({Field.RESPONSE: response}),
        rewrite_in("content", response.replace("\r\n", "\n").replace("grün", "rot"), prefers="rot."),
    )
    assert result.final.response == response.replace("grün", "rot")


def test_a_pair_that_is_too_long_for_the_model_says_so(through: Through) -> None:
    result = through(PAIR, lambda _: CallFailed("context-exceeded", "9,000 of 8,192 tokens"), route=Route.CONTENT)
    assert trail_of(result) == [("content", "rejected", "context-exceeded"), ("route", "skipped", "no-usable-reply")]
    assert result.decisions[-1].detail == "content: context-exceeded"


def test_instructions_are_not_told(through: Through) -> None:
    def answer(request: TextRequest) -> Answer:
        if scripted.pass_of(request) == "verification":
            return scripted.prefer(request, "careful native editor")
        return scripted.reply(request, response=f"{PAIR.response} {request.messages[0].content[:300]}")

    result = through(PAIR, answer)
    assert result.final == PAIR
    assert {d.reason for d in result.decisions} == {Reason.PROMPT_LEAKED, Reason.NO_USABLE_REPLY}


def test_a_mended_finding_is_told_as_repaired_by_the_model(through: Through) -> None:
    pair = InstructionPair(
        instruction="Wie weit ist es bis zum See?",
        input="",
        response="Bis zum See sind es etwa 5 Meilen auf dem Weg am Ufer.",
    )
    text = "Bis zum See sind es etwa 8 Kilometer auf dem Weg am Ufer."
    result = through(pair, rewrite_in("localization", text))
    assert result.final.response == text
    (found,) = [f for f in result.findings if f.finding.kind == "imperial-unit"]
    assert found.status is FindingStatus.REPAIRED
    assert result.decisions[found.decision or 0].pass_ is Pass.LOCALIZATION
    assert {e.kind for d in result.decisions for e in d.edits} == {"imperial-unit"}


# -- what an edit of a model is called ---------------------------------------------------------------------------------


def finding(kind: str, start: int, end: int, severity: str = "minor", family: str = "content") -> Finding:
    """A finding in the response."""
    return Finding(kind, DefectFamily(family), Severity(severity), Field.RESPONSE, start, end, "seen")


@pytest.mark.parametrize(
    ("findings", "kind"),
    [
        ([], "content-rewrite"),
        ([finding("touched", 4, 6)], "touched"),
        ([finding("beside", 6, 8)], "beside"),  # where one ends and the other begins they touch
        ([finding("away", 7, 8)], "content-rewrite"),
        ([finding("minor", 3, 9), finding("grave", 5, 6, "critical")], "grave"),
        ([finding("others", 4, 6, family="localization")], "content-rewrite"),  # another pass's business
    ],
)
def test_an_edit_is_called_after_the_gravest_finding_it_touches(findings: list[Finding], kind: str) -> None:
    edit = Edit(Field.RESPONSE, 4, 6, "ab", "c", "")
    assert [one.kind for one in attribute_edits([edit], findings, Pass.CONTENT)] == [kind]
    (same,) = attribute_edits([edit], findings, Pass.CONTENT)
    assert replace(same, kind="") == edit, "nothing else changes"
    elsewhere = replace(edit, field=Field.INSTRUCTION)
    assert attribute_edits([elsewhere], findings, Pass.CONTENT)[0].kind == "content-rewrite"


@pytest.mark.parametrize("pass_", REWRITING_PASSES)
def test_an_edit_without_a_finding_is_called_after_its_pass(pass_: Pass) -> None:
    assert rewrite_kind(pass_) == f"{pass_}-rewrite"


def test_words_about_a_failure_have_an_end(through: Through, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dozens of violations would fill the log, and the retry's prompt."""
    many = [Violation(Reason.NUMBER_CHANGED, f"{n}: {'x' * 300}") for n in range(10)]
    monkeypatch.setattr("midb.agent.passes.modelling.check_model_rewrite", lambda *_: many)
    result = through(PAIR, rewrite_in("content", BETTER), route=Route.CONTENT)
    details = [decision.detail for decision in result.decisions if decision.pass_ is Pass.CONTENT]
    assert [len(detail) for detail in details] == [LONGEST_DETAIL] * 2
    retry = through.engine.requests[1].messages[1].content
    assert details[0] in retry
    assert many[-1].detail not in retry
