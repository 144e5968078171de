"""What runs with a model share: a corpus without defects, a model that improves each response, the server it is on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import scripted
from replay_server import ReplayServer

from midb.agent.engines.protocol import TextRequest

EXAMPLES = (Path(__file__).resolve().parents[2] / "examples" / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
CLEAN = "Der Himmel ist blau, weil die Luft das blaue Licht der Sonne stärker streut als das rote Licht der Sonne"

#: The log of a run over ``c.jsonl``.
DB = Path("c.boosted.jsonl.audit.db")

Reply = Callable[[TextRequest], str]


class Serve(Protocol):
    """Makes a server whose replies are made by a function of the request, told like those of the scripted engine."""

    def __call__(
        self, answer: Reply, *, model: str = "replay", models: list[dict[str, str]] | None = None
    ) -> ReplayServer: ...


def write_corpus(folder: Path, count: int, lines: list[str] | None = None) -> Path:
    """So many records without a defect, or the given lines."""
    path = folder / "c.jsonl"
    made = lines or [
        json.dumps(
            {
                "id": f"de-{n}", "instruction": f"Erkläre in Satz {n}, warum der Himmel blau ist.", "input": "",
                "output": f"{CLEAN}, sagt Satz {n}.",
            },
            ensure_ascii=False,
        )
        for n in range(count)
    ]  # fmt: skip
    path.write_text("\n".join(made) + "\n", encoding="utf-8")
    return path


def improving(word: str = "vielmehr") -> Reply:
    """Puts a word behind the response in the content pass, and prefers what holds it."""

    def answer(request: TextRequest) -> str:
        if scripted.pass_of(request) == "verification":
            return scripted.prefer(request, word)
        response = scripted.read_sections(request).get("response", "")
        if scripted.pass_of(request) != "content" or word in response or not response:
            return scripted.left_alone(request)
        return scripted.reply(request, response=f"{response} {word}")

    return answer


def finals(folder: Path) -> list[dict[str, Any]]:
    """The records of the output."""
    return [json.loads(line) for line in (folder / "c.boosted.jsonl").read_text(encoding="utf-8").splitlines()]
