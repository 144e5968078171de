"""One decoder for Llama 3, Mistral, Qwen2/2.5, Qwen3 and Gemma 2/3, driven by its config. Rows in, hidden states out.

It knows neither sequences nor pages: what attends to what is the caller's ``attend``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from midb.kernels.config import ModelConfig
from midb.kernels.dispatch import Ops
from midb.kernels.models.linear import AdapterRows, Linear
from midb.kernels.models.weights import FUSED, Tensors, read_adapter, width
from midb.kernels.rope import Rope

#: Bytes of the logits of one chunk: small enough to stay in the L2 cache of a GPU until they are reduced.
_CHUNK_BYTES = 16 * 2**20

#: ``attend(layer, queries) -> outputs``, both ``[rows, heads, head_dim]``; the step's keys are in the cache by then.
Attend = Callable[[int, Tensor], Tensor]


@dataclass(slots=True)
class Layer:
    """The parameters of one layer."""

    attention_norm: Tensor
    qkv: Linear
    q_norm: Tensor | None
    k_norm: Tensor | None
    out: Linear
    after_attention: Tensor | None
    mlp_norm: Tensor
    gate_up: Linear
    down: Linear
    after_mlp: Tensor | None


class Decoder:
    """A model on one device."""

    def __init__(self, config: ModelConfig, ops: Ops, device: torch.device, dtype: torch.dtype) -> None:
        self.config, self.ops, self.device, self.dtype = config, ops, device, dtype
        self.layers: list[Layer] = []
        self.embedding = self.final_norm = torch.empty(0)
        self.head: list[Linear] = []
        self.cos_sin: list[Tensor] = []

    def load(self, folder: Path, adapters: Mapping[str, str | Path], max_positions: int) -> None:
        """Read the checkpoint and the adapters; raises CheckpointError."""
        config = self.config
        hidden = config.hidden_size
        with Tensors(folder, "model", self.device, self.dtype) as tensors:
            prefix = tensors.prefix()
            self.embedding = tensors.get(f"{prefix}embed_tokens.weight", config.vocab_size, hidden)
            self.layers = [self._layer(tensors, f"{prefix}layers.{number}.") for number in range(config.num_layers)]
            self.final_norm = tensors.get(f"{prefix}norm.weight", hidden)
            head = self.embedding
            if not config.tied:
                name = prefix.removesuffix("model.") + "lm_head.weight"
                head = tensors.get(name if name in tensors else "lm_head.weight", config.vocab_size, hidden)
            self.head = [Linear(part).pack() for part in head.split(self._chunk())]
        for name, adapter in adapters.items():
            found = read_adapter(adapter, config, self.device, self.dtype)
            for (number, fused), updates in found.items():
                getattr(self.layers[number], fused).updates[name] = updates
        tables = {rope: rotary_table(rope, config.head_dim, max_positions, self.device) for rope in set(config.ropes)}
        self.cos_sin = [tables[rope] for rope in config.ropes]

    def _chunk(self) -> int:
        # On a CPU one product over the whole vocabulary is best; a GPU reduces chunk by chunk.
        if self.device.type == "cpu":
            return self.config.vocab_size
        return _CHUNK_BYTES // (256 * self.dtype.itemsize)

    def _layer(self, tensors: Tensors, prefix: str) -> Layer:
        config = self.config
        biased = {"qkv": config.qkv_bias, "out": config.out_bias, "gate_up": config.mlp_bias, "down": config.mlp_bias}

        def linear(fused: str) -> Linear:
            shapes = [(f"{prefix}{part}", width(config, part)) for part in FUSED[fused]]
            bias = tensors.joined((f"{n}.bias", s[:1]) for n, s in shapes) if biased[fused] else None
            return Linear(tensors.joined((f"{n}.weight", s) for n, s in shapes), bias).pack()

        def norm(name: str, size: int = config.hidden_size) -> Tensor:
            return tensors.get(f"{prefix}{name}.weight", size)

        sandwich = config.sandwich_norms
        return Layer(
            attention_norm=norm("input_layernorm"),
            qkv=linear("qkv"),
            q_norm=norm("self_attn.q_norm", config.head_dim) if config.qk_norm else None,
            k_norm=norm("self_attn.k_norm", config.head_dim) if config.qk_norm else None,
            out=linear("out"),
            after_attention=norm("post_attention_layernorm") if sandwich else None,
            mlp_norm=norm("pre_feedforward_layernorm" if sandwich else "post_attention_layernorm"),
            gate_up=linear("gate_up"),
            down=linear("down"),
            after_mlp=norm("post_feedforward_layernorm") if sandwich else None,
        )

    def forward(
        self,
        token_ids: Tensor,
        positions: Tensor,
        slots: Tensor,
        kv_cache: Tensor,
        attend: Attend,
        adapters: AdapterRows = (),
    ) -> Tensor:
        """The hidden states of a flat row of tokens.

        :param token_ids: ``[rows]`` int32; ``positions`` and ``slots`` likewise, as in ``rotary_kv_write``.
        :param kv_cache: ``[layers, 2, slots, kv_heads, head_dim]``.
        :return: ``[rows, hidden]`` after the final norm.
        """
        config, ops = self.config, self.ops
        eps, offset = config.norm_eps, config.norm_offset
        x = torch.nn.functional.embedding(token_ids, self.embedding)
        if config.embedding_scale != 1.0:
            x = x * torch.tensor(config.embedding_scale, dtype=self.dtype)  # rounded to the dtype, as Gemma was trained
        residual: Tensor | None = None
        for number, layer in enumerate(self.layers):
            x, residual = ops.add_rms_norm(x, residual, layer.attention_norm, eps=eps, offset=offset)
            queries = ops.rotary_kv_write(
                layer.qkv(x, adapters),
                positions,
                slots,
                self.cos_sin[number],
                kv_cache[number, 0],
                kv_cache[number, 1],
                q_weight=layer.q_norm,
                k_weight=layer.k_norm,
                eps=eps,
                offset=offset,
            )
            x = layer.out(attend(number, queries).flatten(1), adapters)
            if layer.after_attention is not None:
                x, _ = ops.add_rms_norm(x, None, layer.after_attention, eps=eps, offset=offset)
            x, residual = ops.add_rms_norm(x, residual, layer.mlp_norm, eps=eps, offset=offset)
            x = layer.down(ops.gated_activation(layer.gate_up(x, adapters), kind=config.activation), adapters)
            if layer.after_mlp is not None:
                x, _ = ops.add_rms_norm(x, None, layer.after_mlp, eps=eps, offset=offset)
        x, _ = ops.add_rms_norm(x, residual, self.final_norm, eps=eps, offset=offset)
        return x

    def logits(self, hidden: Tensor) -> Tensor:
        """``[rows, hidden] -> [rows, vocabulary]`` fp32, soft-capped where the model does."""
        logits = torch.cat([part(hidden) for part in self.head], dim=-1).float()
        cap = self.config.logit_softcap
        return cap * torch.tanh(logits / cap) if cap else logits

    def sample(self, hidden: Tensor, temperatures: Tensor, noise_keys: Tensor) -> Tensor:
        """One token id for each row, ``[rows]`` int32; the vocabulary is gone through in chunks."""
        rows = hidden.shape[0]
        values = torch.full((rows,), -math.inf, dtype=torch.float32, device=self.device)
        ids = torch.zeros(rows, dtype=torch.int32, device=self.device)
        first = 0
        for part in self.head:
            logits = part(hidden)
            self.ops.sample_chunk(
                logits, first, temperatures, noise_keys, values, ids, softcap=self.config.logit_softcap
            )
            first += logits.shape[1]
        return ids


def rotary_table(rope: Rope, head_dim: int, positions: int, device: torch.device) -> Tensor:
    """Cosines and sines for each position, ``[positions, head_dim]`` fp32: cosines of all frequencies, then sines.

    Frequencies ``theta^(-2i/d)`` (Su et al., 2021); "linear" divides them by the factor (Chen et al., 2023), "llama3"
    only those whose wavelength exceeds the original context, with a smooth passage (Llama 3.1's own rule), "yarn" those
    with few turns over it, with a passage that is even in the dimensions (Peng et al., 2023).
    """
    frequencies = 1.0 / rope.theta ** (torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    if rope.kind == "linear":
        frequencies = frequencies / rope.factor
    elif rope.kind == "llama3":
        turns = rope.original_max_positions * frequencies / (2 * math.pi)
        smooth = (turns - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor)
        smooth = smooth.clamp(0.0, 1.0)
        frequencies = (1 - smooth) * frequencies / rope.factor + smooth * frequencies
    elif rope.kind == "yarn":
        first, last = _passage(rope, head_dim)
        scaled = ((torch.arange(head_dim // 2) - first) / (last - first)).clamp(0.0, 1.0)
        frequencies = scaled * frequencies / rope.factor + (1 - scaled) * frequencies
    angles = torch.arange(positions, dtype=torch.float32)[:, None] * frequencies
    return (torch.cat((angles.cos(), angles.sin()), dim=-1) * rope.attention_factor).to(device)


def _passage(rope: Rope, head_dim: int) -> tuple[float, float]:
    """Between which frequencies, by number, YaRN passes from those it leaves alone to those it scales."""

    def number(turns: float) -> float:
        """Of the frequency that makes so many turns over the original context."""
        return head_dim * math.log(rope.original_max_positions / (2 * math.pi * turns)) / (2 * math.log(rope.theta))

    first, last = number(rope.beta_fast), number(rope.beta_slow)
    if rope.whole_dimensions:
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, head_dim - 1)
    return first, last if last != first else first + 0.001


def adapter_rows(names: Sequence[str | None], cu_seqlens_q: Sequence[int]) -> list[tuple[str, int, int]]:
    """Runs of rows of one adapter, from the adapter of each sequence and where its rows begin."""
    runs: list[tuple[str, int, int]] = []
    for name, start, end in zip(names, cu_seqlens_q, cu_seqlens_q[1:], strict=False):
        if name is None:
            continue
        if runs and runs[-1][0] == name and runs[-1][2] == start:
            runs[-1] = (name, runs[-1][1], end)
        else:
            runs.append((name, start, end))
    return runs
