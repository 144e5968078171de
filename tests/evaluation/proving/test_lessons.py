"""What students learn: the same pairs in the same order; held out by whole rows; sentences where it is too little."""

from __future__ import annotations

from dataclasses import replace

import pytest
from proofs import CONTROL, EVERY, LetterEncoder, align_rows, teach, write_pair

from midb.domain.errors import UsageError
from midb.domain.pairs import Field, InstructionPair
from midb.evaluation.models.questions import Question, QuestionSet
from midb.evaluation.pairwise.aligning import Alignment
from midb.evaluation.proving.lessons import (
    as_reference,
    list_questions,
    list_references,
    make_lessons,
    take_questions,
)
from midb.training.examples.plain import join_task


def test_all_students_learn_the_same_pairs_in_the_same_order() -> None:
    lessons = teach()
    chats = {side: [pair.as_chat(side) for pair in lessons.train] for side in ("raw", "boosted", "control")}
    for name in ("name", "row", "language", "room"):
        assert [chat[name] for chat in chats["raw"]] == [chat[name] for chat in chats["boosted"]]
        assert [chat[name] for chat in chats["raw"]] == [chat[name] for chat in chats["control"]]
    for pair in lessons.train:
        texts = {side: pair.as_chat(side)["messages"][1]["content"] for side in chats}
        assert len(set(texts.values())) == (3 if int(pair.name.partition("-")[2]) % EVERY == 0 else 1)
        longest = max(len(text) for text in texts.values())
        assert pair.room == longest + len(pair.as_chat("raw")["messages"][0]["content"])


def test_rows_are_held_out_in_all_languages_and_whatever_the_sample() -> None:
    made = make_lessons(
        align_rows(100, languages=("de", "tr")), None, LetterEncoder(), longest=999, holdout=0.25, seed=3
    )
    assert not {pair.row for pair in made.train} & {pair.row for pair in made.held_out}
    assert (len(made.train), len(made.held_out)) == (150, 50)
    described = made.describe()
    assert (described["train_rows"], described["held_out_rows"], described["languages"]) == (
        75,
        25,
        {"de": 75, "tr": 75},
    )
    assert described["differing"] == 50
    few = teach(sample=80)
    assert len(few.train) + len(few.held_out) == 80


def test_what_serves_for_nothing_is_counted() -> None:
    aligned = align_rows(120)

    def change(place: int, field: Field, text: str) -> None:
        number, pair = aligned.every[place]
        (raw, before), (boosted, after) = pair.versions
        made = (raw, before.replaced({field: text})), (boosted, after.replaced({field: text}))
        aligned.every[place] = number, replace(pair, versions=made)

    aligned.every[1] = 1, aligned.every[1][1]
    change(2, Field.RESPONSE, " ")
    change(3, Field.RESPONSE, "lang" * 400)
    change(5, Field.INSTRUCTION, "\0")
    left = make_lessons(aligned, None, LetterEncoder(), longest=999, holdout=0.3).left_out
    assert left == {
        "a later turn, or another answer, of its record": 1, "without a task or an answer on one side": 1,
        "longer than 999 tokens on one side": 1, "the base's tokenizer does not take it": 1,
    }  # fmt: skip


def test_too_few_rows_are_told_with_the_number_that_it_takes() -> None:
    with pytest.raises(UsageError, match="too small: 60 rows can be used, and 20") as caught:
        teach(60, holdout=0.2)
    assert "takes 100 rows" in caught.value.hint
    with pytest.raises(UsageError, match="too small: 60 rows") as caught:
        teach(60, holdout=0.8)
    assert "takes 100 rows" in caught.value.hint
    assert len(teach(100, holdout=0.2).held_out) == 20


