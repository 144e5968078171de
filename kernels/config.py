"""Settings of the engine, and what a checkpoint's ``config.json`` says about its model. No torch."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from midb.kernels.config_file import SHOWN, ConfigReader, read_json
from midb.kernels.errors import CheckpointError, EngineError
from midb.kernels.families import (
    FAMILIES,
    Family,
    find_family,
    list_families,
    read_activation,
    read_layer_kinds,
    read_rotated,
)
from midb.kernels.gguf.describing import describe_model
from midb.kernels.gguf.header import is_gguf, read_header
from midb.kernels.quantization import check_quantization
from midb.kernels.rope import UNROTATED, Rope, read_rope

#: The most layers that a config.json may state: there is a list of them.
_MOST_LAYERS = 10_000

#: The most experts of a layer.
_MOST_EXPERTS = 10_000

#: What an engine computes in.
DTYPES = ("float32", "bfloat16", "fp8")

#: The attention kernel reads a block with matrix instructions, which take 16 keys or more at a time.
_LEAST_BLOCK_SIZE_ON_GPU = 16

#: The least that these settings may be.
_LEAST = {"max_num_seqs": 1, "max_num_batched_tokens": 1, "num_speculative_tokens": 0, "num_kv_tokens": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Settings of one engine, in vLLM's words where vLLM has the same setting.

    :param checkpoint: folder with config.json and safetensors, or a GGUF file.
    :param device: "cpu" or "cuda" (also "cuda:1").
    :param dtype: of weights and activations; "auto" is the checkpoint's own, but bfloat16 where that is float16, and
        on a GPU always. "fp8" is bfloat16 with weights and inputs of linear layers rounded to 8 bits, for new GPUs.
    :param adapters: folders of LoRA adapters in peft's layout, by the name that requests use.
    :param max_model_len: longest prompt and output together, in tokens; 0 is the model's own limit.
    :param block_size: tokens of one KV block; a power of two, on a GPU at least 16.
    :param num_kv_tokens: tokens that the KV cache holds. With 0, a GPU gets as many as ``gpu_memory_utilization``
        leaves room for, and a CPU 32,768, or one sequence of the greatest length if that is more.
    :param gpu_memory_utilization: share of the GPU's memory that may be full once the KV cache is set aside.
    :param max_num_seqs: most sequences that are decoded together.
    :param max_num_batched_tokens: most rows of one forward.
    :param draft: propose draft tokens from the references.
    :param num_speculative_tokens: most draft tokens of one sequence in one step.
    :param enable_prefix_caching: sequences that begin alike share the KV of their beginning.
    :param cascade_attention: compute attention to a common beginning once for all sequences that share it.
    :param cuda_graphs: replay small steps as CUDA graphs.
    :param overlap_steps: while a GPU computes a step for half of the sequences, plan one for the other half, where that
        is worth it.
    """

    checkpoint: str | Path
    device: str = "cpu"
    dtype: str = "auto"
    adapters: Mapping[str, str | Path] = field(default_factory=dict)
    max_model_len: int = 0
    block_size: int = 16
    num_kv_tokens: int = 0
    gpu_memory_utilization: float = 0.9
    max_num_seqs: int = 256
    max_num_batched_tokens: int = 2048
    draft: bool = True
    num_speculative_tokens: int = 32
    enable_prefix_caching: bool = True
    cascade_attention: bool = True
    cuda_graphs: bool = True
    overlap_steps: bool = True

    def __post_init__(self) -> None:
        if self.dtype not in ("auto", *DTYPES):
            raise EngineError(f'dtype is "{self.dtype}".', hint=f"Known are auto, {', '.join(DTYPES)}.")
        if self.device != "cpu" and self.device.partition(":")[0] != "cuda":
            raise EngineError(f'device is "{self.device}".', hint="Known are cpu and cuda.")
        if self.block_size < 1 or self.block_size & (self.block_size - 1):
            raise EngineError(f"block_size is {self.block_size}.", hint="It must be a power of two.")
        if self.device != "cpu" and self.block_size < _LEAST_BLOCK_SIZE_ON_GPU:
            raise EngineError(
                f"block_size is {self.block_size}.", hint=f"On a GPU it must be at least {_LEAST_BLOCK_SIZE_ON_GPU}."
            )
        if not 0 < self.gpu_memory_utilization <= 1:
            raise EngineError(
                f"gpu_memory_utilization is {self.gpu_memory_utilization}.", hint="It lies above 0 and up to 1."
            )
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise EngineError(f"{name} is {getattr(self, name)}.", hint=f"It must be at least {least}.")
        if self.max_num_batched_tokens < self.max_num_seqs:
            # Each running sequence needs a row in each step, or the last ones would have to wait for the first.
            object.__setattr__(self, "max_num_seqs", self.max_num_batched_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertsConfig:
    """Layers whose feed-forward is one of many for each row: a mixture of experts (Shazeer et al., 2017).

    :param count: experts of a layer; ``per_token`` of them compute each row.
    :param intermediate_size: of one expert.
    :param normalised: the weights of those that are chosen sum up to 1.
    :param layers: of each layer, whether it has experts.
    """

    count: int
    per_token: int
    intermediate_size: int
    normalised: bool
    layers: tuple[bool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """A decoder-only model, described by what its forward does and not by its name.

    :param trained_positions: length up to which texts are computed as the model was trained. Where an engine takes
        longer ones, other frequencies hold for all of its texts (LongRoPE); ``max_positions`` for other models.
    :param windows: of each layer, the number of keys that a row sees, its own included; 0 means all.
    :param ropes: of each layer.
    :param rotary_dim: how many of a head's dimensions are rotated, the first ones.
    :param rotates_pairs: neighbours are rotated as pairs, and not one half of a head with the other.
    :param fused_weights: the checkpoint holds the parts of ``qkv`` and ``gate_up`` as one tensor each (Phi-3).
    :param layer_norm: norms subtract the mean of a row first: LayerNorm in the place of RMSNorm (Cohere).
    :param parallel: attention and feed-forward of a layer both start from the same norm (Cohere).
    :param logit_scale: logits are multiplied by it.
    :param norm_offset: 1 where the weights of norms stand for ``1 + weight`` (Gemma).
    :param sandwich_norms: there are norms after attention and after the feed-forward too (Gemma).
    """

    family: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    max_positions: int
    trained_positions: int
    norm_eps: float
    activation: str
    tied: bool
    windows: tuple[int, ...]
    ropes: tuple[Rope, ...]
    attention_scale: float
    rotary_dim: int
    rotates_pairs: bool = False
    fused_weights: bool = False
    layer_norm: bool = False
    parallel: bool = False
    experts: ExpertsConfig | None = None
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    qk_norm: bool = False
    norm_offset: float = 0.0
    sandwich_norms: bool = False
    embedding_scale: float = 1.0
    attention_softcap: float = 0.0
    logit_softcap: float = 0.0
    logit_scale: float = 1.0
    dtype: str = "float32"
    eos_ids: tuple[int, ...] = ()

    @property
    def num_parameters(self) -> int:
        """Number of weights that a row is multiplied with: those of the layers and of the head."""
        attention = 2 * self.hidden_size * self.head_dim * (self.num_heads + self.num_kv_heads)
        widths = [self.intermediate_size * 3] * self.num_layers
        if (experts := self.experts) is not None:
            routed = experts.per_token * experts.intermediate_size * 3 + experts.count
            widths = [routed if routes else width for routes, width in zip(experts.layers, widths, strict=True)]
        return self.num_layers * attention + (sum(widths) + self.vocab_size) * self.hidden_size

    @property
    def head_share(self) -> float:
        """Share of the head in ``num_parameters``. Only rows from which a token is sampled pass through the head."""
        return self.vocab_size * self.hidden_size / self.num_parameters

    @classmethod
    def from_checkpoint(cls, folder: str | Path) -> ModelConfig:
        """Read ``config.json`` and ``generation_config.json``, or what a GGUF file says instead.

        :raises CheckpointError: with one clear sentence.
        """
        folder = Path(folder)
        if is_gguf(folder):
            return _parse(describe_model(read_header(folder)), None, folder)
        if not folder.is_dir():
            raise CheckpointError(
                f"{folder} is not a folder.", hint="A checkpoint is a folder with config.json, or a GGUF file."
            )
        raw = read_json(folder / "config.json")
        family = str(raw.get("model_type"))
        if "auto_map" in raw and family not in FAMILIES:
            raise CheckpointError(
                f"{folder} needs code of its own (trust_remote_code), which is never run.",
                hint=f"Known model types: {list_families()}.",
            )
        generation = folder / "generation_config.json"
        eos = (read_json(generation) if generation.exists() else {}).get("eos_token_id")
        text = raw.get("text_config", {}) if family == "gemma3" else raw
        if not isinstance(text, dict):
            raise CheckpointError(f"{folder / 'config.json'}: text_config holds no JSON object.")
        outer = {key: raw[key] for key in ("torch_dtype", "dtype", "eos_token_id") if key in raw}
        return _parse(outer | text, eos, folder / "config.json")


def _parse(raw: Mapping[str, Any], generation_eos: Any, path: Path) -> ModelConfig:
    try:
        return _parse_values(raw, generation_eos, path)
    except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
        raise CheckpointError(
            f"{path} holds a value of the wrong kind: {str(error)[:SHOWN]}.", hint="Is it the file of a model?"
        ) from error


def _parse_values(raw: Mapping[str, Any], generation_eos: Any, path: Path) -> ModelConfig:
    name, family = find_family(raw, path)
    check_quantization(raw, path)
    merged = {**family.defaults, **{key: value for key, value in raw.items() if value is not None}}
    if name == "gemma3_text" and merged.get("use_bidirectional_attention"):
        raise CheckpointError(f"{path}: the model attends in both directions, so it does not generate.")
    if family.cohere and merged.get("use_qk_norm"):
        raise CheckpointError(f"{path}: norms of queries and keys are not supported in a model of Cohere.")
    reader = ConfigReader(merged, path)
    hidden, heads = (reader.read_count(name) for name in ("hidden_size", "num_attention_heads"))
    layers = reader.read_count("num_hidden_layers", most=_MOST_LAYERS)
    kv_heads = reader.read_count("num_key_value_heads", heads)
    head_dim = reader.read_count("head_dim", hidden // heads)
    if heads % kv_heads:
        raise CheckpointError(f"{path}: {heads} heads cannot share {kv_heads} key heads.")
    kinds = read_layer_kinds(merged, name, layers, path)
    window = reader.read_count("sliding_window") if "sliding_attention" in kinds else 0
    ropes = {kind: read_rope(merged, kind, path, in_part=family.fused) for kind in dict.fromkeys(kinds)}
    rotary_dim = _check_rotary_dim(head_dim, tuple(ropes.values()), path)
    rotated = read_rotated(merged, name, kinds, path)
    stated_positions = reader.read_count("max_position_embeddings")
    max_positions = max(stated_positions, *(rope.scaled_positions for rope in ropes.values()))
    long = [rope.original_max_positions for rope in ropes.values() if rope.kind == "longrope"]
    bias = bool(merged.get("attention_bias", False))
    softcaps = merged.get("attn_logit_softcapping"), merged.get("final_logit_softcapping")
    eos = generation_eos if generation_eos is not None else merged.get("eos_token_id")
    gemma = family.gemma
    return ModelConfig(
        family=name,
        vocab_size=reader.read_count("vocab_size"),
        hidden_size=hidden,
        intermediate_size=reader.read_count("intermediate_size"),
        num_layers=layers,
        num_heads=heads,
        num_kv_heads=kv_heads,
        head_dim=head_dim,
        max_positions=max_positions,
        trained_positions=min(max_positions, *long) if long else max_positions,
        norm_eps=reader.read_number("layer_norm_eps" if family.cohere else "rms_norm_eps"),
        activation=read_activation(merged, family, path),
        tied=bool(merged["tie_word_embeddings"]),
        windows=tuple(window if kind == "sliding_attention" else 0 for kind in kinds),
        ropes=tuple(ropes[kind] if turned else UNROTATED for kind, turned in zip(kinds, rotated, strict=True)),
        attention_scale=(reader.read_number("query_pre_attn_scalar") if gemma else head_dim) ** -0.5,
        rotary_dim=rotary_dim,
        rotates_pairs=family.cohere,
        fused_weights=family.fused,
        layer_norm=family.cohere,
        parallel=family.cohere,
        experts=_read_experts(reader, family, layers),
        qkv_bias=family.qkv_bias or bias,
        out_bias=bias,
        mlp_bias=bool(merged.get("mlp_bias", False)),
        qk_norm=family.qk_norm,
        norm_offset=1.0 if gemma else 0.0,
        sandwich_norms=gemma,
        embedding_scale=hidden**0.5 if gemma else 1.0,
        attention_softcap=reader.read_number("attn_logit_softcapping") if gemma and softcaps[0] else 0.0,
        logit_softcap=reader.read_number("final_logit_softcapping") if gemma and softcaps[1] else 0.0,
        logit_scale=reader.read_number("logit_scale") if family.cohere else 1.0,
        dtype=str(merged.get("dtype", merged.get("torch_dtype", "float32"))),
        eos_ids=tuple(map(operator.index, eos if isinstance(eos, list) else [] if eos is None else [eos])),
    )


def _check_rotary_dim(head_dim: int, ropes: tuple[Rope, ...], path: Path) -> int:
    rotary_dim = int(head_dim * ropes[0].share)
    if head_dim % 2 or rotary_dim % 2 or not rotary_dim:
        raise CheckpointError(f"{path}: {rotary_dim} dimensions of a head of {head_dim} cannot be rotated in halves.")
    for rope in ropes:
        for factors in filter(None, (rope.factors, rope.long_factors)):
            if len(factors) != rotary_dim // 2:
                raise CheckpointError(
                    f"{path}: {len(factors)} factors of rope scaling do not fit {rotary_dim // 2} frequencies."
                )
    return rotary_dim


def _read_experts(reader: ConfigReader, family: Family, layers: int) -> ExpertsConfig | None:
    raw = reader.raw
    if not family.experts:
        return None
    count = raw.get("num_local_experts", raw.get("num_experts", 128))
    step, dense = raw["decoder_sparse_step"], raw.get("mlp_only_layers", [])
    routed = tuple(bool(count) and i not in dense and (i + 1) % step == 0 for i in range(layers))
    if not any(routed):
        return None
    count = ConfigReader({"num_experts": count}, reader.path).read_count("num_experts", most=_MOST_EXPERTS)
    return ExpertsConfig(
        count=count,
        per_token=reader.read_count("num_experts_per_tok", most=count),
        intermediate_size=reader.read_count("moe_intermediate_size"),
        normalised=bool(raw["norm_topk_prob"]),
        layers=routed,
    )
