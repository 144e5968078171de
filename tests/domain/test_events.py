"""Events: each name is explained, as scripts read them, and batches add up."""

from __future__ import annotations

import dataclasses
import re

import pytest

from midb.domain.decisions import Action, Outcome, Pass
from midb.domain.events import (
    BatchDone,
    EditMade,
    LineRejected,
    ModelUsed,
    RunEnded,
    RunPlanned,
    Tally,
    Waiting,
    Warned,
)


@pytest.mark.parametrize("kind", [RunPlanned, EditMade, BatchDone, LineRejected, Waiting, Warned, ModelUsed, RunEnded])
def test_every_name_of_an_event_is_explained(kind: type[RunPlanned]) -> None:
    explained = re.findall(r"^ *:param (\w+): \w", kind.__doc__ or "", re.MULTILINE)
    assert explained == [field.name for field in dataclasses.fields(kind)], "each once, in their order"


def batch(records: int, outcome: Outcome) -> BatchDone:
    """A batch in which all is of one kind."""
    return BatchDone(
        records=records, rejected=1, pairs=2 * records, outcomes={("de", outcome): records},
        decisions={(Pass.CONTENT, Action.APPLIED): 1}, repaired={"mojibake": records}, open={"wrong-language": 1},
    )  # fmt: skip


def test_batches_add_up() -> None:
    tally = Tally()
    for records, outcome in ((3, Outcome.IMPROVED), (4, Outcome.UNCHANGED), (5, Outcome.IMPROVED)):
        tally.add(batch(records, outcome))
    assert (tally.records, tally.rejected, tally.pairs) == (12, 3, 24)
    assert tally.outcomes == {("de", Outcome.IMPROVED): 8, ("de", Outcome.UNCHANGED): 4}
    assert tally.decisions[Pass.CONTENT, Action.APPLIED] == 3
    assert (tally.repaired, tally.open) == ({"mojibake": 12}, {"wrong-language": 3})


def test_a_tally_counts_what_a_batch_counts() -> None:
    """Whatever is added to a batch, but for its examples, has to be added up."""
    assert [field.name for field in dataclasses.fields(Tally)] == [
        field.name for field in dataclasses.fields(BatchDone) if field.name != "edits"
    ]
