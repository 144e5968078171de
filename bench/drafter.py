"""Drafters by replay: what they save on real revisions and on seeded edits, at equal rows.

Nothing is computed by a model: the output is known, a step verifies a draft against it and yields what agrees, plus one
token. Tokens per step say how often the weights are read, rows per token how much is computed for that. Every drafter
has a knob that trades one for the other, and drafters are compared where their curves cost the same rows. The knob of
ours is the least survival that is verified, that of n-gram the length of a draft, that of suffix the ratio of the
draft's length to the match's.
"""

from __future__ import annotations

import statistics
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from drafting.texts import Text, Tokens, read_cases, train_tokenizer
from registry import Row, benchmark

from midb.kernels.engine.drafting.draft import Drafter
from midb.kernels.engine.drafting.pacing import PacedDrafter
from midb.kernels.engine.drafting.survival import SurvivalTable

#: Languages on which the priors and odds of our drafter were measured; one of the summaries leaves them out.
TUNED_ON = {"Arabic", "German", "Japanese", "Turkish"}

#: Most draft tokens of one step.
LIMITS = (16, 32)

#: Rows per output token at which curves are read.
ROWS = (1.05, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0)

#: Values of our knob. Each drafter has as many: a curve that is read between fewer points would look worse than it is.
SURVIVALS = (0.97, 0.95, 0.92, 0.88, 0.8, 0.7, 0.55, 0.4, 0.25, 0.15, 0.07, 0.02, 0.005)

#: Values of n-gram's knob.
LENGTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 26, 32)

#: Values of suffix's knob.
FACTORS = (0.1, 0.17, 0.25, 0.34, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)


class Speculator(Protocol):
    """What a drafter is to the replay."""

    def propose(self, limit: int) -> Tokens:
        """Draft tokens to verify."""

    def extend(self, emitted: Tokens, drafted: int) -> None:
        """Take what a step yielded."""


class Aligned:
    """Ours, with a fixed survival in place of the engine's gate."""

    def __init__(self, text: Text, knob: float, table: SurvivalTable) -> None:
        self._drafter, self._least = PacedDrafter(Drafter(text.reference, text.prompt, table)), knob

    def propose(self, limit: int) -> Tokens:
        """The head of the draft that is likely enough."""
        draft = self._drafter.propose(limit)
        return draft.tokens[: sum(survival >= self._least for survival in draft.survival)]

    def extend(self, emitted: Tokens, drafted: int) -> None:
        """Take what a step yielded."""
        self._drafter.extend(emitted, drafted)


class Lookup:
    """Prompt lookup as in transformers: the first place where the last 5, else 4, 3, 2 tokens stood before."""

    #: Most tokens that are looked for.
    MOST = 5

    #: Fewest tokens that are looked for.
    LEAST = 2

    def __init__(self, text: Text, knob: float, table: SurvivalTable) -> None:
        self._tokens: list[int] = []
        self._first: dict[tuple[int, ...], int] = {}
        self._length = int(knob)
        self.extend(text.prompt, 0)

    def propose(self, limit: int) -> Tokens:
        """What followed there."""
        tokens = self._tokens
        for size in range(min(self.MOST, len(tokens)), self.LEAST - 1, -1):
            place = self._first.get(tuple(tokens[-size:]), len(tokens))
            if place < len(tokens):
                return tokens[place : place + min(self._length, limit)]
        return ()

    def extend(self, emitted: Tokens, drafted: int) -> None:
        """Take what a step yielded."""
        for token in emitted:
            self._tokens.append(token)
            end = len(self._tokens)
            for size in range(self.LEAST, min(self.MOST, end) + 1):
                self._first.setdefault(tuple(self._tokens[end - size :]), end)


