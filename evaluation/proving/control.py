"""A control for a boosted corpus: as many edits in each text, of the same sizes, at random places and without sense.

What a model learns from it shows what it does to a corpus to be changed that much by somebody who knows nothing of it.
It is not made of injected defects: those are the reverse of what is repaired, and are found by the same detectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from midb.domain.edits import Edit
from midb.domain.pairs import Field, InstructionPair
from midb.evaluation.pairwise.judging import JudgedPair
from midb.injectors import CleanPair, Expectation, Injection
from midb.injectors.corpus import Spoiled, Spoiler
from midb.text.diffs import find_edits

#: What an edit of the control is called.
RANDOM = "random-edit"

#: Draws of what is put in, until it is another text than the one that goes.
_TRIES = 8


def draw_edits(before: InstructionPair, after: InstructionPair, seed: object) -> dict[Field, list[Edit]]:
    """For each edit that leads from ``before`` to ``after`` one of the same size somewhere in the same text.

    As many code points go and come. What comes is cut out of the same text, so that its language and its letters stay.
    """
    chance = Random(f"control {seed}")
    made = {}
    for field, text in before.texts():
        edits = find_edits(text, after.text(field) or "", field)
        if edits:
            donor = text or "".join(other for _, other in before.texts())
            made[field] = _draw(text, donor, [(len(one.before), len(one.after)) for one in edits], field, chance)
    return made


def _draw(text: str, donor: str, sizes: Sequence[tuple[int, int]], field: Field, chance: Random) -> list[Edit]:
    sizes = chance.sample(sizes, len(sizes))
    stays = len(text) - sum(removed for removed, _ in sizes)
    # Something stays between two edits, as it does between those of the booster: there are as many gaps.
    gaps = sorted(chance.sample(range(stays + 1), len(sizes)))
    edits: list[Edit] = []
    shift = 0
    for gap, (removed, added) in zip(gaps, sizes, strict=True):
        start = gap + shift
        shift += removed
        gone = text[start : start + removed]
        come = _take(donor, added, gone, chance)
        if come != gone:
            edits.append(Edit(field, start, start + removed, gone, come, RANDOM))
    return edits


def _take(donor: str, count: int, other: str, chance: Random) -> str:
    """So many code points of a text, from a random place on; not ``other`` if that can be helped."""
    if not count or not donor:
        return ""
    long = donor * (count // len(donor) + 2)
    taken = ""
    for _ in range(_TRIES):
        start = chance.randrange(len(donor))
        taken = long[start : start + count]
        if taken != other:
            break
    return taken


class RandomEdits(Spoiler):
    """Puts random edits into the pairs that a booster changed, as many into each.

    :param pairs: all pairs of the corpus in their order, raw and boosted, each with its place within its record.
    """

    def __init__(self, pairs: Sequence[tuple[int, JudgedPair]], seed: int) -> None:
        self.done = Spoiled()
        self._pairs = iter(pairs)
        self._seed = seed
        self.edits = 0

    def choose_all(
        self, clean: CleanPair, writable: set[Field], key: str, number: int
    ) -> Iterator[tuple[str, Injection]]:
        """The edits of the next pair, by field. Texts that it shares with an earlier pair were edited there."""
        self.done.pairs += 1
        place, pair = next(self._pairs)
        assert place == number, f"the pairs of record {key} are not those that were aligned"
        (_, before), (_, after) = pair.versions
        if before == after:
            return
        found = draw_edits(before, after, f"{self._seed} {pair.item} {pair.language}")
        for field, edits in found.items():
            if edits and field in writable:
                self.done.defects[RANDOM] += 1
                self.edits += len(edits)
                yield RANDOM, Injection(RANDOM, tuple(edits), Expectation.FLAGGED)
