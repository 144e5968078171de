"""What verdicts come to: wins, ties and losses by language, with and without length, and what the judge is like."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from midb.domain.intervals import ClusterBootstrap
from midb.evaluation.intervals import LEAST_ROWS, GroupedBootstrap, find_group
from midb.evaluation.pairwise.harm import HarmTest, compare_languages
from midb.evaluation.pairwise.judging import TIE, JudgedTwice, Opinion
from midb.evaluation.pairwise.lengths import BINS, find_bin, fit_lengths, measure_spread

#: Draws for the length-controlled rate: each is a fit.
_REFITS = 200

#: The share of verdicts for the side shown first beyond which a judge answers by place.
BY_PLACE = 0.9


def describe_groups(
    judged: Sequence[JudgedTwice], same: Mapping[str, Counter[str]], differing: Mapping[str, int], *, seed: int,
    resamples: int, margin: float,
) -> list[dict[str, Any]]:  # fmt: skip
    """The figures of each language, and behind them of all together, where there are several.

    :param same: rows of pairs that are the same on both sides, by language.
    :param differing: how many pairs differ, by language; of these some or all were judged.
    """
    languages = sorted({*same, *differing})
    by_language = {code: [one for one in judged if one.pair.language == code] for code in languages}
    outcomes = {code: _list_outcomes(own) for code, own in by_language.items()}
    enough = {code: own for code, own in outcomes.items() if len({row for row, _ in own}) >= LEAST_ROWS}
    tests = compare_languages(enough, margin)
    rows = [
        _describe(code, by_language[code], same.get(code, Counter()).total(), differing.get(code, 0), seed, resamples)
        | {"harm": _describe_test(tests.get(code))}
        for code in languages
    ]
    if len(rows) > 1:
        same_pairs = sum(found.total() for found in same.values())
        rows.append(_describe(None, judged, same_pairs, sum(differing.values()), seed, resamples) | {"harm": None})
    return rows


def _list_outcomes(judged: Iterable[JudgedTwice]) -> list[tuple[str, int]]:
    return [(one.pair.row, one.outcome) for one in judged if one.outcome is not None]


def _describe_test(test: HarmTest | None) -> dict[str, Any] | None:
    if test is None:
        return None
    return {
        "p_worse": round(test.p_worse, 5), "worse": test.worse, "p_not_worse": round(test.p_not_worse, 5),
        "not_worse": test.not_worse, "needed": test.needed,
    }  # fmt: skip


def _describe(
    language: str | None, judged: Sequence[JudgedTwice], same: int, differing: int, seed: int, resamples: int
) -> dict[str, Any]:
    usable = [one for one in judged if one.outcome is not None]
    outcomes = [one.outcome or 0 for one in usable]
    rows = {one.pair.row for one in usable}
    groups = [find_group(one.pair.row) for one in usable]
    bootstrap = GroupedBootstrap(sorted(set(groups)), len(rows), seed=seed, resamples=resamples)
    count = Counter(groups)

    def measure(values: Iterable[float], *, signed: bool = False) -> dict[str, Any] | None:
        sums: defaultdict[int, float] = defaultdict(float)
        for group, value in zip(groups, values, strict=True):
            sums[group] += value
        figure = bootstrap.measure(sums, count, share=not signed, signed=signed) if usable else None
        return figure.as_json() if figure else None

    net = measure(outcomes, signed=True)
    return {
        "language": language,
        "pairs": same + differing,
        "same": same,
        "differing": differing,
        "judged": len(usable),
        "rows": len(rows),
        "no_verdict": dict(Counter(_find_failure(one) for one in judged if one.outcome is None).most_common()),
        "win": outcomes.count(1),
        "tie": outcomes.count(0),
        "loss": outcomes.count(-1),
        "win_rate": measure(float(outcome == 1) for outcome in outcomes),
        "loss_rate": measure(float(outcome == -1) for outcome in outcomes),
        "net_win": net,
        "net_win_of_all_pairs": _scale(net, differing / (same + differing)) if same + differing else None,
        "flip_rate": measure(float(one.flipped) for one in usable),
        "judge": describe_judge([opinion for one in judged for opinion in one.opinions]),
        "by_length": _describe_bins(usable),
        "length_controlled": _control_length(usable, seed),
    }


def _find_failure(judged: JudgedTwice) -> str:
    return next(opinion.failure for opinion in judged.opinions if not opinion.preferred)


def _scale(figure: Mapping[str, Any] | None, by: float) -> dict[str, Any] | None:
    if figure is None:
        return None
    scaled = {name: None if figure[name] is None else round(figure[name] * by, 6) for name in ("value", "low", "high")}
    return {**scaled, "rows": figure["rows"]}


def describe_judge(opinions: Sequence[Opinion]) -> dict[str, Any]:
    """How often the judge preferred what it was shown first, where it preferred anything, and how often nothing."""
    given = [opinion for opinion in opinions if opinion.preferred]
    decided = [opinion for opinion in given if opinion.preferred != TIE]
    first = sum(opinion.preferred == opinion.first for opinion in decided)
    return {
        "verdicts": len(given),
        "decided": len(decided),
        "first": round(first / len(decided), 6) if decided else None,
        "ties": round(1 - len(decided) / len(given), 6) if given else None,
    }


def _describe_bins(judged: Sequence[JudgedTwice]) -> list[dict[str, Any]]:
    found: dict[str, Counter[int]] = {name: Counter() for name in BINS}
    for one in judged:
        found[find_bin(one.pair.lengths)][one.outcome or 0] += 1
    return [
        {
            "boosted_is": name, "judged": counts.total(), "win": counts[1], "tie": counts[0], "loss": counts[-1],
            "net_win": round((counts[1] - counts[-1]) / counts.total(), 6) if counts else None,
        }
        for name, counts in found.items()
    ]  # fmt: skip


def _control_length(judged: Sequence[JudgedTwice], seed: int) -> dict[str, Any] | None:
    """The win rate at equal length (a tie is half a win), beside the same without control; None of too few rows."""
    if len({one.pair.row for one in judged}) < LEAST_ROWS:
        return None
    differences = [float(one.pair.lengths[1] - one.pair.lengths[0]) for one in judged]
    outcomes = [one.outcome or 0 for one in judged]
    spread = measure_spread(differences)
    effect = fit_lengths(outcomes, differences, spread)
    rates = sorted(
        fit_lengths([outcomes[place] for place in draw], [differences[place] for place in draw], spread).win_rate
        for draw in _draw_rows([one.pair.row for one in judged], seed)
    )
    outside = round(0.025 * (len(rates) - 1))
    return {
        "win_rate": {
            "value": round(effect.win_rate, 6), "low": round(rates[outside], 6), "high": round(rates[-1 - outside], 6),
            "rows": len({one.pair.row for one in judged}),
        },
        "uncontrolled": round(sum(outcome + 1 for outcome in outcomes) / 2 / len(outcomes), 6),
        "slope": round(effect.slope, 4),
        "spread": round(spread, 1),
    }  # fmt: skip


def _draw_rows(rows: Sequence[str], seed: int) -> Iterable[list[int]]:
    """Places of the items of drawn rows, for each draw."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        places[row].append(place)
    names = list(places)
    for draw in ClusterBootstrap(names, seed=seed, resamples=_REFITS).draws():
        yield [place for number in draw for place in places[names[number]]]


