"""Whatever bytes come in, the ledger balances, every record is there, and the log proves it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from midb.agent.run.runner import Runner
from midb.agent.run.session import open_session
from midb.corpus.formats.containers import open_container
from midb.domain.decisions import Outcome, PairResult
from midb.domain.errors import CorpusError
from midb.domain.events import BatchDone, RunEnded, Tally
from midb.domain.pairs import InstructionPair
from midb.runs.config import load_config

TEXT = st.text(max_size=60)
MARKS = st.sampled_from(
    [
        "1. a\n2. b\n2. c\n4. d",
        "<noinput>",
        "cafÃ© Ã  la",
        "17 + 25 = 43",
        "```py\nx",
        "a" * 200,
        "\u200b",
        "3.5 m",
        "12%",
    ]
)
RECORD = st.fixed_dictionaries(
    {"instruction": TEXT | MARKS, "output": TEXT | MARKS | st.none()},
    optional={
        "input": TEXT | MARKS,
        "id": TEXT | st.integers(),
        "lang": st.sampled_from(["de", "ja", "ar", "tr", "??"]),
    },
)
LINE = RECORD.map(lambda record: json.dumps(record).encode()) | st.binary(max_size=40)
FIRST = b'{"instruction": "Nenne ein Tier.", "input": "", "output": "Der Hund ist ein Tier."}'


def run(corpus: Path) -> tuple[RunEnded, Tally]:
    config = load_config(None, {"corpus": corpus, "workers": 0, "fresh": True})
    session = open_session(config, open_container(corpus), ["run", str(corpus)])
    tally = Tally()
    try:
        return Runner(
            session, lambda event: tally.add(event) if isinstance(event, BatchDone) else None, bool
        ).run(), tally
    finally:
        session.log.close()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINE, max_size=12))
@example([b"", b" ", b"\r", b"{}", b"[]", b"null", b'{"instruction": "x"}'])
def test_any_bytes(tmp_path: Path, lines: list[bytes]) -> None:
    corpus = tmp_path / "c.jsonl"
    corpus.write_bytes(b"\n".join([FIRST, *lines]))
    for path in tmp_path.glob("c.boosted*"):
        path.unlink()
    ended, tally = run(corpus)
    assert ended.balanced
    assert ended.read == sum(ended.outcomes.values()) + ended.rejected
    assert (tally.records, tally.rejected) == (ended.read - ended.rejected, ended.rejected)
    assert dict(tally.outcomes) == dict(ended.outcomes)
    written = [line for line in (tmp_path / "c.boosted.jsonl").read_bytes().split(b"\n") if line.strip()]
    assert len(written) == tally.records
    for line in written:
        json.loads(line)
    rejected = tmp_path / "c.boosted.jsonl.rejected.jsonl"
    assert (len(rejected.read_bytes().splitlines()) if rejected.exists() else 0) == ended.rejected


@settings(max_examples=150, deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_any_file_is_a_corpus_or_a_clear_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    corpus = folder / "c.jsonl"
    corpus.write_bytes(data)
    try:
        ended, _ = run(corpus)
    except CorpusError as error:
        assert error.message.endswith("."), error.message
        assert [path.name for path in folder.iterdir()] == ["c.jsonl"]
    else:
        assert ended.balanced


def examined(
    texts: Sequence[tuple[str, InstructionPair, InstructionPair | None]], *, typography: bool
) -> list[PairResult]:
    """Take pairs through the state machine: what came of each."""
    import asyncio

    from midb.agent.graph import build_graph, run_pair
    from midb.agent.state import PairContext
    from midb.detectors import KindSelection
    from midb.domain.decisions import Pass
    from midb.locales import load
    from midb.text.languages import LanguageIdentifier

    graph, identifier, selection = build_graph(), LanguageIdentifier(), KindSelection.parse(typography=typography)

    async def go() -> list[PairResult]:
        return [
            await run_pair(graph, pair, PairContext(load(code), source, selection, frozenset(Pass), identifier))
            for code, pair, source in texts
        ]

    return asyncio.run(go())


@pytest.mark.parametrize("typography", [False, True])
def test_real_pairs_are_never_emptied_and_settle(corpora: list[Path], typography: bool) -> None:
    """Over real pairs in every language at hand: no fault, no emptied response, and a second run changes nothing."""
    pairs = []
    for path in corpora:
        for line in path.read_text(encoding="utf-8").splitlines()[::40]:
            record = json.loads(line)
            names = ("instruction", "input", "output")
            pair, source = (
                InstructionPair(instruction=one[names[0]], input=one[names[1]], response=one[names[2]])
                for one in (record, record["source"])
            )
            pairs.append((path.stem, pair, source))
    results = examined(pairs, typography=typography)
    assert any(result.outcome is Outcome.IMPROVED for result in results)
    for result in results:
        assert bool((result.original.response or "").strip()) == bool((result.final.response or "").strip())
    again = examined([(code, result.final, source) for (code, _, source), result in zip(pairs, results, strict=True)],
                     typography=typography)  # fmt: skip
    for result in again:
        assert result.final == result.original, [d.detail for d in result.decisions]
