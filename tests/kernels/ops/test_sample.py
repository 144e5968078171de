"""Sampling over chunks of the vocabulary against the reference: the same token, the same noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from kernel_judge import MakeNormal
from torch import Tensor

from midb.kernels import reference

pytest.importorskip("triton", reason="the kernels need Triton, which is made for Linux")

from midb.kernels.ops.sample import sample_chunk


def make_keys(rows: int, device: str, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-(2**31), 2**31, (rows, 2), generator=generator).to(device=device, dtype=torch.int32)


def choose(
    op: Callable[..., None], logits: Tensor, cuts: list[int], temperatures: Tensor, noise: Tensor, **options: float
) -> tuple[Tensor, Tensor]:
    """Best values and ids after the chunks between the cuts."""
    values = torch.full((len(logits),), -math.inf, device=logits.device)
    ids = torch.zeros(len(logits), dtype=torch.int32, device=logits.device)
    for first, end in pairwise(cuts):
        op(logits[:, first:end], first, temperatures, noise, values, ids, **options)
    return values, ids


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("softcap", [0.0, 30.0])
@pytest.mark.parametrize("cuts", [[0, 1], [0, 17, 113], [0, 4095, 8191, 9001], [0, 4097, 4098]])
def test_the_reference_chooses_the_same(
    normal: MakeNormal, device: str, dtype: torch.dtype, softcap: float, cuts: list[int]
) -> None:
    logits = 4 * normal(5, cuts[-1], dtype=dtype)
    temperatures = torch.tensor([0.0, 1.0, 0.3, 0.0, 2.5], device=device)
    given = (logits, cuts, temperatures, make_keys(5, device))
    values, ids = choose(sample_chunk, *given, softcap=softcap)
    expected_values, expected_ids = choose(reference.sample_chunk, *given, softcap=softcap)
    assert torch.equal(ids, expected_ids)
    torch.testing.assert_close(values, expected_values, rtol=1e-6, atol=1e-6)
    if not softcap:
        assert torch.equal(values[[0, 3]], expected_values[[0, 3]])


def test_the_noise_is_the_references(device: str) -> None:
    noise = make_keys(40, device)
    for first_id in (0, 31_999, 262_143):
        value, _ = choose(
            lambda logits, first, *rest, id_=first_id: sample_chunk(logits, id_ + first, *rest),
            torch.zeros(40, 1, device=device), [0, 1], torch.ones(40, device=device), noise,
        )  # fmt: skip
        expected = reference.gumbel(noise, torch.tensor([first_id], device=device))[:, 0]
        torch.testing.assert_close(value, expected, rtol=5e-7, atol=5e-7)


@pytest.mark.parametrize("places", [(3, 4), (0, 4096), (5, 8200), (4100, 8300)])
def test_the_lower_id_wins_a_tie(device: str, places: tuple[int, int]) -> None:
    logits = torch.zeros(1, 8400, device=device)
    logits[0, list(places)] = 2.0
    for cuts in ([0, 8400], [0, 4096, 8400]):
        _, ids = choose(sample_chunk, logits, cuts, torch.zeros(1, device=device), make_keys(1, device))
        assert ids.tolist() == [places[0]]


def test_chunks_do_not_change_the_choice(normal: MakeNormal, device: str) -> None:
    logits, noise = normal(3, 600), make_keys(3, device)
    temperatures = torch.tensor([0.0, 1.0, 0.7], device=device)
    whole = choose(sample_chunk, logits, [0, 600], temperatures, noise)
    parts = choose(sample_chunk, logits, [0, 7, 256, 599, 600], temperatures, noise)
    assert torch.equal(whole[0], parts[0])
    assert torch.equal(whole[1], parts[1])


def test_a_row_knows_no_other(normal: MakeNormal, device: str) -> None:
    logits, noise = normal(4, 300), make_keys(4, device)
    temperatures = torch.tensor([0.0, 1.0, 0.7, 0.0], device=device)
    order = torch.tensor([2, 0, 3, 1], device=device)
    _, ids = choose(sample_chunk, logits, [0, 300], temperatures, noise)
    _, permuted = choose(sample_chunk, logits[order], [0, 300], temperatures[order], noise[order])
    assert torch.equal(permuted, ids[order])


def test_what_is_no_number_never_wins(device: str) -> None:
    logits = torch.tensor([[math.nan, 1.0, -math.inf], [-math.inf, -math.inf, math.nan]], device=device)
    values, ids = choose(sample_chunk, logits, [0, 3], torch.zeros(2, device=device), make_keys(2, device))
    assert values.tolist() == [1.0, -math.inf]
    assert ids.tolist() == [1, 0]


@pytest.mark.parametrize("shape", [(0, 8), (2, 0)])
def test_nothing_to_do(device: str, normal: MakeNormal, shape: tuple[int, int]) -> None:
    rows = shape[0]
    values, ids = torch.zeros(rows, device=device), torch.full((rows,), 5, dtype=torch.int32, device=device)
    sample_chunk(normal(*shape), 0, torch.zeros(rows, device=device), make_keys(rows, device), values, ids)
    assert ids.tolist() == [5] * rows


def test_logits_that_do_not_lie_behind_one_another(normal: MakeNormal, device: str) -> None:
    logits = normal(90, 4).T
    given = (logits, [0, 90], torch.zeros(4, device=device), make_keys(4, device))
    assert torch.equal(choose(sample_chunk, *given)[1], logits.argmax(1).int())
