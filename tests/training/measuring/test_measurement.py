"""A whole measurement with an engine that answers by a function."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from learned import PROMPTS, answer_well, write_set
from scripted import Answer, ScriptedEngine

from midb.agent.engines.adapter_manifest import AdapterManifest
from midb.agent.engines.adapters import Adapter
from midb.agent.engines.protocol import CallFailed, TextRequest
from midb.agent.run.session import RunEngine
from midb.domain.decisions import Pass
from midb.domain.errors import MidbError, UsageError
from midb.domain.hashing import file_sha256
from midb.training.examples.example import TrainingExample
from midb.training.measuring import measurement
from midb.training.measuring.measurement import Collected, Measurement, collect_replies, measure
from midb.training.measuring.reading import read_held_out

STYLE = Adapter(label="style", sha256="ab" * 32)


def answer(request: TextRequest) -> Answer:
    """The model chatters; its adapter knows what to do."""
    return answer_well(request) if request.adapter else "Gern! Hier ist die Antwort auf deine Frage, lieber Mensch."


def collect(folder: Path, engine: ScriptedEngine, adapters: dict[Pass, Adapter], told: list[Any]) -> Collected:
    with asyncio.Runner() as loop:
        loop.run(engine.start())
        held_out = read_held_out(folder)
        found = collect_replies(
            RunEngine(engine, loop, adapters=adapters), held_out, held_out.examples, folder.parent / "kept.jsonl",
            lambda *what: told.append(what),
        )  # fmt: skip
        loop.run(engine.close())
        return found


def run(
    tmp_path: Path, adapters: dict[Pass, Adapter], script: Any = answer, manifest: dict[str, Any] | None = None,
    **settings: Any,
) -> Measurement:  # fmt: skip
    folder = write_set(tmp_path / "set", **(manifest or {}))
    return measure(collect(folder, ScriptedEngine(script), adapters, []), resamples=100, **settings)


def test_before_and_after(tmp_path: Path) -> None:
    measured = run(tmp_path, {Pass.CONTENT: STYLE}, no_losses="nobody asked")
    overall = measured.groups[0]
    assert (overall.examples, overall.rows) == (12, 4)
    figures = overall.figures
    assert [figures["well_formed"][side].value for side in ("before", "after")] == [0.0, 100.0]
    assert [figures["repaired"][side].value for side in ("before", "after")] == [0.0, 100.0]
    assert figures["left_alone"]["after"].value == 100.0
    assert figures["distance"]["gain"].value == 0.0, "revisions were left alone"
    assert measured.defects == [{"kind": "mojibake", "pass": "content", "examples": 4, "before": 0, "after": 4}]
    assert measured.reasons["before"]["unusable"] == {"answered-instruction": 12}
    assert measured.model == "scripted 1"
    assert measured.adapters == {"content": f"scripted 1 + adapter {STYLE.name}"}
    assert "The loss is left out: nobody asked." in measured.notes
    assert any("as close to the revision as doing nothing" in said for said in measured.conclusions)
    written = measured.as_json()
    assert written["groups"][0]["figures"]["well_formed"]["after"]["value"] == 100.0
    assert written["intervals"] == {"confidence": 0.95, "clusters": "row", "resamples": 100, "seed": 0}
    assert set(written["groups"][0]["figures"]) <= set(written["metrics"])


def test_without_an_adapter_the_model_is_measured(tmp_path: Path) -> None:
    measured = run(tmp_path, {})
    assert set(measured.groups[0].figures["well_formed"]) == {"before"}
    assert measured.adapters == {}
    assert "after" not in measured.reasons


def test_replies_that_are_there_are_judged_again_and_not_asked_for(tmp_path: Path) -> None:
    told: list[Any] = []
    folder = write_set(tmp_path / "set")
    first = measure(collect(folder, ScriptedEngine(answer), {Pass.CONTENT: STYLE}, told), resamples=100)
    engine = ScriptedEngine(answer)
    again = measure(collect(folder, engine, {Pass.CONTENT: STYLE}, told), resamples=100)
    assert engine.requests == []
    assert again.as_json() == first.as_json()
    assert ("replies after", 12, 12) in told


def test_an_example_without_a_reply_is_counted(tmp_path: Path) -> None:
    def failing(request: TextRequest) -> Answer:
        broken = "Aufgabe 4" in request.messages[1].content and request.adapter
        return CallFailed("context-exceeded", "it is too long.") if broken else answer(request)

    measured = run(tmp_path, {Pass.CONTENT: STYLE}, failing)
    assert measured.failed == {"after": {"context-exceeded": 1}}
    assert measured.groups[0].figures["well_formed"]["after"].items == 11
    with pytest.raises(MidbError, match="not one example got a reply"):
        run(tmp_path / "other", {}, lambda request: CallFailed("context-exceeded", "it is too long."))


def test_passes_that_no_adapter_answers_are_left_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no example of a pass that the adapter answers") as caught:
        run(tmp_path, {Pass.TRANSLATION: STYLE})
    assert "content" in caught.value.hint
    folder = write_set(tmp_path / "both")
    lines = (
        (folder / "held_out.jsonl").read_text(encoding="utf-8").replace('"pass":"content"', '"pass":"translation"', 3)
    )
    (folder / "held_out.jsonl").write_text(lines, encoding="utf-8")
    measured = measure(collect(folder, ScriptedEngine(answer), {Pass.CONTENT: STYLE}, []), resamples=100)
    assert "3 examples of passes that no adapter answers are left out." in measured.notes


def test_other_prompts_than_those_of_the_training_are_named(tmp_path: Path) -> None:
    manifest = AdapterManifest(prompts="full", prompt_hashes=PROMPTS.fingerprint() | {"rewrite.user": "ab"})
    measured = run(
        tmp_path, {Pass.CONTENT: replace(STYLE, manifest=manifest)}, manifest={"prompts": PROMPTS.fingerprint()}
    )
    assert (
        "The examples of content ask with other prompts than style was trained with (rewrite.user)." in measured.notes
    )


@pytest.mark.parametrize("same", [True, False])
def test_examples_that_a_training_may_have_seen_are_named(tmp_path: Path, same: bool) -> None:
    sha256 = file_sha256(write_set(tmp_path / "set") / "held_out.jsonl") if same else "ab" * 32
    whole = {"examples": {"sha256": {"held_out.jsonl": sha256}}}
    manifest = AdapterManifest(prompts="full", whole=whole)
    measured = run(tmp_path, {Pass.CONTENT: replace(STYLE, manifest=manifest)})
    named = [note for note in measured.notes if "not the examples that were held out of the training of style" in note]
    assert len(named) == (0 if same else 1)


def test_losses_go_to_their_examples(tmp_path: Path) -> None:
    asked: list[tuple[int, str]] = []

    def losses(examples: Sequence[TrainingExample], adapter: Adapter | None) -> list[tuple[float, int] | None]:
        asked.append((len(examples), adapter.label if adapter else ""))
        return [None if number == 0 else (2.0 if adapter is None else 1.0, 4) for number in range(len(examples))]

    measured = run(tmp_path, {Pass.CONTENT: STYLE}, losses=losses)
    assert asked == [(12, ""), (12, "style")]
    found = measured.groups[0].figures["loss"]
    assert (found["before"].value, found["after"].value, found["before"].items) == (0.5, 0.25, 11)


def test_a_missing_library_is_told_and_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "find_chrf", lambda: None)
    measured = run(tmp_path, {})
    assert any("sacrebleu is not installed (pip install '.[measure]')" in note for note in measured.notes)
