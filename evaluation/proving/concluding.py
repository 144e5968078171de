"""Whether a proof says anything: read off its figures, and never written before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from midb.evaluation.proving.lessons import BOOSTED, CONTROL, RAW, SAME

#: Parameters from which on what a model does is taken for more than a proof that the way works.
LEAST_PARAMETERS = 1_000_000_000

#: Trainings of each side from which on chance of training is seen at all.
LEAST_SEEDS = 3

#: What is said where nothing may be concluded.
PLUMBING = "It proves the plumbing, not the claim."

#: What is said otherwise, with the figure that says so.
FOR = "It says something: by the {what}, the model that was tuned on the boosted corpus is the better one here."
AGAINST = "It speaks against the claim: by the {what}, the model that was tuned on the boosted corpus is the worse one."


def find_comparison(
    comparisons: Sequence[Mapping[str, Any]], candidate: str, baseline: str
) -> Mapping[str, Any] | None:
    """The comparison of two sides; None without it."""
    found = (one for one in comparisons if (one["candidate"], one["baseline"]) == (candidate, baseline))
    return next(found, None)


def read_effect(comparison: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The figure by which sides are compared, so turned that more is better: net win of all languages in the first turn
    where there was a judge, else the loss on held-out clean texts that no side changed. None without any.

    ``better``: 1 or -1 where the interval leaves nought out, else 0.
    """
    if comparison is None:
        return None
    if judged := comparison.get("judged"):
        figure = judged["turns"][0]["groups"][-1]["net_win"] if judged["turns"] else None
        turns = " in the first turn" if len(judged["turns"]) > 1 else ""
        what, unit, scale = f"net win of answers that differ{turns}", "points", 100.0
        by_seed = judged.get("by_seed", [])
    else:
        figure = comparison["loss"][SAME]["groups"][-1]["difference"]
        what, unit, scale = "loss on held-out clean texts", "nats a token", -1.0
        by_seed = comparison["loss"][SAME]["by_seed"]
    if figure is None:
        return None
    low, high = (None if figure[name] is None else scale * figure[name] for name in ("low", "high"))
    if scale < 0:
        low, high = high, low
    better = 0 if low is None or high is None else (low > 0) - (high < 0)
    return {
        "what": what, "unit": unit, "value": scale * figure["value"], "low": low, "high": high, "rows": figure["rows"],
        "better": better, "by_seed": [None if value is None else scale * value for value in by_seed],
    }  # fmt: skip


def conclude(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The sentence, what it is said for, and every reason why nothing is concluded.

    :param figures: all but the conclusion.
    """
    comparisons = figures["comparisons"]
    effects = {
        "boosted_raw": read_effect(find_comparison(comparisons, BOOSTED, RAW)),
        "control_raw": read_effect(find_comparison(comparisons, CONTROL, RAW)),
        "boosted_control": read_effect(find_comparison(comparisons, BOOSTED, CONTROL)),
    }
    main = effects["boosted_raw"]
    reasons = [*_doubt_size(figures), *_doubt_effect(main), *_doubt_seeds(figures, main)]
    if main is not None and main["better"] > 0:
        reasons += [*_doubt_cause(figures, effects), *_doubt_languages(find_comparison(comparisons, BOOSTED, RAW))]
    if judge := figures.get("judge"):
        reasons += [f"the judge: {warning}" for warning in judge["warnings"]]
    if reasons or main is None:
        sentence, says = PLUMBING, "nothing"
    else:
        said, says = (FOR, "for") if main["better"] > 0 else (AGAINST, "against")
        sentence = said.format(what=main["what"])
    return {
        "sentence": sentence, "says": says, "reasons": reasons, "effects": effects, "seen": _tell_effects(effects),
        "bounds": {"parameters": LEAST_PARAMETERS, "seeds": LEAST_SEEDS},
    }  # fmt: skip


def _doubt_size(figures: Mapping[str, Any]) -> list[str]:
    parameters = figures["base"]["parameters"]
    if parameters >= LEAST_PARAMETERS:
        return []
    return [
        f"the base has {parameters:,} parameters, and what is learnt by one with fewer than {LEAST_PARAMETERS:,} is "
        "not taken for what a model of use would learn"
    ]


def _doubt_effect(main: Mapping[str, Any] | None) -> list[str]:
    if main is None:
        return ["there is no figure by which the students can be compared"]
    if main["low"] is None:
        return [f"no interval is given of the {main['what']} of {main['rows']:,} rows"]
    if not main["better"]:
        return [f"the interval of the difference between boosted and raw holds nought ({_show(main)})"]
    return []


def _doubt_seeds(figures: Mapping[str, Any], main: Mapping[str, Any] | None) -> list[str]:
    seeds = len(figures["seeds"])
    if seeds < LEAST_SEEDS:
        trained = "one training" if seeds == 1 else f"{seeds} trainings"
        return [f"each side had {trained}: what is chance of training is not seen with fewer than {LEAST_SEEDS}"]
    signs = {value > 0 for value in (main or {}).get("by_seed", []) if value is not None}
    return ["seeds disagree about which side is the better one"] if len(signs) > 1 else []


def _doubt_cause(figures: Mapping[str, Any], effects: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    """Whether it is the boosting that makes it better, and not that anything was changed."""
    if figures["control"] is None:
        return ["there was no control: that any change does the same is not ruled out"]
    control, against = effects["control_raw"], effects["boosted_control"]
    doubts = []
    if control is not None and control["better"] > 0:
        doubts.append(f"random edits do it as well: control against raw is better, too ({_show(control)})")
    if against is None or against["better"] <= 0:
        shown = f" ({_show(against)})" if against else ""
        doubts.append(f"boosted is not shown to be better than random edits{shown}")
    return doubts


def _doubt_languages(comparison: Mapping[str, Any] | None) -> list[str]:
    """Languages in which boosted is worse than raw: what is better on the whole may have cost them."""
    if comparison is None:
        return []
    if judged := comparison.get("judged"):
        groups = [
            group for turn in judged["turns"] for group in turn["groups"] if (group.get("harm") or {}).get("worse")
        ]
        worse = {group["language"] for group in groups}
    else:
        groups = comparison["loss"][SAME]["groups"]
        worse = {one["language"] for one in groups if one["difference"] and (one["difference"]["low"] or 0) > 0}
    named = sorted(code for code in worse if code)
    return [f"boosted is worse than raw in: {', '.join(named)}"] if named else []


def _tell_effects(effects: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    """What was seen, a sentence for each comparison, whether or not it may be concluded from."""
    told = []
    for name, effect in effects.items():
        if effect is None:
            continue
        candidate, _, baseline = name.partition("_")
        verdict = {1: "is better", -1: "is worse", 0: "is not told apart"}[effect["better"]]
        if effect["low"] is None:
            verdict = "has no interval"
        joint = "from" if verdict == "is not told apart" else "than" if verdict.startswith("is ") else "against"
        told.append(f"{candidate.capitalize()} {verdict} {joint} {baseline} by the {effect['what']}: {_show(effect)}.")
    return told


def _show(effect: Mapping[str, Any]) -> str:
    """A figure with its interval; more is better."""
    digits = 1 if effect["unit"] == "points" else 4
    shown = f"{effect['value']:+.{digits}f}"
    if effect["low"] is not None:
        shown += f" [{effect['low']:+.{digits}f} to {effect['high']:+.{digits}f}]"
    return f"{shown} {effect['unit']}, n = {effect['rows']:,} rows; above 0 is better"
