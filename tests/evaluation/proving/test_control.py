"""The control: as much is changed as the booster changed, in the same texts, and nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
from hypothesis import given
from hypothesis import strategies as st

from midb.corpus.formats.containers import open_container
from midb.corpus.opened import OpenedCorpus, open_corpus
from midb.domain.edits import apply_to_text
from midb.domain.pairs import Field, InstructionPair
from midb.evaluation.pairwise.aligning import align
from midb.evaluation.proving.control import RANDOM, RandomEdits, draw_edits
from midb.injectors.corpus import spoil
from midb.text.diffs import find_edits

TEXT = "Die Stadt liegt am Rhein, und sie hat 12.5 Quadratkilometer Wald ."
BETTER = "Die Stadt liegt am Rhein, und sie hat 12,5 Quadratkilometer Wald."


def sizes(before: str, after: str) -> Counter[tuple[int, int]]:
    return Counter((len(one.before), len(one.after)) for one in find_edits(before, after, Field.RESPONSE))


def pair(response: str, instruction: str = "Beschreibe die Stadt.") -> InstructionPair:
    return InstructionPair(instruction=instruction, response=response)


def test_as_many_edits_of_the_same_sizes_at_other_places() -> None:
    made = draw_edits(pair(TEXT), pair(BETTER), 1)
    assert set(made) == {Field.RESPONSE}, "the instruction was not touched"
    edits = made[Field.RESPONSE]
    assert Counter((len(one.before), len(one.after)) for one in edits) == sizes(TEXT, BETTER)
    changed = apply_to_text(TEXT, edits)
    assert changed not in (TEXT, BETTER)
    assert len(changed) == len(BETTER)
    assert draw_edits(pair(TEXT), pair(BETTER), 1) == made, "the same seed draws the same"
    assert (
        len({apply_to_text(TEXT, draw_edits(pair(TEXT), pair(BETTER), seed)[Field.RESPONSE]) for seed in range(9)}) > 5
    )


@given(st.text("ab ., กำ", max_size=30), st.text("ab ., กำ", max_size=30), st.integers(0, 99))
def test_they_always_fit(before: str, after: str, seed: int) -> None:
    """Whatever a booster made of a text, all of it or nothing: the edits apply, and are as large."""
    made = draw_edits(pair(before, "Was?"), pair(after, "Was?"), seed).get(Field.RESPONSE, [])
    changed = apply_to_text(before, made)
    assert sum(len(one.before) for one in made) <= sum(
        size * count for (size, _), count in sizes(before, after).items()
    )
    if len(made) == sizes(before, after).total():
        assert len(changed) == len(after)


def test_a_text_that_was_empty_gets_what_stands_beside_it() -> None:
    made = draw_edits(pair("", "Nenne eine Farbe."), pair("Rot.", "Nenne eine Farbe."), 1)[Field.RESPONSE]
    assert [len(one.after) for one in made] == [4]


def open_file(path: Path) -> OpenedCorpus:
    return open_corpus(open_container(path), language="de")


def test_a_corpus_of_them_aligns_with_both(tmp_path: Path) -> None:
    raw = [
        {"id": "a", "instruction": "Was ist das?", "output": TEXT, "kept": "ä"},
        {"id": "b", "instruction": "Und das hier?", "output": "Nichts weiter als das."},
        {"id": "c", "messages": [
            {"role": "user", "content": "Wo liegt sie?"}, {"role": "assistant", "content": "Am Rhein ."},
            {"role": "user", "content": "Und wie groß ist sie?"}, {"role": "assistant", "content": TEXT},
        ]},
    ]  # fmt: skip
    better = orjson.loads(orjson.dumps(raw))
    better[0]["output"] = better[2]["messages"][3]["content"] = BETTER
    for name, records in (("raw", raw), ("boosted", better)):
        (tmp_path / f"{name}.jsonl").write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in records))
    aligned = align(open_file(tmp_path / "raw.jsonl"), open_file(tmp_path / "boosted.jsonl"), keep=True)
    assert [number for number, _ in aligned.every] == [0, 0, 0, 1]
    edits = RandomEdits(aligned.every, 3)
    done = spoil(open_file(tmp_path / "raw.jsonl"), tmp_path / "control.jsonl", tmp_path / "key.jsonl", edits)
    assert (done.pairs, done.defects[RANDOM], edits.edits) == (4, 2, 2 * sizes(TEXT, BETTER).total())
    lines = (tmp_path / "control.jsonl").read_bytes().splitlines()
    assert lines[1] == orjson.dumps(raw[1]), "what the booster left alone stays, byte by byte"
    against = align(open_file(tmp_path / "raw.jsonl"), open_file(tmp_path / "control.jsonl"), keep=True)
    assert [one.item for one in against.differing] == [one.item for one in aligned.differing] == ["a", "c / 2"]
    for one in against.differing:
        (_, before), (_, after) = one.versions
        assert sizes(before.response or "", after.response or "").total() > 0
        assert len(after.response or "") == len(BETTER)
        assert after.instruction == before.instruction
