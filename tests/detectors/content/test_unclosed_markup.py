"""Unclosed markup: fences and bold are closed where that changes nothing else, the rest is flagged."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, respond

from midb.detectors.content.unclosed_markup import UNCLOSED
from midb.domain.pairs import InstructionPair

KIND = [UNCLOSED.name]


@pytest.mark.parametrize("fence", ["```", "````", "~~~"])
def test_a_fence_is_closed_as_it_was_opened(fence: str, examine: Examine) -> None:
    _, repaired = examine(respond(f"{fence}sh\nls"), "de", kinds=KIND)
    assert repaired.response == f"{fence}sh\nls\n{fence}"


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("- **Eins:** a\n- **Zwei: b\n- **Drei:** c", "- **Eins:** a\n- **Zwei:** b\n- **Drei:** c"),
        ("- **Eins**: a\n- **Zwei: b\n- **Drei**: c", "- **Eins**: a\n- **Zwei**: b\n- **Drei**: c"),
        ("**Eins**\na\n\n**Zwei\nb", "**Eins**\na\n\n**Zwei**\nb"),
        ("**これは何？**\nはい\n\n**それは何？\nいいえ", "**これは何？**\nはい\n\n**それは何？**\nいいえ"),
    ],
)
def test_bold_is_closed_where_other_lines_close_theirs(text: str, closed: str, examine: Examine) -> None:
    assert examine(respond(text), "ja", kinds=KIND)[1].response == closed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Das ist **wichtig.", "bold is opened or closed alone in its line"),
        ("- **Eins:** a\n- **Zwei**: b\n- **Drei: c", "bold is opened or closed alone in its line"),
        ("```py\nx\n```js\ny", "a code fence is opened and never closed"),
        ("Nun \\(\\frac{1}{2} und weiter", "\\( opens LaTeX that \\) never closes"),
        ("Nun $$\\frac{1}{2} und weiter", "$$ opens LaTeX that is never closed"),
        ("\\begin{cases}\\frac{1}{2}", "\\begin{cases} is never ended"),
        ("Es liegt weit (im Norden.", "( is opened and never closed"),
        ("彼は「はいと言った。", "「 is opened and never closed"),
    ],
)
def test_the_rest_is_flagged(text: str, reason: str, examine: Examine) -> None:
    findings, repaired = examine(respond(text), "ja", kinds=KIND)
    assert evidence(findings) == [reason]
    assert repaired.response == text


@pytest.mark.parametrize(
    "text",
    [
        "```\nx\n```",
        "**fett** und *** und 2**3 und a**b",
        "`**` steht für fett",
        "**zwei\nZeilen**",
        "Das kostet $$ und mehr.",
        "`\\(\\frac` und mehr",
        "\\(\\frac{1}{2}\\) \\[x\\]",
        "\\begin{cases}\\frac{1}{2}\\end{cases}",
        "a) eins b) zwei :(",
    ],
)
def test_what_is_closed_or_needs_no_closing(text: str, examine: Examine) -> None:
    assert examine(respond(text), "de", kinds=KIND)[0] == []


def test_an_open_fence_of_nothing_is_not_closed(examine: Examine) -> None:
    assert examine(respond("Siehe:\n```\n"), "de", kinds=KIND)[1].response == "Siehe:\n```\n"


def test_the_source_is_named_beside_a_bracket(examine: Examine) -> None:
    pair = respond("Es liegt weit (im Norden.")
    for source, ending in (
        (respond("It lies far away (in the north."), ", as in the source"),
        (respond("It lies far away (in the north)."), "; the source closes its brackets"),
    ):
        (finding,), _ = examine(pair, "de", source=source, kinds=KIND)
        assert finding.evidence.endswith(ending)


def test_a_task_with_open_brackets_may_be_answered_with_some(examine: Examine) -> None:
    task = InstructionPair(instruction="Was fehlt hier: (das Ende?", response="In (das Ende fehlt etwas.")
    assert [finding.field for finding in examine(task, "de", kinds=KIND)[0]] == ["instruction"]
