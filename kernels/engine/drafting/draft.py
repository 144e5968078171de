"""Draft tokens for a rewriting request, taken from the text that it rewrites. Pure Python; it knows token ids only.

The output is followed through the reference as in an alignment: copying, inserting, substituting and deleting have
their odds, and while it is open what happened a few paths compete. Where the reference is of no use, the draft is what
followed the latest tokens earlier on, in the prompt, the reference or the output. Which of the two is better, and how
far a draft carries, is learnt from what comes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from midb.kernels.engine.drafting.survival import LONGEST, Source, SurvivalTable, level_of

#: Weight of a new token in the fidelity of a text and of a pass.
_OF_TEXT, _OF_PASS = 0.07, 0.005

#: States of a path. Odds that it goes on copying, and of insertion, substitution and deletion where it does not. They
#: were tuned on the texts that the priors were measured on; tokens per step change by less than 2 % around them.
_COPYING, _INSERTING, _SUBSTITUTING = range(3)
_COPY = (0.9, 0.3, 0.3)
_EDIT = ((0.3, 0.3, 0.3), (0.7, 0.02, 0.1), (0.02, 0.7, 0.1))

#: Paths kept; likelihood, relative to the best, below which none is; share of it from which one is as good as alone.
_PATHS, _NEGLIGIBLE, _SURE = 6, 1e-4, 0.9

#: Odds that the text goes on at some other place, behind or far ahead; by how much each token that agrees there raises
#: them, and how many do. Places looked at on either side: a text may be nothing but dashes.
_MOVED, _AGREES, _ENOUGH, _NEAR = 1e-5, 50.0, 8, 16

#: Earlier occurrences of the latest tokens that are compared, the most recent ones.
_OCCURRENCES = 4

_Path = tuple[float, int, int, int]  # likelihood, index expected next, tokens copied in a row, state


@dataclass(frozen=True, slots=True)
class Draft:
    """Tokens that may follow.

    :param survival: of each token the estimated probability that it and all before it are accepted: above 0, at most 1,
        never rising.
    """

    tokens: tuple[int, ...]
    survival: tuple[float, ...]


NOTHING = Draft((), ())
_Choice = tuple[Source, int, int, Sequence[int]]  # with its strength, and where it goes on in which text


class Drafter:
    """Follows one output and drafts what comes next.

    :param reference: the text that the output is expected to copy, tokenised as it would be there, with what closes it;
        may be empty.
    :param context: the prompt, where repetitions are looked for as well.
    :param table: what the pass has learnt so far.
    """

    def __init__(self, reference: Sequence[int], context: Sequence[int], table: SurvivalTable) -> None:
        self._reference = tuple(reference)
        self._table = table
        self._fidelity = table.fidelity if reference else 0.0
        self._paths: list[_Path] = [(1.0, 0, 0, _COPYING)]  # the likeliest first, one for each index
        self._places: dict[int, list[int]] | None = None  # of each token in the reference
        self._history = [*reference, *context]  # and the output so far
        self._ends: dict[int | tuple[int, int], list[int]] = {}  # of each token and pair in the history
        self._indexed = 0
        self._proposed: list[tuple[Source, int, int, tuple[int, ...]]] = []  # each with source, strength, level

    @property
    def cursor(self) -> int:
        """Index of the reference token that is expected next; the reference's length where none is."""
        return self._paths[0][1]

    def propose(self, limit: int) -> Draft:
        """What may come next: ``limit`` tokens at most, none where nothing is known or ``limit`` is below 1."""
        self._proposed = []
        if limit < 1:
            return NOTHING
        table, cursor, level = self._table, self.cursor, level_of(self._fidelity)
        source, strength = self._standing()
        choices: list[_Choice] = []
        if cursor < len(self._reference):
            choices.append((source, strength, cursor, self._reference))
        if source is not Source.TRACK or not choices:
            choices += self._repetitions()
        if not choices:
            return NOTHING
        if len(choices) > 1:
            choices.sort(key=lambda choice: -table.rate(choice[0], choice[1], level))
        source, strength, place, text = choices[0]
        survival = table.survival(source, strength, level, limit)[:limit]
        tokens = tuple(text[place : place + len(survival)])
        self._proposed.append((source, strength, level, tokens))
        # What was not chosen is compared as well, or a source once thought poor would stay so.
        self._proposed += [(other, length, level, (text[place],)) for other, length, place, text in choices[1:]]
        return Draft(tokens, survival[: len(tokens)])

    def extend(self, emitted: Sequence[int], drafted: int) -> None:
        """Take what a step yielded: learn from it, and find the place again where it left the reference.

        :param emitted: the accepted tokens and the one after them; whatever they are, they do no harm.
        :param drafted: tokens of the last proposal that were verified. The one after them is compared all the same.
        """
        table = self._table
        compared = tuple(emitted[: drafted + 1])
        for source, strength, level, tokens in self._proposed:
            length = min(len(tokens), len(compared))
            accepted = next((place for place in range(length) if tokens[place] != compared[place]), length)
            table.learn(source, strength, level, accepted=accepted, missed=accepted < length)
        self._proposed = []
        self._follow(emitted)

    def watch(self, emitted: Sequence[int]) -> bool:
        """Take tokens without following them, where nothing is proposed: much cheaper than ``extend``.

        True where the latest two or more stood together before and what came after them is undisputed: reason to
        propose again. Tokens that tell nothing of the kind count as not copied.
        """
        self._history += emitted
        self._proposed = []
        self._index()
        if tuple(self._history[-2:]) in self._ends and self._repetitions()[0][0] is Source.REPEAT:
            self._keep([(1.0, self.cursor, 0, _INSERTING), *self._moved(1.0)])
            return True
        self._fidelity *= (1 - _OF_TEXT) ** len(emitted)
        if self._reference:
            self._table.fidelity *= (1 - _OF_PASS) ** len(emitted)
        return False

    def _follow(self, emitted: Sequence[int]) -> None:
        reference, table = self._reference, self._table
        for token in emitted:
            _, cursor, run, _ = self._paths[0]
            hit = cursor < len(reference) and reference[cursor] == token
            self._fidelity += _OF_TEXT * (hit - self._fidelity)
            table.fidelity += _OF_PASS * (hit - table.fidelity) if reference else 0.0
            self._history.append(token)
            if hit and len(self._paths) == 1:
                self._paths[0] = 1.0, cursor + 1, run + 1, _COPYING
            else:
                self._branch(token)

    def _standing(self) -> tuple[Source, int]:
        """What the reference's next token rests on, and its strength."""
        _, cursor, run, state = self._paths[0]
        if state != _COPYING:
            return Source.LOST, 0
        if len(self._paths) == 1:
            return Source.TRACK, run
        expected = self._reference[cursor : cursor + 1]
        agreeing = sum(path[0] for path in self._paths if self._reference[path[1] : path[1] + 1] == expected)
        return (Source.TRACK if agreeing > _SURE * sum(path[0] for path in self._paths) else Source.JUMP), run

    def _branch(self, token: int) -> None:
        """Let every path go on in each way that can have brought the token, and keep the likeliest."""
        reference = self._reference
        if self._places is None:
            self._places = {}
            for index, known in enumerate(reference):
                self._places.setdefault(known, []).append(index)
        places = self._places.get(token, ())
        # How likely an edit brings just this token: the more often the text has it, the less it tells.
        by_edit = max(0.002, 0.4 * len(places) / (len(reference) + 10))
        branches: list[_Path] = []
        for likelihood, place, run, state in self._paths:
            if place < len(reference) and reference[place] == token:
                branches.append((likelihood * _COPY[state], place + 1, run + 1, _COPYING))
                continue
            insert, substitute, delete = (likelihood * odds for odds in _EDIT[state])
            branches.append((insert * by_edit, place, 0, _INSERTING))
            if place < len(reference):
                branches.append((substitute * by_edit, place + 1, 0, _SUBSTITUTING))
            ahead = bisect_right(places, place)
            for found in places[ahead : ahead + _PATHS]:
                deleted = found - place
                branches.append((delete / (deleted * (deleted + 1)), found + 1, 1, _COPYING))
        best = max(branches)
        if best[3] != _COPYING:
            branches += self._moved(best[0])
        self._keep(branches)

    def _keep(self, branches: list[_Path]) -> None:
        """Go on with the likeliest, one for each place."""
        merged: dict[int, _Path] = {}
        for path in sorted(branches, reverse=True):
            first = merged.setdefault(path[1], path)
            if first is not path:
                merged[path[1]] = first[0] + path[0], *first[1:]
        ranked = sorted(merged.values(), reverse=True)[:_PATHS]
        top = ranked[0][0]
        self._paths = [(path[0] / top, *path[1:]) for path in ranked if path[0] > _NEGLIGIBLE * top]

    def _moved(self, likelihood: float) -> list[_Path]:
        """Paths from the places of the reference before which the latest two tokens stand, or more of them."""
        self._index()
        history = self._history
        ends = self._ends.get((history[-2], history[-1]), ()) if len(history) > 1 else ()
        near = bisect_right(ends, self.cursor)
        ends = [end for end in ends[max(near - _NEAR, 0) : near + _NEAR] if end < len(self._reference)]
        places = [(end, self._match(end, 2, min(LONGEST, end))) for end in ends]
        return [(likelihood * _MOVED * _AGREES ** min(run, _ENOUGH), place, run, _COPYING) for place, run in places]

    def _repetitions(self) -> list[_Choice]:
        """What followed the longest of the latest matches; nothing where the latest token is new."""
        self._index()
        history = self._history
        pairs = self._ends.get((history[-2], history[-1])) if len(history) > 1 else None
        ends = pairs or (self._ends.get(history[-1]) if history else None)
        if not ends:
            return []
        source, longest, place = Source.REPEAT, 0, 0
        for end in ends[: -_OCCURRENCES - 1 : -1]:
            length = self._match(end, 2 if pairs else 1, min(LONGEST, end))
            if length > longest:
                source, longest, place = Source.REPEAT, length, end
            elif length == longest and history[end] != history[place]:
                source = Source.DISPUTED
        return [(source, longest, place, self._reference if place < len(self._reference) else history)]

    def _match(self, end: int, known: int, most: int) -> int:
        """How many of the latest tokens also stand before ``end``; ``known`` of them do."""
        history = self._history
        while known < most and history[end - known - 1] == history[-known - 1]:
            known += 1
        return known

    def _index(self) -> None:
        """Note where tokens and pairs end that something follows: not the latest, nor the last of the reference."""
        history, ends = self._history, self._ends
        for end in range(self._indexed + 1, len(history)):
            if end == len(self._reference):
                continue
            token = history[end - 1]
            ends.setdefault(token, []).append(end)
            if end > 1:
                ends.setdefault((history[end - 2], token), []).append(end)
        self._indexed = max(len(history) - 1, 0)
