"""The look at a corpus before a run: counts, layouts, languages; one clear sentence where nothing can be run on."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from midb.corpus.formats.containers import open_container
from midb.corpus.language_plan import LanguagePlan, plan_languages
from midb.corpus.layouts import Columns, parse_mapping
from midb.corpus.survey import SAMPLE, Survey, survey
from midb.domain.errors import CorpusError
from midb.text.languages import LanguageIdentifier

GERMAN = "Der Hund ist ein Tier, das mit den Menschen lebt und ihnen auch bei der Arbeit hilft."
FRENCH = "Le chien est un animal qui vit avec les hommes et qui les aide aussi dans leur travail."
ENGLISH = "The dog is an animal that lives with people and also helps them with their work."
JAPANESE = "犬は人間と一緒に暮らし、仕事を手伝うこともある動物です。"


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


@pytest.fixture
def look(tmp_path: Path, identifier: LanguageIdentifier) -> Look:
    def run(
        content: Sequence[Mapping[str, object]] | bytes,
        *,
        language: str | None = None,
        mapping: Columns | None = None,
        limit: int | None = None,
    ) -> Survey:
        path = tmp_path / "corpus.jsonl"
        lines = content if isinstance(content, bytes) else b"\n".join(json.dumps(row).encode() for row in content)
        path.write_bytes(lines)
        container = open_container(path)
        return survey(container, language=language, mapping=mapping, identifier=identifier, limit=limit)

    return run


def row(text: str, **more: object) -> dict[str, object]:
    return {"instruction": "?", "output": text, **more}


def test_what_a_survey_says(look: Look, tmp_path: Path) -> None:
    found = look([row(GERMAN, id=number, source=row(ENGLISH)) for number in range(5)])
    data = (tmp_path / "corpus.jsonl").read_bytes()
    assert (found.records, found.bytes, found.sha256) == (5, len(data), hashlib.sha256(data).hexdigest())
    assert (found.layouts, found.usual.name, found.sources) == (("Alpaca",), "Alpaca", 5)
    assert found.languages.usual == "de"
    assert found.warnings == ()


def test_the_sample_is_spread_evenly_over_files_whose_parts_differ(look: Look) -> None:
    """Two thirds German, then French, then chats: each has its share of the sample, however long the file is."""
    chat = {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": FRENCH}]}
    found = look([row(GERMAN)] * 6000 + [row(FRENCH)] * 1500 + [chat] * 1500)
    assert found.records == 9000
    assert found.layouts == ("Alpaca (83%)", "OpenAI messages (17%)")
    assert found.languages == LanguagePlan(described="de fr (identified record by record)")


def test_a_small_sample_is_the_whole_corpus(look: Look) -> None:
    found = look([row(GERMAN)] * SAMPLE + [row(FRENCH, prompt=1), {"prompt": "p", "response": FRENCH}])
    assert found.layouts[0].startswith("Alpaca")
    assert found.layouts[1].startswith("prompt/response")


def test_huge_records_do_not_fill_the_memory(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    original = plan_languages

    def spy(
        parsed: Iterable[tuple[dict[str, Any], str, str]],
        language: str | None,
        identifier: LanguageIdentifier,
        *,
        trusted: bool,
    ) -> tuple[LanguagePlan, list[str]]:
        parsed = list(parsed)
        kept.append(sum(len(text) for _, _, text in parsed))
        return original(parsed, language, identifier, trusted=trusted)

    monkeypatch.setattr("midb.corpus.survey.SAMPLE_BYTES", 10_000)
    monkeypatch.setattr("midb.corpus.survey.plan_languages", spy)
    assert look([row(GERMAN * 10)] * 200).records == 200
    assert 1_000 < kept[0] <= 10_000
    assert look([row(GERMAN * 200)] * 5).records == 5, "one record is looked at, however long"


def test_a_limit_leaves_out_the_rest(look: Look) -> None:
    found = look([row(GERMAN)] * 5 + [row(FRENCH)] * 50, limit=5)
    assert (found.records, found.languages.usual) == (5, "de")


def test_whether_a_corpus_is_written_in_ascii(look: Look) -> None:
    assert look([row(JAPANESE)]).ascii_only is True
    assert look(json.dumps(row(JAPANESE), ensure_ascii=False).encode()).ascii_only is False
    assert look([row("ascii")]).ascii_only is False, "there is nothing to see it by"


def test_languages_are_planned_from_the_sample(look: Look) -> None:
    assert look([row(GERMAN, lang="de")] * 3).languages.described == "de (declared; 100% of a sample agrees)"
    warned = look([row(GERMAN, lang="qq")] * 3)
    assert warned.languages.usual == "de"
    assert "qq" in warned.warnings[0]
    assert look([row(FRENCH)], language="fr").languages.fixed == "fr"


# -- what cannot be run on ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told", "hint"),
    [
        (b"[]", "holds no records", "one JSON object a line"),
        (b"[", "holds no records", "one JSON object a line"),
        (b"just some text\nover lines\n", "line 1: not valid JSON", "JSON Lines"),
        (b"[1, 2]", "line 1: a record must be a JSON object, this is a number", "JSON Lines"),
        (b'\n\n{"instruction": "M\xfcll"}\n', "line 3: not UTF-8", "iconv"),
        (bytes(range(254, 0, -1)) * 50, "line 1: not UTF-8", "iconv"),
        (b'{"text": "x"}\n' * 3, "no column holds an instruction (columns: text)", "--map"),
        (b'{"pairs": [{"instruction": "x"}]}', "(columns: pairs)", "jq -c '.pairs[]'"),
        (b'{"meta": {}, "lines": [{"messages": [{"role": "user", "content": "x"}]}]}', "columns", "jq -c '.lines[]'"),
        (b'{"x\'; rm": [{"instruction": "x"}]}', "columns", "--map"),
        (b'{"instruction": null}', "is missing or null", "JSON Lines"),
        (b'{"instruction": ["x"]}', "holds a list", "JSON Lines"),
        (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', "half of a surrogate pair", "JSON Lines"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply", "JSON Lines"),
        (gzip.compress(b'{"text": "x"}\n', mtime=0), "columns", "--map"),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else value,
)  # fmt: skip
def test_a_corpus_of_which_nothing_can_be_read(look: Look, content: bytes, told: str, hint: str) -> None:
    with pytest.raises(CorpusError) as caught:
        look(content)
    assert told in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2
    assert "corpus.jsonl" in caught.value.message
    assert "\n" not in caught.value.message


def test_a_mapping_that_fits_nothing_is_told_the_columns(look: Look) -> None:
    with pytest.raises(CorpusError, match='"q" is missing or null') as caught:
        look([{"question": "x", "answer": "y"}], mapping=parse_mapping("instruction=q"))
    assert caught.value.hint == "The columns are: question, answer."


def test_one_good_line_is_a_corpus(look: Look) -> None:
    found = look(b"{broken\n" + json.dumps(row(GERMAN)).encode() + b"\n\xff\n[]\n")
    assert (found.records, found.layouts) == (4, ("Alpaca",))


def test_a_cut_off_file_is_found_before_the_run(look: Look) -> None:
    with pytest.raises(CorpusError, match="damaged"):
        look(gzip.compress(b"".join(json.dumps(row(f"{n}" * 50)).encode() + b"\n" for n in range(500)))[:-200])


def test_one_enormous_object_is_no_corpus(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midb.corpus.records.MAX_RECORD_BYTES", 1000)
    with pytest.raises(CorpusError, match="more than") as caught:
        look([{"pairs": [row(GERMAN)] * 100}])
    assert "jq" in caught.value.hint


def test_real_corpora(corpora: list[Path], identifier: LanguageIdentifier) -> None:
    for path in corpora[:3]:
        found = survey(open_container(path), language=None, mapping=None, identifier=identifier)
        assert found.languages.described.startswith(path.stem)
        assert found.layouts == ("Alpaca",)
        assert found.sources > SAMPLE


@pytest.mark.parametrize(
    ("content", "hint", "absent"),
    [
        (b"question_text,reply\nWas?,Das.\n", "--map", "JSON array"),
        (b"Was?\tDas.\nWo?\tHier.\n", "names of the columns", "JSON array"),
        (b"instruction,output\nWas?,Das,und,mehr\n", "separator", "JSON array"),
        (b'{"question_id": 1, "choices": [{"index": 0, "turns": ["Das Licht."]}]}\n', "--map", "jq"),
        (b'{"text": "### Human: Was ist das?### Assistant: Ein Haus."}\n', "messages", "--map"),
        (b'{"message_id": "m", "parent_id": null, "text": "Das.", "role": "assistant"}\n', "messages", "--map"),
    ],
)
def test_a_hint_leads_somewhere(look: Look, content: bytes, hint: str, absent: str) -> None:
    with pytest.raises(CorpusError) as caught:
        look(content)
    assert hint in caught.value.hint
    assert absent not in caught.value.hint
