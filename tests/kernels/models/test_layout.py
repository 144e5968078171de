"""The order of rows in a head: rotated in halves, it gives the scores of a head that is rotated otherwise."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from random_checkpoints import GetCheckpoint
from torch import Tensor

from midb.kernels import ModelConfig
from midb.kernels.models.decoder import make_rotary_table
from midb.kernels.models.layout import list_parts, reorder_rows, weight_shape
from midb.kernels.rope import Rope

#: Largest difference in fp32.
FP32 = 1e-5


def configure(checkpoint: GetCheckpoint, **changes: object) -> ModelConfig:
    found = ModelConfig.from_checkpoint(checkpoint("qwen3").folder)
    return dataclasses.replace(found, **changes)  # type: ignore[arg-type]


def rotate_otherwise(head: Tensor, angles: Tensor, pairs: bool) -> Tensor:
    """As a checkpoint means it: the first dimensions alone, in halves or as pairs of neighbours."""
    rotated, rest = head.tensor_split([2 * len(angles)])
    if pairs:
        a, b = rotated[::2], rotated[1::2]
        turned = torch.stack((a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()), -1).flatten()
    else:
        a, b = rotated.chunk(2)
        turned = torch.cat((a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()))
    return torch.cat((turned, rest))


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("rotary_dim", [2, 6, 12, 16])
def test_scores_are_those_of_the_checkpoint(pairs: bool, rotary_dim: int, checkpoint: GetCheckpoint) -> None:
    rope = Rope(theta=100.0, share=rotary_dim / 16)
    config = configure(checkpoint, head_dim=16, num_heads=1, num_kv_heads=1, rotary_dim=rotary_dim, rotates_pairs=pairs)
    table = make_rotary_table(rope, 16, 9, torch.device("cpu"))
    frequencies = 100.0 ** -(torch.arange(0, rotary_dim, 2) / rotary_dim)
    torch.manual_seed(rotary_dim)
    query, key = torch.randn(16), torch.randn(16)

    def rotate(head: Tensor, part: str, place: int) -> Tensor:
        a, b = reorder_rows(config, part, head).chunk(2)
        cos, sin = table[place].chunk(2)
        return torch.cat((a * cos - b * sin, b * cos + a * sin))

    for here, there in ((0, 0), (8, 3), (5, 8)):
        ours = rotate(query, "self_attn.q_proj", here) @ rotate(key, "self_attn.k_proj", there)
        theirs = rotate_otherwise(query, here * frequencies, pairs) @ rotate_otherwise(key, there * frequencies, pairs)
        torch.testing.assert_close(ours, theirs, atol=FP32, rtol=FP32)


@pytest.mark.parametrize("shape", [(), (5,)])
def test_parts_and_their_fused_whole_are_ordered_alike(shape: tuple[int, ...], checkpoint: GetCheckpoint) -> None:
    config = configure(checkpoint, rotates_pairs=True)
    names = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
    parts = [torch.randn(weight_shape(config, name)[0], *shape) for name in names]
    found = torch.cat([reorder_rows(config, name, part) for name, part in zip(names, parts, strict=True)])
    whole = reorder_rows(config, "self_attn.qkv_proj", torch.cat(parts))
    assert torch.equal(found, whole)
    assert not torch.equal(whole, torch.cat(parts))
    assert torch.equal(found[-len(parts[2]) :], parts[2])


def test_what_is_rotated_in_halves_stays_as_it_is(checkpoint: GetCheckpoint) -> None:
    config, weight = configure(checkpoint), torch.randn(64, 32)
    assert reorder_rows(config, "self_attn.q_proj", weight) is weight


def test_a_layer_with_experts_has_no_feed_forward_of_its_own(checkpoint: GetCheckpoint) -> None:
    config = ModelConfig.from_checkpoint(checkpoint("qwen3-moe").folder)
    assert [sorted(list_parts(config, layer)) for layer in range(3)] == [
        ["out", "qkv"],
        ["down", "gate_up", "out", "qkv"],
        ["out", "qkv"],
    ]
