"""Rotary embeddings, as ``config.json`` states them. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from midb.kernels.errors import CheckpointError

#: The kinds of scaling that are supported.
_KINDS = ("default", "linear", "llama3", "yarn", "longrope", "factors")

#: What "longrope" was called before, in the files of Phi-3 only.
_OLD_LONGROPE = ("su", "yarn")

#: YaRN's attention factor grows by this much with the logarithm of the factor (Peng et al., 2023, eq. 22).
_ATTENTION_GROWTH = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rope:
    """Rotary embedding: its base, and how its frequencies are scaled for long contexts.

    :param beta_fast: "yarn" leaves frequencies alone that make more turns than this over the original context.
    :param beta_slow: and divides those by the factor that make fewer turns than this.
    :param whole_dimensions: the ramp between the two begins and ends at whole numbers.
    :param attention_factor: cosines and sines are multiplied by it.
    :param factors: "factors" divides each frequency by its own; as GGUF files state what "llama3" comes to. "longrope"
        does so for texts within the original context.
    :param long_factors: of "longrope", for engines that take longer texts.
    :param share: of a head's dimensions, which part is rotated: the first ones.
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
    factors: tuple[float, ...] = ()
    long_factors: tuple[float, ...] = ()
    share: float = 1.0

    @property
    def scaled_positions(self) -> int:
        """Positions that YaRN scales to; 0 for other kinds.

        Files that turn YaRN on often leave ``max_position_embeddings`` as it was.
        """
        return int(self.factor * self.original_max_positions) if self.kind == "yarn" else 0


#: Of a layer that rotates nothing: its rows know what they attend to by its content alone.
UNROTATED = Rope(theta=10_000.0, kind="none")


def read_rope(raw: Mapping[str, Any], kind: str, path: Path, *, in_part: bool = False) -> Rope:
    """Read the rotary embedding of a kind of layer, in the layout of transformers 4 or 5; raises CheckpointError.

    :param in_part: heads may be rotated in part.
    """
    local = kind == "sliding_attention" and "rope_local_base_freq" in raw
    theta = raw["rope_local_base_freq"] if local else raw["rope_theta"]
    scaling: Mapping[str, Any] = {} if local else raw.get("rope_scaling") or {}
    found: Any = raw.get("rope_parameters") or {}
    if kind in found or "full_attention" in found:
        found = found.get(kind) or {}
    if found:
        theta, scaling = found.get("rope_theta", theta), found
    name = scaling.get("rope_type", scaling.get("type", "default"))
    if raw.get("model_type") == "phi3" and name in _OLD_LONGROPE:
        name = "longrope"
    if name not in _KINDS:
        raise CheckpointError(f'{path}: rope scaling "{name}" is not supported.', hint=f"Known: {', '.join(_KINDS)}.")
    share = scaling.get("partial_rotary_factor", raw.get("partial_rotary_factor", 1.0))
    if share != 1.0 and not in_part:
        raise CheckpointError(f"{path}: heads that are rotated in part are not supported.")
    try:
        rope = Rope(theta=float(theta), kind=name, share=float(share))
        if name == "longrope":
            rope = _read_longrope(rope, raw, scaling)
        elif name != "default":
            rope = replace(rope, factor=float(scaling["factor"]))
        if name == "factors":
            rope = replace(rope, factors=tuple(map(float, scaling["factors"])))
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
                attention_factor=_read_attention_factor(scaling, rope.factor),
            )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise CheckpointError(f"{path}: the parameters of rope scaling are incomplete: {error}.") from error
    numbers = (
        rope.factor, rope.beta_fast, rope.beta_slow, rope.attention_factor, rope.theta - 1, *rope.factors,
        *rope.long_factors, rope.share,
    )  # fmt: skip
    sane = all(math.isfinite(number) and number > 0 for number in numbers) and rope.share <= 1
    if not sane or (name in ("llama3", "yarn", "longrope") and rope.original_max_positions < 1):
        raise CheckpointError(
            f"{path}: the parameters of rope scaling must be finite and above 0, and its base above 1."
        )
    return rope


def _read_longrope(rope: Rope, raw: Mapping[str, Any], scaling: Mapping[str, Any]) -> Rope:
    """LongRoPE (Ding et al., 2024) as Phi-3 has it; what stands beside the parameters goes before what is in them."""
    stated = [holder.get("original_max_position_embeddings") for holder in (raw, scaling)]
    original = int(stated[0] or stated[1] or raw["max_position_embeddings"])
    factor = float(scaling.get("factor") or raw["max_position_embeddings"] / original)
    given = scaling.get("attention_factor")
    grown = math.sqrt(1 + math.log(factor) / math.log(original)) if factor > 1 else 1.0
    return replace(
        rope,
        original_max_positions=original,
        attention_factor=grown if given is None else float(given),
        factors=tuple(map(float, scaling["short_factor"])),
        long_factors=tuple(map(float, scaling["long_factor"])),
    )


def _read_attention_factor(scaling: Mapping[str, Any], factor: float) -> float:
    """Read by what YaRN multiplies cosines and sines: as stated, or ``0.1 ln(factor) + 1``."""
    given, scale, scale_all = (scaling.get(name) for name in ("attention_factor", "mscale", "mscale_all_dim"))
    if given is not None:
        return float(given)
    grown = _ATTENTION_GROWTH * math.log(max(factor, 1.0))
    return (grown * scale + 1) / (grown * scale_all + 1) if scale and scale_all else grown + 1
