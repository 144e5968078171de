"""Questions from files as they are in the wild: ids that are missing, one to six turns, translated keys."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from midb.domain.errors import UsageError
from midb.evaluation.models.questions import choose_questions, find_turns, list_languages, read_questions

GERMAN = "Schreibe einen Bericht über eine Reise nach Hawaii, in dem das Essen und die Leute vorkommen."
FRENCH = "Écris un récit de voyage sur un séjour à Hawaï, dans lequel on parle de la cuisine et des gens."


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("record", "turns"),
    [
        ({"question_id": 81, "category": "writing", "turns": ["a", "b"]}, ("a", "b")),
        ({"Runden": ["a"], "id": 3}, ("a",)),
        ({"turns": ["a", "b", "c", "d", "e", "f"]}, ("a", "b", "c", "d", "e", "f")),
        ({"instruction": "a", "input": "", "dataset": "x"}, ("a",)),
        ({"Istruzione": "a", "input": "b"}, ("a\n\nb",)),
        ({"turns": []}, ()),
        ({"turns": [1, 2]}, ()),
        ({"output": "a"}, ()),
        ({"instruction": "  "}, ()),
    ],
)
def test_what_holds_texts_is_found(record: dict[str, Any], turns: tuple[str, ...]) -> None:
    assert find_turns(record) == turns


def test_translations_of_a_question_are_one_row(tmp_path: Path) -> None:
    write(tmp_path / "German.json", [{"question_id": n, "turns": [GERMAN, "Und nun?"]} for n in range(3)])
    write(tmp_path / "French.json", [{"question_id": n, "turns": [FRENCH, "Et alors ?"]} for n in (0, 2)])
    found = read_questions([tmp_path])
    assert list(list_languages(found.questions)) == ["de", "fr"]
    rows = Counter(question.row for question in found.questions)
    assert sorted(rows.values()) == [1, 2, 2]
    assert found.notes == []


def test_questions_without_ids_are_rows_of_their_own_and_that_is_said(tmp_path: Path) -> None:
    for name, text in (("German", GERMAN), ("French", FRENCH)):
        write(tmp_path / f"{name}.json", [{"instruction": f"{text} {n}"} for n in range(2)])
    found = read_questions([tmp_path])
    assert len({question.row for question in found.questions}) == 4
    assert sum("have no id" in note for note in found.notes) == 2


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"question_id": 1, "turns": [GERMAN]},
        {"question_id": 2},
        {"question_id": 3, "turns": [FRENCH], "lang": "fr"},
    ]
    found = read_questions([write(tmp_path / "q.json", records)], ["de"])
    assert [question.name for question in found.questions] == ["q 1"]
    assert "1 questions are left out: no text to ask." in found.notes
    assert "1 questions are left out: in another language (fr)." in found.notes
    with pytest.raises(UsageError, match=r"there is no question .*in another language"):
        read_questions([tmp_path / "q.json"], ["ja"])


def test_a_sample_takes_the_same_rows_of_each_language(tmp_path: Path) -> None:
    for name, text in (("German", GERMAN), ("French", FRENCH)):
        write(tmp_path / f"{name}.json", [{"question_id": n, "turns": [f"{text} {n}"]} for n in range(20)])
    questions = read_questions([tmp_path]).questions
    chosen = choose_questions(questions, 10, 3)
    assert Counter(question.language for question in chosen) == {"de": 5, "fr": 5}
    assert len({question.row for question in chosen}) == 5
    assert choose_questions(questions, 0, 3) == questions
    assert chosen == choose_questions(questions, 10, 3)
