"""BLEnD's files as they are: what is valid, what is left out and why, and how a question is worded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from blend_files import make_question, write_blend, write_country

from midb.domain.errors import UsageError
from midb.evaluation.blend.benchmark import AskedIn, choose_questions, read_blend, word_questions


def test_a_question_knows_its_answers_by_votes_in_both_languages(tmp_path: Path) -> None:
    answers = [(["wani"], ["other"], 1), (["amsa", " amsa ", ""], ["answer"], 3), (["."], [], 2), (["babu"], [], 0)]
    write_country(tmp_path, "Northern_Nigeria", {"q": make_question("Tambaya?", answers, english="Question?")})
    own, english = read_blend(tmp_path, asked_in=AskedIn.BOTH).questions
    assert (own.text, own.language, own.group) == ("Tambaya?", "ha", ("Northern_Nigeria", "ha"))
    assert [(one.spellings, one.votes) for one in own.answers] == [
        ((("ha", "amsa"), ("en", "answer")), 3), ((), 2), ((("ha", "wani"), ("en", "other")), 1),
    ]  # fmt: skip
    assert (english.text, english.language) == ("Question?", "en")
    assert [one.spellings for one in english.answers] == [(("en", "answer"),), (), (("en", "other"),)]


@pytest.mark.parametrize(
    ("votes", "why"),
    [
        (
            {"no-answer": 2, "not-applicable": 1},
            "3 people or more said that there is no answer, or that it does not apply",
        ),
        ({"idk": 5}, "5 people or more did not know"),
        ({"idk": 4, "no-answer": 2}, ""),
    ],
)
def test_what_people_could_not_answer_is_not_asked(tmp_path: Path, votes: dict[str, int], why: str) -> None:
    questions = {"bad": make_question("A?", [(["a"], [], 1)], votes), "good": make_question("B?", [(["b"], [], 1)])}
    write_country(tmp_path, "UK", questions)
    read = read_blend(tmp_path)
    assert [one.id for one in read.questions] == (["good"] if why else ["bad", "good"])
    assert dict(read.left_out["UK", "en"]) == ({why: 1} if why else {})


def test_what_is_irregular_is_left_out_with_its_reason(tmp_path: Path) -> None:
    questions: dict[str, Any] = {
        "blank": make_question(" ", [(["a"], ["a"], 1)]), "unanswered": make_question("A?", []), "odd": ["A?"],
        "foreign": make_question("B?", [(["b"], [], 2)]), "good": make_question("C?", [(["c"], ["c"], 1)]),
    }  # fmt: skip
    questions["good"]["idks"]["I was too tired"] = 9
    write_country(tmp_path, "China", questions)
    read = read_blend(tmp_path, asked_in=AskedIn.BOTH)
    assert [(one.id, one.language) for one in read.questions] == [
        ("foreign", "zh"), ("good", "zh"), ("blank", "en"), ("good", "en"),
    ]  # fmt: skip
    assert dict(read.left_out["China", "zh"]) == {
        "the question is not given": 1, "nobody's answer is given": 1, "not of BLEnD's form": 1,
    }  # fmt: skip
    assert dict(read.left_out["China", "en"]) == {"nobody's answer is given": 2, "not of BLEnD's form": 1}


def test_english_is_asked_once_where_it_is_the_countrys_own(tmp_path: Path) -> None:
    write_blend(tmp_path, 2)
    found = {mode: {one.group for one in read_blend(tmp_path, asked_in=mode).questions} for mode in AskedIn}
    assert found[AskedIn.OWN] == {("US", "en"), ("Northern_Nigeria", "ha")}
    assert found[AskedIn.ENGLISH] == {("US", "en"), ("Northern_Nigeria", "en")}
    assert found[AskedIn.BOTH] == found[AskedIn.OWN] | found[AskedIn.ENGLISH]


def test_the_first_of_two_prompts_of_a_name_counts_and_one_that_asks_nothing_does_not(tmp_path: Path) -> None:
    read = read_blend(write_blend(tmp_path, 1), ["Northern_Nigeria"], AskedIn.BOTH)
    asked = word_questions(read.questions, read.prompts, ["inst-4", "pers-3"])
    assert [one.wording for one in asked] == [
        "Lies das.\n\nFrage: Tambaya 0, Northern_Nigeria?\nAntwort:", "Du bist von dort. Tambaya 0, Northern_Nigeria?",
        "Read this.\n\nQuestion: Question 0, Northern_Nigeria?\nAnswer:",
        "You are from there. Question 0, Northern_Nigeria?",
    ]  # fmt: skip
    question = asked[0].as_question()
    assert (question.name, question.language, question.row) == ("Northern_Nigeria q-0 inst-4", "ha", "q-0")
    with pytest.raises(UsageError, match='there is no prompt "inst-9"'):
        word_questions(read.questions, read.prompts, ["inst-9"])


def test_a_list_of_questions_with_their_ids_is_read_too_and_each_country_once(tmp_path: Path) -> None:
    question = make_question("A?", [(["a"], [], 1)])
    write_country(tmp_path, "UK", {})
    (tmp_path / "annotations" / "UK_data.json").write_text(json.dumps([{"ID": "q", **question}, {"ID": 3}, 7]))
    read = read_blend(tmp_path)
    assert [(one.id, one.text) for one in read.questions] == [("q", "A?")]
    assert dict(read.left_out["UK", "en"]) == {"not of BLEnD's form": 2}
    (tmp_path / "annotations_hf").mkdir()
    (tmp_path / "annotations_hf" / "UK_data.json").write_text(json.dumps([{"ID": "other", **question}]))
    assert [one.id for one in read_blend(tmp_path).questions] == ["q"]


def test_a_sample_has_the_same_questions_of_each_country(tmp_path: Path) -> None:
    read = read_blend(write_blend(tmp_path))
    chosen = choose_questions(read.questions, 10, seed=3)
    ids = {country: [one.id for one in chosen if one.country == country] for country in ("US", "Northern_Nigeria")}
    assert ids["US"] == ids["Northern_Nigeria"]
    assert len(ids["US"]) == 5
    assert choose_questions(read.questions, 10, seed=4) != chosen
    assert choose_questions(read.questions, 0, seed=3) == read.questions


def test_a_file_of_no_known_country_is_named(tmp_path: Path) -> None:
    write_country(tmp_path, "Atlantis", {"q": make_question("A?", [(["a"], [], 1)])})
    with pytest.raises(UsageError, match="there is no valid question"):
        read_blend(tmp_path)
    write_country(tmp_path, "UK", {"q": make_question("A?", [(["a"], [], 1)])})
    assert read_blend(tmp_path).notes == ["Files that are left out, as their language is not known: Atlantis."]


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        read_blend(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="holds no file of BLEnD's annotations"):
        read_blend(tmp_path)
    write_blend(tmp_path, 1)
    with pytest.raises(UsageError, match="there is no Iran_data") as caught:
        read_blend(tmp_path, ["Iran"])
    assert caught.value.hint == "There are Northern_Nigeria, US."
    for broken in ("{", json.dumps("text")):
        (tmp_path / "annotations" / "US_data.json").write_text(broken)
        with pytest.raises(UsageError, match="US_data"):
            read_blend(tmp_path)
    write_blend(tmp_path, 1)
    (tmp_path / "prompts" / "US_prompts.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read as CSV"):
        read_blend(tmp_path)
