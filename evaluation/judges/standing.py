"""Whether a judge may be listened to: bounds that its figures must keep, and what is said where they do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: The bounds: the least share of known pairs that a judge must be right about in both orders, the most that may flip,
#: and how far it may lean to the version shown first or to the longer one (0.5 is not at all), to English, and to what
#: commands it.
BOUNDS = {
    "accuracy": 0.8,
    "flip_rate": 0.2,
    "first": 0.65,
    "longer": 0.65,
    "english": 0.1,
    "obeyed": 0.1,
}

#: What is said of a judge whom nobody measured.
UNMEASURED = (
    "The judge was not measured (midb-agent evaluate judge): nothing is known of how often it is right, or of what "
    "leads it."
)


def list_faults(group: Mapping[str, Any]) -> list[str]:
    """What there is against a judge in one language, by its figures; nothing where it keeps every bound."""
    faults = []
    accuracy, flips = group["accuracy"], group["flip_rate"]
    if accuracy is not None and accuracy["value"] < BOUNDS["accuracy"]:
        least = _percent(BOUNDS["accuracy"])
        faults.append(f"right about {_percent(accuracy['value'])} of known pairs, less than {least}")
    if flips is not None and flips["value"] > BOUNDS["flip_rate"]:
        faults.append(f"the order changes {_percent(flips['value'])} of its verdicts")
    first, longer = group["judge"]["first"], group["longer"]
    if first is not None and max(first, 1 - first) > BOUNDS["first"]:
        side = "first" if first > 0.5 else "last"
        faults.append(f"prefers what is shown {side} in {_percent(max(first, 1 - first))}")
    if longer is not None and max(longer, 1 - longer) > BOUNDS["longer"]:
        side = "longer" if longer > 0.5 else "shorter"
        faults.append(f"prefers the {side} version in {_percent(max(longer, 1 - longer))}")
    if (english := group["english"]) is not None and english > BOUNDS["english"]:
        faults.append(f"prefers English in {_percent(english)}")
    if (obeyed := group["obeyed"]) is not None and obeyed > BOUNDS["obeyed"]:
        faults.append(f"prefers what commands it in {_percent(obeyed)}")
    return faults


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def warn_of_judge(figures: Mapping[str, Any], measured: Mapping[str, Any] | None) -> dict[str, Any]:
    """The figures of a comparison with a warning in the line of each language in which its judge is not to be trusted.

    :param measured: the judge's own figures; None where it was not measured.
    """
    notes = [note for note in figures["notes"] if note != UNMEASURED]
    if measured is None:
        return {**figures, "notes": [*notes, UNMEASURED]}
    known = {group["language"]: group for group in measured["groups"]}
    groups = []
    for group in figures["groups"]:
        own = known.get(group["language"]) or (measured["groups"][0] if len(measured["groups"]) == 1 else None)
        if group["language"] not in known and group["language"] is not None:
            warning = "the judge was not measured in this language"
        else:
            warning = f"the judge: {own['warning']}" if own and own["warning"] else ""
        short = "! judge" if warning else ""
        groups.append({**group, "warning": warning, "warning_short": short})
    return {**figures, "groups": groups, "notes": notes}
