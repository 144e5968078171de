"""The progress of a shard is read as it was written; sums and differences are those of its counts."""

from __future__ import annotations

from pathlib import Path

from midb.cluster.progress import ShardProgress, add_up, difference
from midb.domain.decisions import Action, Outcome, Pass
from midb.domain.events import BatchDone, EditMade, Event, ModelUsed, Warned
from midb.domain.generations import Usage

EDIT = EditMade(
    record="1", language="de", pass_="translation", kind="mojibake", field="response", before="Ã¼", after="ü"
)


def batch(records: int, kind: str = "mojibake") -> BatchDone:
    return BatchDone(
        records=records, rejected=1, pairs=records, outcomes={("de", Outcome.IMPROVED): records},
        decisions={(Pass.TRANSLATION, Action.APPLIED): records}, repaired={kind: records}, open={"wrong-answer": 1},
        edits=(EDIT,) * 5,
    )  # fmt: skip


def used() -> ModelUsed:
    usage = Usage(calls=3, prompt_tokens=10)
    return ModelUsed(usage=usage, by_pass={Pass.CONTENT: usage}, in_flight=2, seconds=4.5)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    progress = ShardProgress(host="h", attempt=3)
    events: list[Event] = [batch(5), batch(2, "repetition-loop"), used()]
    for event in [*events, *(Warned(message=f"w{n}") for n in range(50))]:
        progress.take(event)
    progress.write(tmp_path / "1.json")
    assert ShardProgress.read(tmp_path / "1.json") == progress
    assert (progress.position, len(progress.edits), len(progress.warnings)) == (9, 2, 20)
    assert [path.name for path in tmp_path.iterdir()] == ["1.json"]


def test_what_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "1.json"
    assert ShardProgress.read(path) is None
    for content in ("", "{}", "[1]", '{"host": 1}'):
        path.write_text(content)
        assert ShardProgress.read(path) is None


def test_differences_add_up_again_also_where_something_was_lost() -> None:
    first, second = ShardProgress(), ShardProgress()
    first.take(batch(5))
    first.take(batch(2, "repetition-loop"))
    second.take(batch(4))
    lost = difference(second.tally, first.tally)
    assert (lost.records, lost.repaired) == (-3, {"mojibake": -1, "repetition-loop": -2})
    assert lost.outcomes == {("de", Outcome.IMPROVED): -3}
    total = add_up([first.tally])
    total.add(lost)
    assert (total.records, total.repaired["mojibake"], total.repaired["repetition-loop"]) == (4, 4, 0)
    assert add_up([first.tally, second.tally]).records == 11
