"""What is said in several languages, and the function that surveys a corpus of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from midb.corpus.layouts import Columns
from midb.corpus.survey import Survey

GERMAN = "Der Hund ist ein Tier, das mit den Menschen lebt und ihnen auch bei der Arbeit hilft."
FRENCH = "Le chien est un animal qui vit avec les hommes et qui les aide aussi dans leur travail."
ENGLISH = "The dog is an animal that lives with people and also helps them with their work."
JAPANESE = "犬は人間と一緒に暮らし、仕事を手伝うこともある動物です。"
INDONESIAN = "Anjing adalah hewan yang tinggal bersama manusia dan juga membantu mereka karena bisa bekerja."
MALAY = "Anjing ialah haiwan yang tinggal bersama manusia dan juga membantu mereka kerana boleh bekerja."


class Look(Protocol):
    """Surveys a corpus given as rows or as bytes."""

    def __call__(
        self,
        content: Sequence[Mapping[str, object]] | bytes,
        *,
        language: str | None = None,
        mapping: Columns | None = None,
        limit: int | None = None,
    ) -> Survey: ...


def row(text: str, **more: object) -> dict[str, object]:
    """A record with this response."""
    return {"instruction": "?", "output": text, **more}
