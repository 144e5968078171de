"""Noise keys: a function of seed and position alone, as SplitMix64 has it."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from midb.kernels.engine.sampling import make_noise_key

#: The first output of SplitMix64's published code from state 0.
FIRST = 0xE220A8397B1DCDAF


def test_it_is_split_mix() -> None:
    """Seed 0 gives the first output; combined with a position that equals it, the state is 0 again."""
    low, high = make_noise_key(0, FIRST)
    assert (high % 2**32) << 32 | low % 2**32 == FIRST


@given(st.integers(-(2**80), 2**80), st.integers(0, 2**40))
def test_keys_are_two_signed_words(seed: int, position: int) -> None:
    for word in make_noise_key(seed, position):
        assert -(2**31) <= word < 2**31
    assert make_noise_key(seed, position) == make_noise_key(seed, position)


def test_neighbours_have_nothing_in_common() -> None:
    keys = {make_noise_key(seed, position) for seed in range(60) for position in range(60)}
    assert len(keys) == 3_600
    assert len({key[0] for key in keys}) > 3_595
    assert len({key[1] for key in keys}) > 3_595
    # Seed and position are not interchangeable.
    assert make_noise_key(3, 4) != make_noise_key(4, 3)


def test_bits_are_ones_and_zeros_alike() -> None:
    keys = [make_noise_key(0, position) for position in range(4_000)]
    for bit in range(32):
        for word in (0, 1):
            ones = sum((key[word] >> bit) & 1 for key in keys)
            assert abs(ones - 2_000) < 5 * 32  # five standard deviations
