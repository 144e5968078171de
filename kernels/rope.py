"""Rotary embeddings, as ``config.json`` states them. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from midb.kernels.errors import CheckpointError

_ROPES = ("default", "linear", "llama3", "yarn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rope:
    """Rotary embedding: base, and how the frequencies are scaled for long contexts.

    :param beta_fast: "yarn": frequencies with more turns than this over the original context are left alone.
    :param beta_slow: those with fewer are divided by the factor.
    :param whole_dimensions: the passage between the two begins and ends at whole dimensions.
    :param attention_factor: by what cosines and sines are multiplied.
    """

    theta: float
    kind: str = "default"
    factor: float = 1.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_max_positions: int = 0
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    whole_dimensions: bool = True
    attention_factor: float = 1.0

    @property
    def scaled_positions(self) -> int:
        """Positions that YaRN scales to: files that turn it on often leave ``max_position_embeddings`` as it was."""
        return int(self.factor * self.original_max_positions) if self.kind == "yarn" else 0


def read_rope(raw: Mapping[str, Any], kind: str, path: Path) -> Rope:
    """The rotary embedding of a kind of layer, from the layouts of transformers 4 and 5; raises CheckpointError."""
    local = kind == "sliding_attention" and "rope_local_base_freq" in raw
    theta = raw["rope_local_base_freq"] if local else raw["rope_theta"]
    scaling: Mapping[str, Any] = {} if local else raw.get("rope_scaling") or {}
    found: Any = raw.get("rope_parameters") or {}
    if kind in found or "full_attention" in found:
        found = found.get(kind) or {}
    if found:
        theta, scaling = found.get("rope_theta", theta), found
    name = scaling.get("rope_type", scaling.get("type", "default"))
    if name not in _ROPES:
        raise CheckpointError(f'{path}: rope scaling "{name}" is not supported.', hint=f"Known: {', '.join(_ROPES)}.")
    if scaling.get("partial_rotary_factor", raw.get("partial_rotary_factor", 1.0)) != 1.0:
        raise CheckpointError(f"{path}: heads that are rotated in part are not supported.")
    try:
        rope = Rope(theta=float(theta), kind=name)
        if name != "default":
            rope = replace(rope, factor=float(scaling["factor"]))
        if name in ("llama3", "yarn"):
            rope = replace(rope, original_max_positions=int(scaling["original_max_position_embeddings"]))
        if name == "llama3":
            low, high = float(scaling["low_freq_factor"]), float(scaling["high_freq_factor"])
            rope = replace(rope, low_freq_factor=low, high_freq_factor=high)
        if name == "yarn":
            rope = replace(
                rope,
                beta_fast=float(scaling.get("beta_fast") or rope.beta_fast),
                beta_slow=float(scaling.get("beta_slow") or rope.beta_slow),
                whole_dimensions=bool(scaling.get("truncate", True)),
                attention_factor=_attention_factor(scaling, rope.factor),
            )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise CheckpointError(f"{path}: the parameters of rope scaling are incomplete: {error}.") from error
    numbers = (rope.factor, rope.beta_fast, rope.beta_slow, rope.attention_factor, rope.theta - 1)
    sane = all(math.isfinite(number) and number > 0 for number in numbers)
    if not sane or (name in ("llama3", "yarn") and rope.original_max_positions < 1):
        raise CheckpointError(
            f"{path}: the parameters of rope scaling must be finite and above 0, and its base above 1."
        )
    return rope


def _attention_factor(scaling: Mapping[str, Any], factor: float) -> float:
    """What YaRN multiplies cosines and sines by: as given, or ``0.1 ln(factor) + 1`` (Peng et al., 2023, eq. 22)."""
    given, scale, scale_all = (scaling.get(name) for name in ("attention_factor", "mscale", "mscale_all_dim"))
    if given is not None:
        return float(given)
    grown = 0.1 * math.log(max(factor, 1.0))
    return (grown * scale + 1) / (grown * scale_all + 1) if scale and scale_all else grown + 1
