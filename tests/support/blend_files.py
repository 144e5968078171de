"""Files of the form that BLEnD has, with texts that were written for these tests."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def make_question(
    text: str,
    answers: Sequence[tuple[Sequence[str], Sequence[str], int]],
    votes: Mapping[str, int] = {},
    *,
    english: str = "",
) -> dict[str, Any]:
    """A question; answers are spellings in the country's language, in English, and votes; ``votes`` are for none."""
    return {
        "question": text,
        "en_question": english or f"{text} (in English)",
        "annotations": [{"answers": list(own), "en_answers": list(en), "count": count} for own, en, count in answers],
        "idks": {"idk": 0, "no-answer": 0, "not-applicable": 0, **votes},
    }


def write_country(folder: Path, country: str, questions: Mapping[str, Any]) -> None:
    """Annotations and prompts of a country; both prompts end in what the answer begins with."""
    for name in ("annotations", "prompts"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    path = folder / "annotations" / f"{country}_data.json"
    path.write_text(json.dumps(questions, ensure_ascii=False), encoding="utf-8")
    with (folder / "prompts" / f"{country}_prompts.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "English", "Translation"])
        writer.writerow(["inst-4", "Read this.\n\nQuestion: {q}\nAnswer:", "Lies das.\n\nFrage: {q}\nAntwort:"])
        writer.writerow(["pers-3", "You are from there. {q}", "Du bist von dort. {q}"])
        writer.writerow(["inst-4", "A second one: {q}", "Ein zweiter: {q}"])
        writer.writerow(["inst-9", "Nothing is asked.", "Nichts."])


def write_blend(folder: Path, count: int = 24) -> Path:
    """Two countries: in each ``count`` questions, of which the answer has the question's number."""
    for country in ("US", "Northern_Nigeria"):
        made = {
            f"q-{number}": make_question(
                f"Tambaya {number}, {country}?",
                [((f"amsa{number}",), (f"answer{number}",), 4), ((f"wani{number}",), (f"other{number}",), 1)],
                english=f"Question {number}, {country}?",
            )
            for number in range(count)
        }
        made["refused"] = make_question("Ba amsa?", [(("a",), ("a",), 1)], {"no-answer": 2, "not-applicable": 1})
        write_country(folder, country, made)
    return folder
