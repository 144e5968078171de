"""Shards are read as their corpus is: its language, its layout, its escapes, and the seed of its verdicts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from same_runs import check_same
from small_runs import run_over, session_over, write_lines

from midb.agent.run.session import salt_of
from midb.corpus.formats.containers import open_container
from midb.corpus.opened import open_corpus
from midb.corpus.places import OutputPlaces
from midb.domain.errors import MidbError, UsageError
from midb.runs.pinning import pin, read_pinned
from midb.shards.logs import open_shards
from midb.shards.merge import merge
from midb.shards.split import Split, shard_of_key, split

GERMAN = "Der Zug fährt morgens um sieben Uhr ab, und am Abend kommt er mit den Kindern wieder zurück in das Dorf."
SPANISH = "El tren sale por la mañana a las siete, y por la noche vuelve con los niños al pueblo de la montaña."


def records() -> Iterator[dict[str, Any]]:
    """Most are German and in shard 1, with responses; those of shard 2 are so short that they say no language, and have
    no response."""
    for number in range(60):
        key = f"r-{number}"
        if shard_of_key(key, 2) == 1:
            yield {"id": key, "instruction": f"{GERMAN} ({number})", "response": f"{GERMAN} SchÃ¶n."}
        else:
            yield {"id": key, "instruction": f"Größe {number}: 3.5 m?"}


@pytest.fixture
def cut(tmp_path: Path) -> tuple[Path, Split]:
    corpus = write_lines(tmp_path / "c.jsonl", *records())
    return corpus, split(corpus, 2)


def run_shards(done: Split, **settings: Any) -> list[Path]:
    logs = []
    for one in done.cuts:
        assert one.path is not None
        run_over(one.path, language="auto", **settings)
        logs.append(one.path.with_name(f"{one.path.stem}.boosted.jsonl.audit.db"))
    return logs


def test_what_is_merged_is_what_one_run_gives(cut: tuple[Path, Split]) -> None:
    corpus, done = cut
    single = corpus.with_name("single.jsonl")
    run_over(corpus, language="auto", output=single)
    logs = run_shards(done, survey=done.survey)
    merged = OutputPlaces(corpus.with_name("merged.jsonl"), corpus.with_name("merged.jsonl.audit.db"))
    with open_shards(logs) as shards:
        told = merge(open_container(corpus), shards, merged)
    assert told.warning == ""
    check_same(single, merged.output)
    # Without it the shards would have been read otherwise.
    bare = run_shards(done, fresh=True)
    apart = OutputPlaces(corpus.with_name("apart.jsonl"), corpus.with_name("apart.jsonl.audit.db"))
    with pytest.raises(AssertionError), open_shards(bare) as shards:
        merge(open_container(corpus), shards, apart)
        check_same(single, apart.output)


def test_verdicts_are_seeded_by_the_whole_corpus(cut: tuple[Path, Split]) -> None:
    corpus, done = cut
    whole = salt_of(open_corpus(open_container(corpus)))
    salts = []
    for one in done.cuts:
        assert one.path is not None
        with session_over(one.path, survey=done.survey) as session:
            salts.append(salt_of(session.corpus))
    assert salts == [whole, whole]


def test_it_holds_no_text_and_is_not_written_twice(cut: tuple[Path, Split]) -> None:
    corpus, done = cut
    assert done.survey is not None
    text = done.survey.read_text(encoding="utf-8")
    assert not {"Zug", "SchÃ¶n", "Größe"} & set(text.split())
    assert json.loads(text)["usual"] == {"id": "x", "instruction": "x", "response": "x"}
    assert split(corpus, 2).survey == done.survey
    done.survey.write_text("{}")
    with pytest.raises(UsageError, match="is another survey"):
        split(corpus, 2)


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [{"role": "user", "content": GERMAN}, {"role": "assistant", "content": GERMAN}]},
        {"conversations": [{"from": "human", "value": GERMAN}, {"from": "gpt", "value": GERMAN}]},
        {"instruction": GERMAN, "output": GERMAN, "history": [[GERMAN, GERMAN]]},
        {"prompt": GERMAN, "chosen": GERMAN, "rejected": GERMAN},
        {"question": GERMAN, "answers": [GERMAN, GERMAN]},
        {"turns": [GERMAN, GERMAN]},
        {"Raw Instruction": GERMAN, "Raw Response": GERMAN, "Revised Response": GERMAN, "Distance": 3.5},
    ],
    ids=lambda record: next(iter(record)),
)
def test_every_layout_is_told_without_texts(record: dict[str, Any], tmp_path: Path) -> None:
    corpus = write_lines(tmp_path / "c.jsonl", record, record)
    opened = open_corpus(open_container(corpus))
    content = pin(opened)
    assert content is not None
    (tmp_path / "s.json").write_bytes(content)
    with session_over(corpus, survey=tmp_path / "s.json") as session:
        assert session.corpus.rules.usual == opened.rules.usual
    assert GERMAN.encode() not in content


def test_what_the_user_says_stands(cut: tuple[Path, Split]) -> None:
    _, done = cut
    (first, *_) = done.cuts
    assert first.path is not None
    with session_over(first.path, survey=done.survey, language="es") as session:
        assert session.corpus.rules.languages.fixed == "es"
        assert session.plan.language == "es (as you say)"


def test_a_run_goes_on_only_with_the_same_survey(cut: tuple[Path, Split]) -> None:
    _, done = cut
    (first, *_) = done.cuts
    assert first.path is not None
    run_over(first.path, survey=done.survey, limit=3)
    with pytest.raises(MidbError, match="survey"), session_over(first.path, limit=5):
        pass


def test_shards_of_another_corpus_are_not_merged(cut: tuple[Path, Split], tmp_path: Path) -> None:
    corpus, done = cut
    other = write_lines(tmp_path / "o.jsonl", {"id": "a", "instruction": SPANISH, "response": SPANISH})
    logs = run_shards(done, survey=split(other, 1).survey)
    places = OutputPlaces(corpus.with_name("m.jsonl"), corpus.with_name("m.jsonl.audit.db"))
    with pytest.raises(MidbError, match="survey of another corpus"), open_shards(logs) as shards:
        merge(open_container(corpus), shards, places)
    assert not places.output.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no survey"), (b"[1]", "is no survey"), (b'{"form": "other"}', "is no survey"),
        (b'{"form": "midb-agent survey 1", "version": "0.0.1"}', "written by midb-agent 0.0.1"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_sentence(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_bytes(content)
    with pytest.raises(UsageError, match=said):
        read_pinned(tmp_path / "s.json")
    with pytest.raises(UsageError, match="cannot be read"):
        read_pinned(tmp_path / "none.json")


def test_a_damaged_file_is_one_sentence(cut: tuple[Path, Split]) -> None:
    _, done = cut
    assert done.survey is not None
    told = json.loads(done.survey.read_bytes())
    for name in ("languages", "usual", "sha256"):
        done.survey.write_text(
            json.dumps(told | {name: [1]} if name != "sha256" else {k: v for k, v in told.items() if k != name})
        )
        with pytest.raises(UsageError, match="is not whole"):
            read_pinned(done.survey)


def test_a_corpus_that_cannot_be_understood_is_cut_all_the_same(tmp_path: Path) -> None:
    corpus = write_lines(tmp_path / "c.jsonl", *({"id": str(n), "foo": "bar"} for n in range(4)))
    done = split(corpus, 2)
    assert done.survey is None
    assert "no record" in done.unpinned
    assert sum(one.records for one in done.cuts) == 4
