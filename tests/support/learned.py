"""Examples of each kind, replies to them, and a set of them on disk: what measurements are tested with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from midb.agent.engines.protocol import FinishReason, TextRequest
from midb.agent.model.sections import SAME, lay_out, make_tag
from midb.domain.decisions import Pass
from midb.domain.generations import Generation, GenerationKey
from midb.domain.pairs import Field, InstructionPair
from midb.prompts import load_prompts
from midb.training.data.revision import Origin, Revision
from midb.training.examples.example import ExampleKind, TrainingExample, make_example
from midb.training.writing import write_examples

PROMPTS = load_prompts()

CLEAN = InstructionPair(
    instruction="Erkläre kurz, warum der Himmel am Tag blau ist.",
    response="Der Himmel ist blau, weil die Luft das blaue Licht der Sonne stärker streut als das rote Licht.",
)

#: What an expert made of the response, and what a defect made of it.
LONGER = f"{CLEAN.response} Am Abend legt das Licht einen längeren Weg zurück, und der Himmel wird rot."
BROKEN = (CLEAN.response or "").replace("stärker", "stÃ¤rker")


def make(kind: ExampleKind, row: int, pass_: Pass = Pass.CONTENT) -> TrainingExample:
    """An example of a kind; its texts are no other's."""
    number = 3 * row + [*ExampleKind].index(kind)
    pair = CLEAN.replaced({Field.INSTRUCTION: f"{CLEAN.instruction} Das ist Aufgabe {number}."})
    raw, revised = pair, pair
    if kind is ExampleKind.REVISION:
        revised = pair.replaced({Field.RESPONSE: LONGER})
    elif kind is ExampleKind.DEFECT:
        raw = pair.replaced({Field.RESPONSE: BROKEN})
    made = Revision(
        name=f"de-{row}", row=f"number {row}", language="de", origin=Origin.LINES, raw=raw, revised=revised, pass_=pass_
    )
    return make_example(made, kind, PROMPTS, defect="mojibake" if kind is ExampleKind.DEFECT else "")


def reply(example: TrainingExample, text: str, finish: FinishReason = FinishReason.STOP, **counts: Any) -> Generation:
    """A reply as it is logged."""
    key = GenerationKey("p", "e", "s")
    return Generation(
        key=key, pass_=example.pass_.value, messages=(), completion=text, finish_reason=finish.value,
        **{"completion_tokens": 10, "steps": 4} | counts,
    )  # fmt: skip


def say(example: TrainingExample, response: str) -> str:
    """The reply that makes the response another one and leaves all else alone."""
    return lay_out([(f.value, response if f is Field.RESPONSE else SAME) for f in example.sections], example.nonce)


def leave(example: TrainingExample) -> str:
    """The reply that changes nothing."""
    return f"{SAME}\n{make_tag('end', example.nonce)}"


def write_set(folder: Path, rows: int = 4, **manifest: Any) -> Path:
    """A set with an example of each kind, for each row, held out."""
    held_out = [make(kind, row) for row in range(rows) for kind in ExampleKind]
    write_examples(folder, [make(ExampleKind.UNCHANGED, 99)], held_out, manifest)
    return folder


def answer_well(request: TextRequest) -> str:
    """What a good booster replies to any of these examples."""
    from scripted import left_alone, read_sections
    from scripted import reply as answer

    response = read_sections(request)["response"]
    if "Ã" in response:
        return answer(request, response=CLEAN.response or "")
    return left_alone(request)
