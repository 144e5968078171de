"""Noise that depends only on the request's seed, the position and the token: the same in any batch. No torch."""

from __future__ import annotations

#: Arithmetic is in 64 bits, as in SplitMix64.
_MASK = (1 << 64) - 1


def make_noise_key(seed: int, position: int) -> tuple[int, int]:
    """Make two 32-bit words, as signed integers, from which the noise of a row is drawn (``reference.gumbel``).

    SplitMix64 (Steele, Lea & Flood, 2014) over the seed, then over the position in the output.
    """
    mixed = _split_mix(_split_mix(seed & _MASK) ^ (position & _MASK))
    return _to_signed(mixed & 0xFFFFFFFF), _to_signed(mixed >> 32)


def _split_mix(state: int) -> int:
    state = (state + 0x9E3779B97F4A7C15) & _MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
    return state ^ (state >> 31)


def _to_signed(word: int) -> int:
    return word - (1 << 32) if word >= 1 << 31 else word
