"""The mix of examples: revisions, clean pairs to be left alone, defects to be taken out; seeded."""

from __future__ import annotations

from collections import Counter

import pytest

from midb.agent.engines.protocol import FinishReason
from midb.agent.model.replies import parse_rewrite
from midb.domain.decisions import Pass
from midb.domain.errors import UsageError
from midb.domain.pairs import InstructionPair
from midb.prompts import load_prompts
from midb.training.data.revision import Origin, Revision
from midb.training.examples.building import Built, ExampleBuilder, parse_mix
from midb.training.examples.damaging import put_in
from midb.training.examples.example import ExampleKind

PROMPTS = load_prompts()


def revision(number: int, revised: str | None = None) -> Revision:
    raw = InstructionPair(
        instruction=f"Wie weit ist es bis zur Stadt mit der Nummer {number}, und wie kommt man hin?",
        response=f"Es sind {number},5 Kilometer. Man fährt mit dem Zug, der alle zwanzig Minuten kommt.",
    )
    longer = f"{raw.response} Die Fahrt dauert nicht lange."
    made = raw.model_copy(update={"response": longer if revised is None else revised})
    return Revision(name=str(number), row=f"number {number}", language="de", origin=Origin.LINES, raw=raw, revised=made)


def build(mix: str, count: int = 20, most: int = 0, seed: int = 0, passes: tuple[Pass, ...] = ()) -> Built:
    builder = ExampleBuilder(PROMPTS, put_in=put_in, seed=seed, **({"passes": passes} if passes else {}))
    return builder.build([revision(number) for number in range(1, count + 1)], parse_mix(mix), most)


def test_the_mix_is_as_asked_for() -> None:
    built = build("revision:0.5,unchanged:0.3,defect:0.2")
    kinds = Counter(example.kind for example in built.examples)
    assert kinds == {ExampleKind.REVISION: 20, ExampleKind.UNCHANGED: 12, ExampleKind.DEFECT: 8}
    assert {e.pass_ for e in built.examples if e.kind is ExampleKind.REVISION} == {Pass.CONTENT}
    assert len({e.pass_ for e in built.examples if e.kind is not ExampleKind.REVISION}) == 3
    for example in built.examples:
        read = parse_rewrite(example.completion, FinishReason.STOP, example.before, example.sections, example.nonce)
        assert read == example.target
        assert (read == example.before) is (example.kind is ExampleKind.UNCHANGED)
        assert bool(example.defect) is (example.kind is ExampleKind.DEFECT)
    defects = [e for e in built.examples if e.kind is ExampleKind.DEFECT]
    hinted = ["Findings of rules" in e.messages[1].content for e in defects]
    assert any(hinted)
    assert not all(hinted)


def test_the_same_seed_gives_the_same_examples_and_another_one_others() -> None:
    mix = "unchanged:1,defect:1"
    first, again, other = (build(mix, most=10, seed=seed).examples for seed in (3, 3, 4))
    assert first == again
    assert [e.name for e in first] != [e.name for e in other]
    assert len(first) == 10


def test_only_passes_that_are_trained_have_examples() -> None:
    built = build("revision:1,unchanged:1", passes=(Pass.LOCALIZATION,))
    assert {e.pass_ for e in built.examples} == {Pass.LOCALIZATION}
    assert built.left_out["of a pass that is not trained (content)"] == 20


def test_what_a_run_would_refuse_is_left_out() -> None:
    """A revision in another language, one that empties the response, and a revised side that is not clean."""
    bad = [
        revision(1, "It is not far, and you take the train that comes every twenty minutes."),
        revision(2, ""),
        revision(3, "SchÃ¶n ist es dort, und der Zug fährt alle zwanzig Minuten bis spät in die Nacht."),
    ]
    built = ExampleBuilder(PROMPTS, put_in=put_in).build(bad, parse_mix("revision:1,unchanged:1"))
    assert [e.kind for e in built.examples if e.kind is ExampleKind.REVISION] == []
    assert sum(n for reason, n in built.left_out.items() if reason.startswith("a run's checks")) == 3


def test_a_revision_that_changed_nothing_teaches_to_leave_alone() -> None:
    same = revision(5, str(revision(5).raw.response))
    (example,) = ExampleBuilder(PROMPTS, put_in=put_in).build([same], parse_mix("revision:1")).examples
    assert example.kind is ExampleKind.UNCHANGED


@pytest.mark.parametrize("text", ["", "revision", "all:1", "revision:x", "revision:0", "revision:-1", "revision:inf"])
def test_another_mix_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--mix"):
        parse_mix(text)