def write_notes(groups: Sequence[Mapping[str, Any]], margin: float) -> list[str]:
    """What the figures say, and what they do not."""
    languages = [group for group in groups if group["language"]]
    notes = [*_conclude_on_harm(languages, margin)]
    whole = groups[-1]
    judge = whole["judge"]
    if judge["decided"] >= LEAST_ROWS and not 1 - BY_PLACE < judge["first"] < BY_PLACE:
        notes.append(
            f"The judge preferred the version that it was shown first in {judge['first']:.0%} of its decided verdicts: "
            "it answers by place, and its ties are no opinion."
        )
    if judge["verdicts"] >= LEAST_ROWS and judge["ties"] is not None and judge["ties"] >= BY_PLACE:
        notes.append(f"The judge called {judge['ties']:.0%} a tie: it tells hardly anything apart.")
    if failed := sum(whole["no_verdict"].values()):
        listed = ", ".join(f"{code} {count:,}" for code, count in whole["no_verdict"].items())
        notes.append(f"{failed:,} pairs have no usable verdict in both orders, and are in no rate: {listed}.")
    if few := [
        f"{group['language']} {group['rows']:,}"
        for group in languages
        if group["judged"] and group["rows"] < LEAST_ROWS
    ]:
        notes.append(f"Too few judged rows for an interval and a test ({LEAST_ROWS} are needed): {', '.join(few)}.")
    return notes


def _conclude_on_harm(languages: Sequence[Mapping[str, Any]], margin: float) -> list[str]:
    tested = [group for group in languages if group["harm"]]
    if not tested:
        return []
    points = f"{100 * margin:g} points of net win"
    worse = [group["language"] for group in tested if group["harm"]["worse"]]
    shown = [group["language"] for group in tested if group["harm"]["not_worse"]]
    open_ = [group for group in tested if not group["harm"]["worse"] and not group["harm"]["not_worse"]]
    notes = []
    if worse:
        notes.append(f"Worse than before: {', '.join(worse)} (Holm, {len(tested)} tests, 5 %).")
    else:
        notes.append(
            f"No language is shown to be worse (Holm, {len(tested)} tests, 5 %); that alone is no proof of none."
        )
    if shown:
        notes.append(f"Shown not to be worse by {points}: {', '.join(shown)} (Holm, 5 %).")
    if open_:
        needed = [
            f"{group['language']} {group['harm']['needed']:,}" if group["harm"]["needed"] else group["language"]
            for group in open_
        ]
        notes.append(
            f"Neither shown, with the judged rows that it would take to show that a language is not worse by {points}, "
            f"if what was seen is the truth: {', '.join(needed)}."
        )
    return notes
