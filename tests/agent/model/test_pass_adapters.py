"""Which adapter answers which pass, with which prompts, and what a run says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted import ScriptedEngine, left_alone

from midb.agent.engines.adapter_manifest import AdapterManifest
from midb.agent.engines.adapters import Adapter
from midb.agent.model.pass_adapters import (
    choose_prompts,
    describe_adapters,
    describe_run,
    give_to_passes,
    name_prompts,
)
from midb.domain.decisions import REWRITING_PASSES, Pass
from midb.domain.errors import UsageError
from midb.prompts import SHORT, load_prompts

FULL_PROMPTS, SHORT_PROMPTS = load_prompts(), load_prompts(style=SHORT)


def adapter(label: str, *passes: str, prompts: str = "full", hashes: dict[str, str] | None = None) -> Adapter:
    manifest = AdapterManifest(prompts=prompts, passes=passes, prompt_hashes=hashes or {})
    return Adapter(label=label, folder=Path(label), sha256=f"{label}0" * 32, manifest=manifest)


KNOWN = {name: adapter(name, *passes) for name, passes in {"a": (), "b": (), "c": ("content", "translation")}.items()}


def labels(given: dict[str, str], passes: tuple[Pass, ...] = REWRITING_PASSES) -> tuple[dict[str, str], list[str]]:
    warnings: list[str] = []
    chosen = give_to_passes(given, passes, KNOWN.__getitem__, warnings.append)
    return {pass_.value: found.label for pass_, found in chosen.items()}, warnings


def test_one_adapter_answers_all_passes_or_those_it_was_trained_for() -> None:
    assert labels({"": "a"}) == ({"content": "a", "translation": "a", "localization": "a"}, [])
    assert labels({"": "c"}) == ({"content": "c", "translation": "c"}, [])
    assert labels({"": "a", "translation": "b"})[0] == {"content": "a", "translation": "b", "localization": "a"}
    assert labels({"content": "b"})[0] == {"content": "b"}
    assert labels({"": "a"}, (Pass.CONTENT,))[0] == {"content": "a"}


def test_who_learnt_to_answer_revises_nothing() -> None:
    """Whether it is given to all passes or to one by name."""
    for given in ({"": "s"}, {"content": "s"}):
        with pytest.raises(UsageError, match="the adapter s learnt to answer instructions"):
            give_to_passes(given, REWRITING_PASSES, lambda name: adapter(name, prompts="chat"), print)


def test_a_pass_it_was_not_trained_for_is_a_warning_where_it_was_asked_for() -> None:
    found, warnings = labels({"localization": "c"})
    assert found == {"localization": "c"}
    assert warnings == ["the adapter c was not trained for localization, but for content, translation"]


@pytest.mark.parametrize(
    ("given", "passes", "hint"),
    [
        ({"translation": "a"}, (Pass.CONTENT,), "add translation"),
        ({"": "c"}, (Pass.LOCALIZATION,), "trained for content, translation"),
        ({"": "a", "content": "b"}, (Pass.CONTENT,), "one of its own"),
    ],
)
def test_an_adapter_that_nobody_would_ask_is_refused(
    given: dict[str, str], passes: tuple[Pass, ...], hint: str
) -> None:
    with pytest.raises(UsageError, match="no pass of this run would ask the adapter") as caught:
        labels(given, passes)
    assert hint in caught.value.hint


def test_an_adapter_is_asked_with_the_prompts_that_it_knows() -> None:
    warnings: list[str] = []
    given = {
        Pass.CONTENT: adapter("s", prompts="short", hashes=SHORT_PROMPTS.fingerprint()),
        Pass.TRANSLATION: adapter("f", hashes=FULL_PROMPTS.fingerprint()),
        Pass.LOCALIZATION: Adapter(label="served"),
    }
    chosen = choose_prompts(given, FULL_PROMPTS, warnings.append)
    assert warnings == []
    assert [chosen[pass_].prompts for pass_ in given] == [SHORT_PROMPTS, None, None]
    assert [chosen[pass_].name for pass_ in given] == ["s s0s0s0s0", "f f0f0f0f0", "served"]
    assert name_prompts(chosen) == {
        "content: content.system": SHORT_PROMPTS["content.system"].sha256,
        "content: rewrite.user": SHORT_PROMPTS["rewrite.user"].sha256,
    }
    assert describe_adapters(chosen) == (
        "s s0s0s0s0 for content (short prompts); f f0f0f0f0 for translation; served for localization"
    )
    assert choose_prompts({}, FULL_PROMPTS, warnings.append) == {}


def test_prompts_that_have_changed_since_are_a_warning() -> None:
    warnings: list[str] = []
    old = FULL_PROMPTS.fingerprint() | {"rewrite.user": "ab", "translation.system": "cd"}
    choose_prompts({Pass.CONTENT: adapter("f", hashes=old)}, FULL_PROMPTS, warnings.append)
    assert warnings == [
        "the adapter f was trained with other prompts for content (rewrite.user): its replies may be worse than in "
        "training"
    ]


def test_prompts_of_its_user_s_own_have_to_be_given() -> None:
    own = adapter("f", prompts="own", hashes={"content.system": "ab"})
    with pytest.raises(UsageError, match=r"trained with other prompts for content \(content\.system\)") as caught:
        choose_prompts({Pass.CONTENT: own}, FULL_PROMPTS, lambda _: None)
    assert "--prompts FOLDER" in caught.value.hint
    theirs = adapter("f", prompts="own", hashes=FULL_PROMPTS.fingerprint())
    assert choose_prompts({Pass.CONTENT: theirs}, FULL_PROMPTS, lambda _: None)[Pass.CONTENT].prompts is None


def test_the_fingerprint_of_a_run_names_model_and_adapters() -> None:
    engine = ScriptedEngine(left_alone)
    passes = {Pass.CONTENT: adapter("a"), Pass.LOCALIZATION: adapter("a"), Pass.TRANSLATION: adapter("b")}
    chosen = choose_prompts(passes, FULL_PROMPTS, lambda _: None)
    assert describe_run(engine, {}) == "scripted 1"
    assert describe_run(engine, chosen) == (
        "scripted 1 + adapter a a0a0a0a0 for content, localization + adapter b b0b0b0b0 for translation"
    )
