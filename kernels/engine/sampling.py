"""Noise that depends on nothing but the request's seed, the position and the token: the same in any batch. No torch."""

from __future__ import annotations

_MASK = (1 << 64) - 1


def noise_key(seed: int, position: int) -> tuple[int, int]:
    """Two 32-bit words, as signed integers, from which the noise of a row is made (``reference.gumbel``).

    SplitMix64 (Steele, Lea & Flood, 2014) over the seed, then over the position in the output.
    """
    mixed = _split_mix(_split_mix(seed & _MASK) ^ (position & _MASK))
    return _signed(mixed & 0xFFFFFFFF), _signed(mixed >> 32)


def _split_mix(state: int) -> int:
    state = (state + 0x9E3779B97F4A7C15) & _MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
    return state ^ (state >> 31)


def _signed(word: int) -> int:
    return word - (1 << 32) if word >= 1 << 31 else word
