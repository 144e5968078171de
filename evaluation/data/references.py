"""A reference for some pairs, and how close both sides come to it by chrF. Closer to it is not better by itself.

The revisions of the public MEB release are machine translations of English revisions: close to them is not close to
what a native writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from midb.domain.errors import CorpusError, UsageError
from midb.domain.hashing import digest
from midb.domain.pairs import InstructionPair
from midb.training.data.files import read_revisions
from midb.training.data.revision import Origin
from midb.training.measuring.closeness import EXTRA, find_chrf

#: What is said wherever a figure rests on the public release.
MEB_NOTE = (
    "The revisions of the public MEB are machine translations of English revisions, not what natives wrote: agreement "
    "with them is agreement with those."
)


@dataclass(frozen=True, slots=True)
class References:
    """Revised pairs by the pair that was revised.

    :param name: of the files, for people.
    :param is_meb: whether they are of the MEB release.
    """

    name: str
    is_meb: bool
    revised: Mapping[str, InstructionPair] = field(repr=False)

    def find(self, before: InstructionPair) -> InstructionPair | None:
        """The revision of a pair, by its words; None where there is none."""
        return self.revised.get(_name_pair(before))


def read_references(path: Path) -> References:
    """Read revisions of any of the forms that `midb-agent examples` takes.

    :raises UsageError: without sacrebleu, and where there is no revision in it.
    """
    if find_chrf() is None:
        raise UsageError(
            "agreement with a reference is measured by sacrebleu, which is not installed.",
            hint=f"pip install '.[{EXTRA}]' in the folder of midb-agent's source.",
        )
    try:
        reading = read_revisions([path])
    except CorpusError as error:
        raise UsageError(error.message, hint=error.hint) from error
    return References(
        name=path.name,
        is_meb=any(one.origin is Origin.MEB for one in reading.revisions),
        revised={_name_pair(one.raw): one.revised for one in reading.revisions},
    )


def _name_pair(pair: InstructionPair) -> str:
    """A pair by its words: a release may have other blanks at the ends of its texts, and "" for no input."""
    return digest(*(" ".join((text or "").split()) for text in (pair.instruction, pair.input, pair.response)))


def measure_agreement(before: InstructionPair, after: InstructionPair, revised: InstructionPair) -> tuple[float, float]:
    """chrF (0 to 100) of both sides against the revision, all texts of the pair together."""
    chrf = find_chrf()
    assert chrf is not None
    target = _join(revised)
    one = chrf(_join(before), target)
    return one, one if before == after else chrf(_join(after), target)


def _join(pair: InstructionPair) -> str:
    return "\n".join(text for _, text in pair.texts() if text.strip())
