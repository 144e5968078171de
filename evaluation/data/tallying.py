"""Sums of examined pairs by language and group of rows, and the figures that they make. Memory grows with rows only."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from midb.detectors import kinds
from midb.domain.intervals import RESAMPLES
from midb.evaluation.data.examining import ExaminedPair, TextStatistics
from midb.evaluation.intervals import Figure, GroupedBootstrap, find_group

#: What densities are given for.
PER = 1000

#: Names of records that are listed where there is something to look at.
NAMED = 5

#: Sums by group of rows.
Sums = Counter[int]


@dataclass
class LanguageTally:
    """What was counted of the pairs of one language, by group of rows where a figure gets an interval."""

    pairs: Sums = field(default_factory=Counter)
    changed: Sums = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, tuple[Sums, Sums]] = field(default_factory=dict)
    found: tuple[Sums, Sums] = field(default_factory=lambda: (Counter(), Counter()))
    worse: Sums = field(default_factory=Counter)
    introduced: Counter[str] = field(default_factory=Counter)
    examined: Sums = field(default_factory=Counter)
    own: tuple[Sums, Sums] = field(default_factory=lambda: (Counter(), Counter()))
    told: Sums = field(default_factory=Counter)
    lost: int = 0
    sizes: tuple[Sums, Sums] = field(default_factory=lambda: (Counter(), Counter()))
    sizes_of_changed: tuple[Sums, Sums] = field(default_factory=lambda: (Counter(), Counter()))
    texts: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    agreement: tuple[defaultdict[int, float], defaultdict[int, float]] = field(
        default_factory=lambda: (defaultdict(float), defaultdict(float))
    )
    referred: Sums = field(default_factory=Counter)
    referred_changed: int = 0
    rows: set[str] = field(default_factory=set)
    seen: tuple[Counter[int], ...] = field(default_factory=lambda: (Counter(), Counter(), Counter(), Counter()))

    def add(self, pair: ExaminedPair, agreement: tuple[float, float] | None) -> None:
        """Count a pair in."""
        group = find_group(pair.sides.row)
        self.rows.add(pair.sides.row)
        self.pairs[group] += 1
        self.changed[group] += pair.changed
        for counted, name in zip(self.seen, pair.digests, strict=True):
            counted[name] += 1
        self._add_texts(pair, group)
        if agreement is not None:
            self.referred[group] += 1
            self.referred_changed += pair.changed
            for sums, value in zip(self.agreement, agreement, strict=True):
                sums[group] += value
        if pair.left:
            self.left[pair.left] += 1
            return
        self.examined[group] += 1
        self.worse[group] += bool(pair.introduced)
        self.introduced.update(pair.introduced)
        for side, found in enumerate((pair.findings_before, pair.findings_after)):
            for kind, times in found.items():
                self.kinds.setdefault(kind, (Counter(), Counter()))[side][group] += times
                self.found[side][group] += times

    def _add_texts(self, pair: ExaminedPair, group: int) -> None:
        sides = (pair.before, pair.after)
        if pair.before.own_language is not None and pair.after.own_language is not None:
            self.told[group] += 1
            self.lost += pair.before.own_language and not pair.after.own_language
            for sums, side in zip(self.own, sides, strict=True):
                sums[group] += bool(side.own_language)
        for sums, changed, texts, side in zip(self.sizes, self.sizes_of_changed, self.texts, sides, strict=True):
            sums[group] += side.size
            changed[group] += side.size if pair.changed else 0
            texts.update(_list_statistics(side))


def _list_statistics(side: TextStatistics) -> dict[str, int]:
    return {"characters": side.characters, "words": side.words or 0, "lines": side.lines, "empty": side.empty,
            "counted": side.words is not None}  # fmt: skip


class DataTally:
    """Counts pairs of all languages. ``worse`` names some in which there are more findings than before."""

    def __init__(self, *, seed: int = 0, resamples: int = RESAMPLES) -> None:
        self._seed = seed
        self._resamples = resamples
        self._languages: dict[str, LanguageTally] = {}
        self.worse: list[dict[str, Any]] = []
        self.lost: list[str] = []

    def add(self, pair: ExaminedPair, agreement: tuple[float, float] | None = None) -> None:
        """Count a pair in, with its agreement with a reference (before, after) where there is one."""
        self._languages.setdefault(pair.sides.language, LanguageTally()).add(pair, agreement)
        if pair.introduced and len(self.worse) < NAMED:
            self.worse.append({"record": pair.sides.key, "kinds": dict(pair.introduced)})
        if pair.before.own_language and pair.after.own_language is False and len(self.lost) < NAMED:
            self.lost.append(pair.sides.key)

    def groups(self) -> list[dict[str, Any]]:
        """The figures of all pairs together (language None), where there are several languages, and of each."""
        found = [self._describe(code, tally) for code, tally in sorted(self._languages.items())]
        if len(found) == 1:
            return found
        return [self._describe(None, _join(self._languages.values())), *found]

    def _describe(self, language: str | None, tally: LanguageTally) -> dict[str, Any]:
        bootstrap = GroupedBootstrap(sorted(tally.pairs), len(tally.rows), seed=self._seed, resamples=self._resamples)
        pairs = tally.pairs.total()
        return {
            "language": language,
            "pairs": pairs,
            "rows": len(tally.rows),
            "changed": tally.changed.total(),
            "not_examined": dict(tally.left),
            "density": _compare(bootstrap, tally.found, tally.examined, PER),
            "kinds": [
                {
                    "kind": kind, "family": kinds()[kind].family.value, "severity": kinds()[kind].severity.value,
                    **_compare(bootstrap, tally.kinds[kind], tally.examined, PER),
                }
                for kind in sorted(tally.kinds, key=lambda kind: (-tally.kinds[kind][0].total(), kind))
            ],
            "more_findings": {
                "pairs": tally.worse.total(),
                "share": _json(bootstrap.measure(tally.worse, tally.examined, share=True)),
                "kinds": dict(tally.introduced.most_common()),
            },
            "own_language": {
                **_compare(bootstrap, tally.own, tally.told, 1, share=True), "pairs": tally.told.total(),
                "lost": tally.lost,
            },
            "length_ratio": {
                "all": _json(bootstrap.measure(tally.sizes[1], tally.sizes[0])),
                "changed": _json(bootstrap.measure(tally.sizes_of_changed[1], tally.sizes_of_changed[0])),
            },
            "texts": {
                name: {"before": _mean(tally.texts[0], name, pairs), "after": _mean(tally.texts[1], name, pairs)}
                for name in ("characters", "words", "lines")
            },
            "empty_responses": {"before": tally.texts[0]["empty"], "after": tally.texts[1]["empty"]},
            "duplicates": {
                "pairs": {"before": _count_again(tally.seen[0]), "after": _count_again(tally.seen[1])},
                "tasks": {"before": _count_again(tally.seen[2]), "after": _count_again(tally.seen[3])},
            },
            "agreement": {
                **_compare(bootstrap, tally.agreement, tally.referred, 1),
                "pairs": tally.referred.total(), "changed": tally.referred_changed,
            }
            if tally.referred
            else None,
        }  # fmt: skip


def _compare(
    bootstrap: GroupedBootstrap,
    sides: tuple[Mapping[int, float], Mapping[int, float]],
    below: Mapping[int, float],
    scale: float,
    *,
    share: bool = False,
) -> dict[str, Any]:
    before, after = sides
    return {
        "before": _json(bootstrap.measure(before, below, scale=scale, share=share)),
        "after": _json(bootstrap.measure(after, below, scale=scale, share=share)),
        "difference": _json(bootstrap.compare(after, before, below, scale)),
    }


def _json(figure: Figure | None) -> dict[str, Any] | None:
    return None if figure is None else figure.as_json()


def _mean(texts: Counter[str], name: str, pairs: int) -> float | None:
    """Of each pair; of words of those pairs alone whose words can be counted."""
    of = texts["counted"] if name == "words" else pairs
    return round(texts[name] / of, 2) if of else None


def _count_again(seen: Counter[int]) -> int:
    """How many there are beyond the first of each."""
    return seen.total() - len(seen)


def _join(tallies: Iterable[LanguageTally]) -> LanguageTally:
    """All languages together; what is the same in two of them is no duplicate."""
    whole = LanguageTally()
    for number, tally in enumerate(tallies):
        for name in ("pairs", "changed", "left", "worse", "introduced", "examined", "told", "referred"):
            getattr(whole, name).update(getattr(tally, name))
        for name in ("found", "own", "sizes", "sizes_of_changed", "texts"):
            for sums, more in zip(getattr(whole, name), getattr(tally, name), strict=True):
                sums.update(more)
        for sums, values in zip(whole.agreement, tally.agreement, strict=True):
            for group, value in values.items():
                sums[group] += value
        for counted, seen in zip(whole.seen, tally.seen, strict=True):
            counted.update({(name << 8) + number: times for name, times in seen.items()})
        for kind, sides in tally.kinds.items():
            for sums, more in zip(whole.kinds.setdefault(kind, (Counter(), Counter())), sides, strict=True):
                sums.update(more)
        whole.rows |= tally.rows
        whole.lost += tally.lost
        whole.referred_changed += tally.referred_changed
    return whole
