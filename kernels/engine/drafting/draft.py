"""Draft tokens for a rewriting request, taken from the text that it rewrites. Pure Python; it knows token ids only.

The output is followed through the reference as in an alignment: copying, inserting, substituting and deleting each have
their odds, and as long as it is unclear what happened, a few paths compete. Where the reference is of no use, the draft
is what followed the latest tokens earlier on, in the prompt, the reference or the output. Which of the two is better,
and how far a draft carries, is learnt from what comes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice

from midb.kernels.engine.drafting.history import TokenHistory
from midb.kernels.engine.drafting.survival import LONGEST, Source, SurvivalTable, find_level

#: Weight of a new token in the fidelity of a text: the latest dozen or so say whether it is copied.
_WEIGHT_IN_TEXT = 0.07

#: Weight of a new token in the fidelity of a pass: the latest 200 or so, which is about a text, say where to start.
_WEIGHT_IN_PASS = 0.005

#: State of a path whose last token was copied from the reference.
_COPYING = 0

#: State of a path whose last token was inserted: the reference has none for it.
_INSERTING = 1

#: State of a path whose last token stands in place of another one of the reference.
_SUBSTITUTING = 2

#: Odds, by state, that a path goes on copying. These odds and the next ones were tuned on the texts on which the priors
#: were measured; around these values, tokens per step change by less than 2 %.
_COPY_ODDS = (0.9, 0.3, 0.3)

#: Odds, by state, that it does not, and goes on with an insertion, a substitution, a deletion.
_EDIT_ODDS = ((0.3, 0.3, 0.3), (0.7, 0.02, 0.1), (0.02, 0.7, 0.1))

#: Most paths that are kept, for each of them costs time with each token.
_MOST_PATHS = 6

#: A path that is less likely than the best one by this factor is dropped.
_NEGLIGIBLE = 1e-4

#: Where paths with at least this share of the likelihood expect the same token, it counts as certain.
_SURE_SHARE = 0.9

#: Odds that the text goes on at some other place of the reference, behind or far ahead.
_MOVE_ODDS = 1e-5

#: Each of the latest tokens that also stands before that other place multiplies these odds by this factor.
_MOVE_EVIDENCE = 50.0

#: Most tokens that count as such evidence; by then the odds are as good as certain.
_MOST_MOVE_EVIDENCE = 8

#: Places that are looked at on either side of the expected one: a text may be nothing but dashes.
_PLACES_PER_SIDE = 16

#: Earlier occurrences of the latest tokens that are compared, the most recent ones.
_OCCURRENCES = 4

#: How likely an edit is to bring one certain token, at the least: it may be a token that the reference does not have.
_LEAST_BY_EDIT = 0.002

#: How likely an edit is to bring one certain token, as a multiple of the token's share in the reference.
_BY_EDIT = 0.4

#: Tokens added to the reference's length for that share, so that a short reference does not count for too much.
_SMOOTHING = 10

#: A path: its likelihood, the index of the token it expects next, the tokens copied in a row, its state.
_Path = tuple[float, int, int, int]


@dataclass(frozen=True, slots=True)
class Draft:
    """Tokens that may follow.

    :param survival: for each token, the estimated probability that it and all tokens before it are accepted: above 0,
        at most 1, never rising.
    """

    tokens: tuple[int, ...]
    survival: tuple[float, ...]


#: No token at all.
NO_DRAFT = Draft((), ())

#: A possible draft: what it rests on, how strongly, and where it goes on in which text.
_Choice = tuple[Source, int, int, Sequence[int]]


class Drafter:
    """Follows one output and drafts what comes next.

    :param reference: the text that the output is expected to copy, tokenised as it would stand in the output, with the
        tokens that close it; may be empty.
    :param context: the prompt, where repetitions are looked for as well.
    :param table: what the pass has learnt so far.
    :param earlier: outputs of requests like this one, where repetitions are looked for too.
    """

    def __init__(
        self, reference: Sequence[int], context: Sequence[int], table: SurvivalTable, earlier: Sequence[int] = ()
    ) -> None:
        self._reference = tuple(reference)
        self._table = table
        self._fidelity = table.fidelity if reference else 0.0
        self._paths: list[_Path] = [(1.0, 0, 0, _COPYING)]  # the likeliest first, one for each index
        self._places: dict[int, list[int]] | None = None  # of each token in the reference
        self._history = TokenHistory([*reference, *earlier, *context], len(reference))  # and the output so far
        self._proposed: list[tuple[Source, int, int, tuple[int, ...]]] = []  # each with source, strength, level

    @property
    def cursor(self) -> int:
        """Index of the reference token that is expected next; the reference's length where none is."""
        return self._paths[0][1]

    def propose(self, limit: int) -> Draft:
        """Guess what comes next: at most ``limit`` tokens, none where nothing is known or ``limit`` is below 1."""
        self._proposed = []
        if limit < 1:
            return NO_DRAFT
        table, cursor, level = self._table, self.cursor, find_level(self._fidelity)
        source, strength = self._assess_cursor()
        if source is Source.TRACK and cursor < len(self._reference):
            return self._draft(source, strength, level, cursor, self._reference, limit)
        choices: list[_Choice] = []
        if cursor < len(self._reference):
            choices.append((source, strength, cursor, self._reference))
        choices += self._find_repetitions()
        if not choices:
            return NO_DRAFT
        if len(choices) > 1:
            choices.sort(key=lambda choice: -table.estimate_rate(choice[0], choice[1], level))
        source, strength, place, text = choices[0]
        draft = self._draft(source, strength, level, place, text, limit)
        # What was not chosen is compared as well: a source that was once found poor must be able to recover.
        self._proposed += [(other, length, level, (text[place],)) for other, length, place, text in choices[1:]]
        return draft

    def _draft(self, source: Source, strength: int, level: int, place: int, text: Sequence[int], limit: int) -> Draft:
        survival = self._table.estimate_survival(source, strength, level, limit)
        tokens = tuple(text[place : place + min(len(survival), limit)])
        self._proposed.append((source, strength, level, tokens))
        return Draft(tokens, survival if len(survival) == len(tokens) else survival[: len(tokens)])

    def extend(self, emitted: Sequence[int], drafted: int) -> None:
        """Take what a step yielded: learn from it, and where it left the reference, find the place again.

        :param emitted: the accepted tokens and the one after them; any tokens are allowed.
        :param drafted: tokens of the last proposal that were verified. The token after them is compared as well.
        """
        table = self._table
        compared = tuple(emitted[: drafted + 1])
        for source, strength, level, tokens in self._proposed:
            length = min(len(tokens), len(compared))
            accepted = 0
            while accepted < length and tokens[accepted] == compared[accepted]:
                accepted += 1
            table.learn(source, strength, level, accepted=accepted, missed=accepted < length)
        self._proposed = []
        self._follow(emitted)

    def watch(self, emitted: Sequence[int], least: float = 0.0) -> bool:
        """Take tokens without following them, for a time in which nothing is proposed: much cheaper than ``extend``.

        Returns whether to propose again: True if the latest two tokens or more stood together before, always went on in
        the same way, and will so again with a probability of ``least`` or more. Otherwise the tokens count as not
        copied.
        """
        self._proposed = []
        if self._history.note(emitted) and self._recognises(least):
            self._keep_likeliest([(1.0, self.cursor, 0, _INSERTING), *self._find_moves(1.0)])
            return True
        self._fidelity *= (1 - _WEIGHT_IN_TEXT) ** len(emitted)
        if self._reference:
            self._table.fidelity *= (1 - _WEIGHT_IN_PASS) ** len(emitted)
        return False

    def _recognises(self, least: float) -> bool:
        """Whether the latest tokens tell what follows, as ``watch`` says."""
        table, level = self._table, find_level(self._fidelity)
        if least > 0 and table.estimate_rate(Source.REPEAT, LONGEST, level) < least:
            return False
        repeated = self._find_repetitions(least=2)
        if not repeated or repeated[0][0] is not Source.REPEAT:
            return False
        return table.estimate_rate(Source.REPEAT, repeated[0][1], level) >= least

    def _follow(self, emitted: Sequence[int]) -> None:
        reference, table, history = self._reference, self._table, self._history
        size = len(reference)
        place, end = 0, len(emitted)
        while place < end:
            token = emitted[place]
            _, cursor, run, _ = self._paths[0]
            hit = cursor < size and reference[cursor] == token
            copied = 1
            if hit and len(self._paths) == 1:
                # Most tokens of a copied text come here, and many of them at a time.
                most = min(end - place, size - cursor)
                while copied < most and reference[cursor + copied] == emitted[place + copied]:
                    copied += 1
            self._fidelity = _average(self._fidelity, hit, _WEIGHT_IN_TEXT, copied)
            if reference:
                table.fidelity = _average(table.fidelity, hit, _WEIGHT_IN_PASS, copied)
            history.extend(emitted[place : place + copied])
            if hit and len(self._paths) == 1:
                self._paths[0] = 1.0, cursor + copied, run + copied, _COPYING
            else:
                self._branch(token)
            place += copied

    def _assess_cursor(self) -> tuple[Source, int]:
        """Say what a draft from the cursor would rest on, and how strongly."""
        _, cursor, run, state = self._paths[0]
        if state != _COPYING:
            return Source.LOST, 0
        if len(self._paths) == 1:
            return Source.TRACK, run
        expected = self._reference[cursor : cursor + 1]
        agreeing = sum(path[0] for path in self._paths if self._reference[path[1] : path[1] + 1] == expected)
        return (Source.TRACK if agreeing > _SURE_SHARE * sum(path[0] for path in self._paths) else Source.JUMP), run

    def _branch(self, token: int) -> None:
        """Continue every path in each way that can have led to the token, and keep the likeliest ones."""
        reference = self._reference
        if self._places is None:
            self._places = {}
            for index, known in enumerate(reference):
                self._places.setdefault(known, []).append(index)
        places = self._places.get(token, ())
        # How likely an edit is to bring this very token. The more often the reference has it, the likelier that is, and
        # the less the token says about where the output stands.
        by_edit = max(_LEAST_BY_EDIT, _BY_EDIT * len(places) / (len(reference) + _SMOOTHING))
        branches: list[_Path] = []
        for likelihood, place, run, state in self._paths:
            if place < len(reference) and reference[place] == token:
                branches.append((likelihood * _COPY_ODDS[state], place + 1, run + 1, _COPYING))
                continue
            insert, substitute, delete = _EDIT_ODDS[state]
            branches.append((likelihood * insert * by_edit, place, 0, _INSERTING))
            if place < len(reference):
                branches.append((likelihood * substitute * by_edit, place + 1, 0, _SUBSTITUTING))
            if not places:
                continue
            ahead = bisect_right(places, place)
            for found in places[ahead : ahead + _MOST_PATHS]:
                deleted = found - place
                branches.append((likelihood * delete / (deleted * (deleted + 1)), found + 1, 1, _COPYING))
        if places and (best := max(branches))[3] != _COPYING:  # else there is no place to move to
            branches += self._find_moves(best[0])
        self._keep_likeliest(branches)

    def _keep_likeliest(self, branches: list[_Path]) -> None:
        """Keep the likeliest paths, one for each place."""
        branches.sort(reverse=True)
        merged: dict[int, _Path] = {}
        for path in branches:
            place = path[1]
            if place in merged:
                likelihood, _, run, state = merged[place]
                merged[place] = likelihood + path[0], place, run, state
            else:
                merged[place] = path
        ranked = list(merged.values())
        if len(ranked) < len(branches):  # those that were merged may have risen
            ranked.sort(reverse=True)
        top = ranked[0][0]
        self._paths = [
            (likelihood / top, place, run, state)
            for likelihood, place, run, state in ranked[:_MOST_PATHS]
            if likelihood > _NEGLIGIBLE * top
        ]

    def _find_moves(self, likelihood: float) -> list[_Path]:
        """Make a path from each place of the reference before which the latest two tokens stand."""
        history, cursor = self._history, self.cursor
        if len(history.tokens) < 2:
            return []
        latest = history.latest(2)
        behind = islice(history.iterate_back(latest, cursor), _PLACES_PER_SIDE)
        ahead = islice(history.iterate_on(latest, cursor, len(self._reference)), _PLACES_PER_SIDE)
        paths: list[_Path] = []
        for end in sorted(chain(behind, ahead)):
            if end < len(self._reference):
                run = self._count_agreeing(end, 2, min(LONGEST, end))
                odds = _MOVE_ODDS * _MOVE_EVIDENCE ** min(run, _MOST_MOVE_EVIDENCE)
                paths.append((likelihood * odds, end, run, _COPYING))
        return paths

    def _find_repetitions(self, least: int = 1) -> list[_Choice]:
        """Find where the latest tokens stood before, the longest match of the most recent; none if the last is new.

        :param least: tokens that must have stood together, 1 or 2.
        """
        history = self._history
        known, ends = 2, list[int]()
        if len(history.tokens) > 1:
            ends = list(islice(history.iterate_back(history.latest(2)), _OCCURRENCES))
        if not ends and least == 1 and history.tokens:
            known, ends = 1, list(islice(history.iterate_back(history.latest(1)), _OCCURRENCES))
        if not ends:
            return []
        tokens = history.tokens
        source, longest, place = Source.REPEAT, 0, 0
        for end in ends:
            length = self._count_agreeing(end, known, min(LONGEST, end))
            if length > longest:
                source, longest, place = Source.REPEAT, length, end
            elif length == longest and tokens[end] != tokens[place]:
                source = Source.DISPUTED
        return [(source, longest, place, self._reference if place < len(self._reference) else tokens)]

    def _count_agreeing(self, end: int, known: int, most: int) -> int:
        """Count the latest tokens that also stand before ``end``, up to ``most``; ``known`` of them are known to."""
        history = self._history.tokens
        while known < most and history[end - known - 1] == history[-known - 1]:
            known += 1
        return known


def _average(mean: float, hit: bool, weight: float, count: int) -> float:
    """The running mean of hits after ``count`` more hits, or as many misses."""
    if count == 1:
        return mean + weight * (hit - mean)
    return hit + (mean - hit) * (1.0 - weight) ** count