def test_a_task_that_is_learnt_is_held_out_in_no_other_row() -> None:
    """Corpora hold the same task under several ids; what is measured on it would be remembered."""
    aligned = align_rows(120)
    held = teach(control=False).held_out[0].name
    learnt = teach(control=False).train[1]
    for place, (number, pair) in enumerate(aligned.every):
        if pair.item == held:
            task = f"  {learnt.versions['raw'].instruction} ".upper()
            versions = tuple((side, one.replaced({Field.INSTRUCTION: task})) for side, one in pair.versions)
            aligned.every[place] = number, replace(pair, versions=(versions[0], versions[1]))
    lessons = make_lessons(aligned, None, LetterEncoder(), longest=999, holdout=0.3)
    assert held not in [pair.name for pair in (*lessons.train, *lessons.held_out)]
    assert lessons.left_out == {"held out, and its task is learnt in another row": 1}


def test_students_that_would_be_the_same_are_refused() -> None:
    """The boosting changed something, and nothing of it is learnt."""
    aligned = align_rows(200)
    held = {pair.name for pair in teach(200).held_out}
    same = Alignment()
    for number, pair in aligned.every:
        (_, before), _ = pair.versions
        kept = pair if pair.item in held else replace(pair, versions=(("raw", before), ("boosted", before)))
        same.every.append((number, kept))
        same.differing += [kept] if kept.item in held else []
    with pytest.raises(UsageError, match="none of the 140 pairs to learn from was changed"):
        make_lessons(same, None, LetterEncoder(), longest=999, holdout=0.3)


def test_only_clean_texts_that_no_side_changed_are_a_reference_for_both() -> None:
    aligned = align_rows(120)
    dirty = write_pair(0, "SchÃ¶n ist es hier, und sehr grün ist es auch.")
    for place, (number, pair) in enumerate(aligned.every):
        if place % EVERY == 1:
            aligned.every[place] = number, replace(pair, versions=(("raw", dirty), ("boosted", dirty)))
    lessons = make_lessons(aligned, None, LetterEncoder(), longest=999, holdout=0.4)
    references = list_references(lessons)
    assert len(references["same"]) == sum(int(pair.name[3:]) % EVERY in (2, 3) for pair in lessons.held_out)
    assert references["raw"] == references["boosted"] == [pair for pair in lessons.held_out if pair.differs]
    one = references["raw"][0]
    answers = [as_reference(one, which)["messages"][1]["content"] for which in ("raw", "boosted")]
    assert answers == [one.versions["raw"].response, one.versions["boosted"].response]


def test_questions_are_held_out_tasks_that_no_side_changed() -> None:
    lessons = teach()
    questions = list_questions(lessons)
    assert [one.name for one in questions] == [pair.name for pair in lessons.held_out]
    assert questions[0].turns == (join_task(lessons.held_out[0].versions["raw"]),)
    first = lessons.held_out[0]
    other = InstructionPair(instruction="Ganz anders gefragt.", response="Ja.")
    changed = replace(first, versions={**first.versions, "boosted": other})
    assert len(list_questions(replace(lessons, held_out=[changed, *lessons.held_out[1:]]))) == len(questions) - 1


def test_given_questions_in_languages_that_were_learnt() -> None:
    lessons = teach()
    given = QuestionSet([Question("a", "de", "1", ("Wo?",)), Question("b", "tr", "1", ("Nerede?",))], ["A note."])
    questions, notes = take_questions(lessons, given)
    assert [one.name for one in questions] == ["a"]
    assert notes == ["A note.", "1 questions are left out: nothing was learnt in their language."]
    with pytest.raises(UsageError, match="no question is in a language that was learnt"):
        take_questions(lessons, QuestionSet(given.questions[1:]))
    assert take_questions(lessons, None) == (list_questions(lessons), [])
    with pytest.raises(UsageError, match="there is nothing to ask"):
        take_questions(replace(lessons, held_out=[]), None)


def test_the_control_is_not_needed() -> None:
    assert set(teach(control=False).train[0].versions) == {"raw", "boosted"}
    assert CONTROL not in str(teach(control=False).train)