class Suffix:
    """Suffix decoding over prompt and output, without the outputs of other requests.

    For each length of match it looks at the likeliest continuation by counts, ``knob`` times as long as the match. It
    drafts the one of which most tokens are expected.
    """

    #: The longest match that is looked for.
    DEEPEST = 32

    #: A continuation ends where it is less likely than this.
    LEAST = 0.1

    def __init__(self, text: Text, knob: float, table: SurvivalTable) -> None:
        self._tokens: list[int] = []
        self._ends: dict[int, list[int]] = defaultdict(list)
        self._factor = knob
        self.extend(text.prompt, 0)

    def propose(self, limit: int) -> Tokens:
        """The best continuation."""
        tokens = self._tokens
        if not tokens:
            return ()
        ends = [end for end in self._ends[tokens[-1]] if end < len(tokens)]
        best: list[int] = []
        best_score, depth = 0.0, 1
        while ends and depth <= self.DEEPEST:
            nested = [end for end in ends if end > depth and tokens[end - depth - 1] == tokens[-depth - 1]]
            if len(nested) < len(ends) or depth == self.DEEPEST:  # else the longer match says the same and goes further
                draft, score = self._continue(ends, min(limit, int(self._factor * depth + 1e-6)))
                if score >= best_score:
                    best, best_score = draft, score
            ends, depth = nested, depth + 1
        return best

    def _continue(self, ends: list[int], limit: int) -> tuple[list[int], float]:
        draft: list[int] = []
        probability = 1.0
        score = 0.0
        while len(draft) < limit:
            following = Counter(self._tokens[end] for end in ends if end < len(self._tokens))
            if not following:
                break
            token, count = following.most_common(1)[0]
            probability *= count / len(ends)
            if probability < self.LEAST:
                break
            draft.append(token)
            score += probability
            ends = [end + 1 for end in ends if end < len(self._tokens) and self._tokens[end] == token]
        return draft, score

    def extend(self, emitted: Tokens, drafted: int) -> None:
        """Take what a step yielded."""
        for token in emitted:
            self._tokens.append(token)
            self._ends[token].append(len(self._tokens))


#: Drafters by name, with the values of their knobs.
DRAFTERS: dict[str, tuple[Callable[[Text, float, SurvivalTable], Speculator], tuple[float, ...]]] = {
    "aligned": (Aligned, SURVIVALS),
    "n-gram": (Lookup, LENGTHS),
    "suffix": (Suffix, FACTORS),
}


@dataclass
class Total:
    """What the replay of some texts took."""

    tokens: int = 0
    steps: int = 0
    rows: int = 0

    def __add__(self, other: Total) -> Total:
        return Total(self.tokens + other.tokens, self.steps + other.steps, self.rows + other.rows)

    @property
    def point(self) -> tuple[float, float]:
        """Rows per token, tokens per step."""
        return self.rows / self.tokens, self.tokens / self.steps


def replay(speculator: Speculator, output: Tokens, limit: int) -> Total:
    """Decode a known output."""
    total = Total(tokens=len(output))
    place = 0
    while place < len(output):
        draft = speculator.propose(limit)
        agreed = 0
        while agreed < len(draft) and place + agreed < len(output) and draft[agreed] == output[place + agreed]:
            agreed += 1
        emitted = output[place : place + agreed + 1]
        speculator.extend(emitted, len(draft))
        total.steps += 1
        total.rows += 1 + len(draft)
        place += len(emitted)
    return total


def draw_curve(totals: Sequence[Total]) -> list[tuple[float, float]]:
    """Draw the best tokens per step for so many rows or fewer, starting from decoding without drafts."""
    points = [(1.0, 1.0)]
    for rows, yielded in sorted(total.point for total in totals):
        points.append((rows, max(yielded, points[-1][1])))
    return points


def read_curve(points: list[tuple[float, float]], rows: float) -> float:
    """Read a curve's tokens per step for so many rows; beyond its end it is flat."""
    right = bisect_left(points, (rows, 0.0))
    if right == len(points):
        return points[-1][1]
    (r0, y0), (r1, y1) = points[max(right - 1, 0)], points[right]
    return y1 if r1 == r0 else y0 + (y1 - y0) * (rows - r0) / (r1 - r0)


