"""One decoder for Llama 3, Mistral, Qwen2/2.5, Qwen3 and Gemma 2/3, driven by its config. Rows in, hidden states out.

It knows neither sequences nor blocks: the caller's ``attend`` decides what attends to what.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from midb.kernels.config import ModelConfig
from midb.kernels.dispatch import Ops
from midb.kernels.models.linear import AdapterRows, Linear
from midb.kernels.models.weights import FUSED, CheckpointTensors, open_tensors, read_adapter, weight_shape
from midb.kernels.rope import Rope

#: Bytes of the logits of one chunk: few enough to stay in the L2 cache of a GPU until they are reduced.
_CHUNK_BYTES = 16 * 2**20

#: Rows for which a chunk has that size: as many as a large step samples.
_CHUNK_ROWS = 256

#: ``attend(layer, queries) -> outputs``, both ``[rows, heads, head_dim]``. The step's keys are in the cache by then.
Attend = Callable[[int, Tensor], Tensor]


@dataclass(slots=True)
class DecoderLayer:
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
        self.layers: list[DecoderLayer] = []
        self.embedding = self.final_norm = torch.empty(0)
        self.head: list[Linear] = []
        self.cos_sin: list[Tensor] = []

    def load(self, folder: Path, adapters: Mapping[str, str | Path], max_positions: int) -> None:
        """Read the checkpoint and the adapters; raises CheckpointError."""
        config = self.config
        hidden = config.hidden_size
        with open_tensors(folder, self.device, self.dtype) as tensors:
            prefix = tensors.find_prefix()
            self.embedding = tensors.get(f"{prefix}embed_tokens.weight", config.vocab_size, hidden)
            self.layers = [self._load_layer(tensors, f"{prefix}layers.{n}.") for n in range(config.num_layers)]
            self.final_norm = tensors.get(f"{prefix}norm.weight", hidden)
            head = self.embedding
            if not config.tied:
                name = prefix.removesuffix("model.") + "lm_head.weight"
                head = tensors.get(name if name in tensors else "lm_head.weight", config.vocab_size, hidden)
            self.head = [Linear(part).pack() for part in head.split(self._choose_chunk_size())]
        for name, adapter in adapters.items():
            found = read_adapter(adapter, config, self.device, self.dtype)
            for (number, fused), updates in found.items():
                getattr(self.layers[number], fused).updates[name] = updates
        ropes = set(config.ropes)
        tables = {rope: make_rotary_table(rope, config.head_dim, max_positions, self.device) for rope in ropes}
        self.cos_sin = [tables[rope] for rope in config.ropes]

    def _choose_chunk_size(self) -> int:
        """How many ids of the vocabulary to compute at a time: all on a CPU, which is best there; a chunk on a GPU."""
        if self.device.type == "cpu":
            return self.config.vocab_size
        return _CHUNK_BYTES // (_CHUNK_ROWS * self.dtype.itemsize)

    def _load_layer(self, tensors: CheckpointTensors, prefix: str) -> DecoderLayer:
        config = self.config
        biased = {"qkv": config.qkv_bias, "out": config.out_bias, "gate_up": config.mlp_bias, "down": config.mlp_bias}

        def load_linear(fused: str) -> Linear:
            shapes = [(f"{prefix}{part}", weight_shape(config, part)) for part in FUSED[fused]]
            bias = tensors.join((f"{n}.bias", s[:1]) for n, s in shapes) if biased[fused] else None
            return Linear(tensors.join((f"{n}.weight", s) for n, s in shapes), bias).pack()

        def load_norm(name: str, size: int = config.hidden_size) -> Tensor:
            return tensors.get(f"{prefix}{name}.weight", size)

        sandwich = config.sandwich_norms
        return DecoderLayer(
            attention_norm=load_norm("input_layernorm"),
            qkv=load_linear("qkv"),
            q_norm=load_norm("self_attn.q_norm", config.head_dim) if config.qk_norm else None,
            k_norm=load_norm("self_attn.k_norm", config.head_dim) if config.qk_norm else None,
            out=load_linear("out"),
            after_attention=load_norm("post_attention_layernorm") if sandwich else None,
            mlp_norm=load_norm("pre_feedforward_layernorm" if sandwich else "post_attention_layernorm"),
            gate_up=load_linear("gate_up"),
            down=load_linear("down"),
            after_mlp=load_norm("post_feedforward_layernorm") if sandwich else None,
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
        """Compute the hidden states of a flat row of tokens.

        :param token_ids: ``[rows]`` int32; ``positions`` and ``slots`` likewise, as in ``rotary_kv_write``.
        :param kv_cache: ``[layers, 2, slots, kv_heads, head_dim]``.
        :return: ``[rows, hidden]`` after the final norm.
        """
        config, ops = self.config, self.ops
        eps, offset = config.norm_eps, config.norm_offset
        x = torch.nn.functional.embedding(token_ids, self.embedding)
        if config.embedding_scale != 1.0:
            # Rounded to the dtype, as it was when Gemma was trained.
            x = x * torch.tensor(config.embedding_scale, dtype=self.dtype)
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

    def compute_logits(self, hidden: Tensor) -> Tensor:
        """``[rows, hidden] -> [rows, vocabulary]`` in fp32, with the soft cap where the model has one."""
        logits = torch.cat([part(hidden) for part in self.head], dim=-1).float()
        cap = self.config.logit_softcap
        return cap * torch.tanh(logits / cap) if cap else logits

    def sample(self, hidden: Tensor, temperatures: Tensor, noise_keys: Tensor, allowed: Tensor | None = None) -> Tensor:
        """Sample one token id for each row, ``[rows]`` int32, chunk by chunk of the vocabulary.

        :param allowed: ``[rows, vocabulary]`` bool: ids that it may be, at least one for each row; None: all.
        """
        rows = hidden.shape[0]
        values = torch.full((rows,), -math.inf, dtype=torch.float32, device=self.device)
        ids = torch.zeros(rows, dtype=torch.int32, device=self.device)
        first = 0
        for part in self.head:
            logits, cap = part(hidden), self.config.logit_softcap
            if allowed is not None:
                logits = logits.float()
                logits = cap * torch.tanh(logits / cap) if cap else logits
                logits, cap = logits.masked_fill(~allowed[:, first : first + logits.shape[1]], -math.inf), 0.0
            self.ops.sample_chunk(logits, first, temperatures, noise_keys, values, ids, softcap=cap)
            first += logits.shape[1]
        return ids


def make_rotary_table(rope: Rope, head_dim: int, positions: int, device: torch.device) -> Tensor:
    """Make the cosines and sines of each position, ``[positions, head_dim]`` fp32: first all cosines, then all sines.

    Frequencies are ``theta^(-2i/d)`` (Su et al., 2021). "linear" divides all of them by the factor (Chen et al., 2023).
    "llama3" divides those whose wavelength exceeds the original context, with a smooth ramp to the others (Llama 3.1's
    own rule). "yarn" divides those that make few turns over the original context, with a ramp that is linear in the
    number of the frequency (Peng et al., 2023). "factors" divides each by its own.
    """
    frequencies = 1.0 / rope.theta ** (torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    if rope.kind == "linear":
        frequencies = frequencies / rope.factor
    elif rope.kind == "factors":
        frequencies = frequencies / torch.tensor(rope.factors)
    elif rope.kind == "llama3":
        turns = rope.original_max_positions * frequencies / (2 * math.pi)
        smooth = (turns - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor)
        smooth = smooth.clamp(0.0, 1.0)
        frequencies = (1 - smooth) * frequencies / rope.factor + smooth * frequencies
    elif rope.kind == "yarn":
        first, last = _find_yarn_ramp(rope, head_dim)
        scaled = ((torch.arange(head_dim // 2) - first) / (last - first)).clamp(0.0, 1.0)
        frequencies = scaled * frequencies / rope.factor + (1 - scaled) * frequencies
    angles = torch.arange(positions, dtype=torch.float32)[:, None] * frequencies
    return (torch.cat((angles.cos(), angles.sin()), dim=-1) * rope.attention_factor).to(device)


def _find_yarn_ramp(rope: Rope, head_dim: int) -> tuple[float, float]:
    """Find the last frequency, by number, that YaRN leaves alone, and the first one that it scales in full."""

    def find_number(turns: float) -> float:
        """Find the number of the frequency that makes so many turns over the original context."""
        return head_dim * math.log(rope.original_max_positions / (2 * math.pi * turns)) / (2 * math.log(rope.theta))

    first, last = find_number(rope.beta_fast), find_number(rope.beta_slow)
    if rope.whole_dimensions:
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, head_dim - 1)
    return first, last if last != first else first + 0.001
