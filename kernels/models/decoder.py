"""One decoder for all families, driven by its config. Rows in, hidden states out.

It knows neither sequences nor blocks: the caller's ``attend`` decides what attends to what.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from midb.kernels.config import ModelConfig
from midb.kernels.dispatch import Ops
from midb.kernels.models.experts import Experts
from midb.kernels.models.layout import list_parts, reorder_rows, weight_shape
from midb.kernels.models.linear import AdapterRows, Linear
from midb.kernels.models.lora import read_adapter
from midb.kernels.models.weights import CheckpointTensors, open_tensors
from midb.kernels.rope import Rope

#: Bytes of the logits of one chunk: few enough to stay in the L2 cache of a GPU until they are reduced.
_CHUNK_BYTES = 16 * 2**20

#: Rows for which a chunk has that size: as many as a large step samples.
_CHUNK_ROWS = 256

#: ``attend(layer, queries) -> outputs``, both ``[rows, heads, head_dim]``. The step's keys are in the cache by then.
Attend = Callable[[int, Tensor], Tensor]


@dataclass(slots=True)
class DecoderLayer:
    """The parameters of one layer.

    :param mlp_norm: None where the feed-forward starts from the norm before attention.
    :param gate_up: with ``down`` the feed-forward; both are None where ``experts`` stand in their place.
    """

    attention_norm: Tensor
    qkv: Linear
    q_norm: Tensor | None
    k_norm: Tensor | None
    out: Linear
    after_attention: Tensor | None
    mlp_norm: Tensor | None
    gate_up: Linear | None
    down: Linear | None
    experts: Experts | None
    after_mlp: Tensor | None


class Decoder:
    """A model on one device.

    :param fp8: linear layers, but for the head, multiply in fp8; ``dtype`` is bf16 then.
    """

    def __init__(
        self, config: ModelConfig, ops: Ops, device: torch.device, dtype: torch.dtype, *, fp8: bool = False
    ) -> None:
        self.config, self.ops, self.device, self.dtype, self.fp8 = config, ops, device, dtype, fp8
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
            self.layers = [self._load_layer(tensors, n, f"{prefix}layers.{n}.") for n in range(config.num_layers)]
            # Logits are linear in it. All known scales are powers of two, which change no digit of a weight.
            self.final_norm = tensors.get(f"{prefix}norm.weight", hidden) * config.logit_scale
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

    def _load_layer(self, tensors: CheckpointTensors, number: int, prefix: str) -> DecoderLayer:
        config = self.config
        biased = {"qkv": config.qkv_bias, "out": config.out_bias, "gate_up": config.mlp_bias, "down": config.mlp_bias}
        parts = list_parts(config, number)

        def load_linear(fused: str) -> Linear:
            def join(ending: str, dimensions: int) -> Tensor:
                return torch.cat([
                    reorder_rows(
                        config, part, tensors.get(f"{prefix}{part}.{ending}", *weight_shape(config, part)[:dimensions])
                    )
                    for part in parts[fused]
                ])  # fmt: skip

            return self._lay_out(Linear(join("weight", 2), join("bias", 1) if biased[fused] else None))

        def load_norm(name: str, size: int = config.hidden_size) -> Tensor:
            return tensors.get(f"{prefix}{name}.weight", size)

        sandwich = config.sandwich_norms
        mlp_norm = "pre_feedforward_layernorm" if sandwich else "post_attention_layernorm"
        routed = "down" not in parts
        return DecoderLayer(
            attention_norm=load_norm("input_layernorm"),
            qkv=load_linear("qkv"),
            q_norm=load_norm("self_attn.q_norm", config.head_dim) if config.qk_norm else None,
            k_norm=load_norm("self_attn.k_norm", config.head_dim) if config.qk_norm else None,
            out=load_linear("out"),
            after_attention=load_norm("post_attention_layernorm") if sandwich else None,
            mlp_norm=None if config.parallel else load_norm(mlp_norm),
            gate_up=None if routed else load_linear("gate_up"),
            down=None if routed else load_linear("down"),
            experts=self._load_experts(tensors, prefix) if routed else None,
            after_mlp=load_norm("post_feedforward_layernorm") if sandwich else None,
        )

    def _lay_out(self, layer: Linear) -> Linear:
        return layer.quantize() if self.fp8 else layer.pack()

    def _load_experts(self, tensors: CheckpointTensors, prefix: str) -> Experts | None:
        config, experts = self.config, self.config.experts
        if experts is None:
            return None
        hidden, inner, ops = config.hidden_size, experts.intermediate_size, self.ops

        def load_expert(name: str) -> tuple[Linear, Linear]:
            gate_up = tensors.join((f"{name}.{part}.weight", (inner, hidden)) for part in ("gate_proj", "up_proj"))
            down = tensors.get(f"{name}.down_proj.weight", hidden, inner)
            return self._lay_out(Linear(gate_up)), self._lay_out(Linear(down))

        return Experts(
            tensors.get(f"{prefix}mlp.gate.weight", experts.count, hidden),
            [load_expert(f"{prefix}mlp.experts.{n}") for n in range(experts.count)],
            experts.per_token,
            experts.normalised,
            lambda gate_up: ops.gated_activation(gate_up, kind=config.activation),
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
        norm = functools.partial(ops.add_rms_norm, eps=eps, offset=offset, centered=config.layer_norm)
        x = torch.nn.functional.embedding(token_ids, self.embedding)
        if config.embedding_scale != 1.0:
            # Rounded to the dtype, as it was when Gemma was trained.
            x = x * torch.tensor(config.embedding_scale, dtype=self.dtype)
        residual: Tensor | None = None
        for number, layer in enumerate(self.layers):
            normed, residual = norm(x, residual, layer.attention_norm)
            queries = ops.rotary_kv_write(
                layer.qkv(normed, adapters),
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
                x, _ = norm(x, None, layer.after_attention)
            if layer.mlp_norm is None:
                x = x + self._feed_forward(layer, normed, adapters)
                continue
            x, residual = norm(x, residual, layer.mlp_norm)
            x = self._feed_forward(layer, x, adapters)
            if layer.after_mlp is not None:
                x, _ = norm(x, None, layer.after_mlp)
        x, _ = norm(x, residual, self.final_norm)
        return x

    def _feed_forward(self, layer: DecoderLayer, x: Tensor, adapters: AdapterRows) -> Tensor:
        if layer.gate_up is not None and layer.down is not None:
            gate_up = layer.gate_up(x, adapters)
            return layer.down(self.ops.gated_activation(gate_up, kind=self.config.activation), adapters)
        assert layer.experts is not None
        return layer.experts(x)

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
    number of the frequency (Peng et al., 2023). "factors" divides each by its own, and so does "longrope" (Ding et al.,
    2024), by others if ``positions`` exceed the original context. Dimensions that are not rotated have a cosine of 1.
    """
    rotated = int(head_dim * rope.share)
    frequencies = 1.0 / rope.theta ** (torch.arange(0, rotated, 2, dtype=torch.float32) / rotated)
    if rope.kind == "linear":
        frequencies = frequencies / rope.factor
    elif rope.kind == "none":
        frequencies = torch.zeros_like(frequencies)
    elif rope.kind in ("factors", "longrope"):
        long = rope.kind == "longrope" and positions > rope.original_max_positions
        frequencies = frequencies / torch.tensor(rope.long_factors if long else rope.factors)
    elif rope.kind == "llama3":
        turns = rope.original_max_positions * frequencies / (2 * math.pi)
        smooth = (turns - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor)
        smooth = smooth.clamp(0.0, 1.0)
        frequencies = (1 - smooth) * frequencies / rope.factor + smooth * frequencies
    elif rope.kind == "yarn":
        first, last = _find_yarn_ramp(rope, rotated)
        scaled = ((torch.arange(rotated // 2) - first) / (last - first)).clamp(0.0, 1.0)
        frequencies = scaled * frequencies / rope.factor + (1 - scaled) * frequencies
    angles = torch.arange(positions, dtype=torch.float32)[:, None] * frequencies
    rest = torch.zeros(positions, (head_dim - rotated) // 2)
    cos, sin = angles.cos() * rope.attention_factor, angles.sin() * rope.attention_factor
    return torch.cat((cos, rest + 1.0, sin, rest), dim=-1).to(device)


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