def replay_texts(texts: list[Text], name: str, knob: float, limit: int) -> Total:
    """Replay the texts of a language as one pass."""
    make, _ = DRAFTERS[name]
    table = SurvivalTable()
    return sum((replay(make(text, knob, table), text.output, limit) for text in texts), Total())


@benchmark("drafter", "tokens per step and rows per token by replay, against n-gram and suffix drafts at equal rows")
def run_drafters(corpora: Path) -> Iterator[Row]:
    """A row for each language and case, then summaries over languages, then what our own calls cost."""
    texts = read_cases(corpora.parent / "meb", train_tokenizer(corpora))
    sums: dict[tuple[str, str, int], dict[str, list[Total]]] = defaultdict(dict)
    for language, by_case in texts.items():
        for case, some in by_case.items():
            for limit in LIMITS:
                row: Row = {"language": language, "case": case, "limit": limit}
                for name, (_, knobs) in DRAFTERS.items():
                    totals = [
                        replay_texts(some, name, knob, limit) for knob in knobs if name != "n-gram" or knob <= limit
                    ]
                    for group in ("all",) if language in TUNED_ON else ("all", "not tuned on"):
                        before = sums[group, case, limit].get(name, [Total() for _ in totals])
                        sums[group, case, limit][name] = [a + b for a, b in zip(before, totals, strict=True)]
                    points = draw_curve(totals)
                    row[name] = {f"{rows}": round(read_curve(points, rows), 2) for rows in ROWS[1::2]}
                yield row
    for (group, case, limit), by_name in sorted(sums.items()):
        yield summarise(group, case, limit, by_name)
    yield from measure_calls([some for by_case in texts.values() for some in by_case["edits 6%"]])


def summarise(group: str, case: str, limit: int, by_name: dict[str, list[Total]]) -> Row:
    """Tokens per step by rows per token, over many languages; and ours by the better of the others."""
    curves = {name: draw_curve(totals) for name, totals in by_name.items()}
    reached = max(points[-1][0] for name, points in curves.items() if name != "aligned")
    ratios = {}
    for rows in ROWS:
        best = max(read_curve(points, rows) for name, points in curves.items() if name != "aligned")
        if rows <= reached:
            ratios[f"{rows}"] = round(read_curve(curves["aligned"], rows) / best, 3)
    return {
        "language": group,
        "case": case,
        "limit": limit,
        **{name: {f"{rows}": round(read_curve(points, rows), 2) for rows in ROWS} for name, points in curves.items()},
        "ours by best": ratios,
    }


def measure_calls(texts: list[Text]) -> Iterator[Row]:
    """Measure our own calls, in microseconds."""
    table = SurvivalTable()
    spent: dict[str, list[float]] = {"make": [], "propose": [], "extend": []}
    for text in texts:
        marks = [time.perf_counter()]
        ours = PacedDrafter(Drafter(text.reference, text.prompt, table))
        marks.append(time.perf_counter())
        spent["make"].append(marks[1] - marks[0])
        place = 0
        while place < len(text.output):
            start = time.perf_counter()
            draft = ours.propose(max(LIMITS)).tokens
            spent["propose"].append(time.perf_counter() - start)
            agreed = 0
            while text.output[place : place + agreed + 1] == list(draft[: agreed + 1]) and agreed < len(draft):
                agreed += 1
            emitted = text.output[place : place + agreed + 1]
            start = time.perf_counter()
            ours.extend(emitted, len(draft))
            spent["extend"].append(time.perf_counter() - start)
            place += len(emitted)
    for call, seconds in spent.items():
        cuts = statistics.quantiles((second * 1e6 for second in seconds), n=100)
        yield {"call": call, "microseconds_p50": round(cuts[49], 1), "microseconds_p95": round(cuts[94], 1)}
