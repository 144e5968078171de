"""Settings of the engine, and what a checkpoint's ``config.json`` says about its model. No torch."""

from __future__ import annotations

import json
import operator
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from midb.kernels.errors import CheckpointError, EngineError
from midb.kernels.gguf.describing import describe_model
from midb.kernels.gguf.header import is_gguf, read_header
from midb.kernels.rope import Rope, read_rope

#: What an engine computes in.
DTYPES = ("float32", "bfloat16")

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
        on a GPU always.
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
class ModelConfig:
    """A decoder-only model, described by what its forward does and not by its name.

    :param windows: of each layer, the number of keys that a row sees, its own included; 0 means all.
    :param ropes: of each layer.
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
    norm_eps: float
    activation: str
    tied: bool
    windows: tuple[int, ...]
    ropes: tuple[Rope, ...]
    attention_scale: float
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    qk_norm: bool = False
    norm_offset: float = 0.0
    sandwich_norms: bool = False
    embedding_scale: float = 1.0
    attention_softcap: float = 0.0
    logit_softcap: float = 0.0
    dtype: str = "float32"
    eos_ids: tuple[int, ...] = ()

    @property
    def num_parameters(self) -> int:
        """Number of weights that a row is multiplied with: those of the layers and of the head."""
        attention = 2 * self.hidden_size * self.head_dim * (self.num_heads + self.num_kv_heads)
        layer = attention + 3 * self.hidden_size * self.intermediate_size
        return self.num_layers * layer + self.vocab_size * self.hidden_size

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
        if "auto_map" in raw and family not in _FAMILIES:
            raise CheckpointError(
                f"{folder} needs code of its own (trust_remote_code), which is never run.",
                hint=f"Known model types: {', '.join(_FAMILIES)}.",
            )
        generation = folder / "generation_config.json"
        eos = (read_json(generation) if generation.exists() else {}).get("eos_token_id")
        text = raw.get("text_config", {}) if family == "gemma3" else raw
        if not isinstance(text, dict):
            raise CheckpointError(f"{folder / 'config.json'}: text_config holds no JSON object.")
        outer = {key: raw[key] for key in ("torch_dtype", "dtype", "eos_token_id") if key in raw}
        return _parse(outer | text, eos, folder / "config.json")


#: What a family does unless its config.json says otherwise: the defaults of transformers, which older files leave out.
_PLAIN: dict[str, Any] = {
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
    "rope_theta": 10000.0,
}

#: What both generations of Gemma do.
_GEMMA: dict[str, Any] = _PLAIN | {
    "hidden_act": "gelu_pytorch_tanh", "tie_word_embeddings": True, "head_dim": 256, "query_pre_attn_scalar": 256,
    "sliding_window": 4096,
}  # fmt: skip

#: The families that are known, by their model type.
_FAMILIES: dict[str, dict[str, Any]] = {
    "llama": _PLAIN,
    "mistral": _PLAIN | {"sliding_window": None},
    "qwen2": _PLAIN,
    "qwen3": _PLAIN | {"head_dim": 128},
    "gemma2": _GEMMA | {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "sliding_window_pattern": 2},
    "gemma3_text": _GEMMA
    | {
        "rope_theta": 1_000_000.0, "rope_local_base_freq": 10_000.0, "sliding_window_pattern": 6, "vocab_size": 262_208,
        "num_attention_heads": 8, "num_key_value_heads": 4, "max_position_embeddings": 131_072,
    },
}  # fmt: skip

#: Activations by the names in config.json, as our ops call them.
_ACTIVATIONS = {"silu": "silu", "swish": "silu", "gelu_pytorch_tanh": "gelu_tanh"}


#: Bytes of a JSON file of a checkpoint: an index of 100,000 tensors has ten million.
_LONGEST_JSON = 64 << 20

#: The greatest count that a config.json may state, and the most layers: there is a list of these.
_MOST = 1 << 31
_MOST_LAYERS = 10_000

#: Characters of a value that a message shows.
_SHOWN = 40


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file of a checkpoint, which may hold anything; raises CheckpointError."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CheckpointError(
                f"{path} is no file, but a folder, a pipe or a device.", hint="Download the checkpoint again."
            )
        if path.stat().st_size > _LONGEST_JSON:
            raise CheckpointError(
                f"{path} is larger than {_LONGEST_JSON >> 20} MiB, which no such file is.",
                hint="Is it the file of a model?",
            )
        value = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise CheckpointError(f"{path} is nested too deeply.", hint="Is it the file of a model?") from None
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist.", hint="Is the download complete?") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        message = str(error).partition(";")[0]  # what stands behind it is how to lift a limit of Python
        raise CheckpointError(f"{path} is not JSON: {message}.", hint="Is the download complete?") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} holds no JSON object.")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _parse(raw: Mapping[str, Any], generation_eos: Any, path: Path) -> ModelConfig:
    try:
        return _parse_values(raw, generation_eos, path)
    except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
        raise CheckpointError(
            f"{path} holds a value of the wrong kind: {str(error)[:_SHOWN]}.", hint="Is it the file of a model?"
        ) from error


def _parse_values(raw: Mapping[str, Any], generation_eos: Any, path: Path) -> ModelConfig:
    family = raw.get("model_type")
    if not isinstance(family, str) or family not in _FAMILIES:
        raise CheckpointError(
            f'{path}: model type "{str(family)[:_SHOWN]}" is unknown.', hint=f"Known: {', '.join(_FAMILIES)}."
        )
    if raw.get("quantization_config"):
        raise CheckpointError(
            f"{path}: the weights are quantized, which is not supported.", hint="Use the bf16 weights."
        )
    merged = _FAMILIES[family] | {key: value for key, value in raw.items() if value is not None}
    if family == "gemma3_text" and merged.get("use_bidirectional_attention"):
        raise CheckpointError(f"{path}: the model attends in both directions, so it does not generate.")
    reader = _ConfigReader(merged, path)
    gemma = family.startswith("gemma")
    hidden, heads = (reader.read_count(name) for name in ("hidden_size", "num_attention_heads"))
    layers = reader.read_count("num_hidden_layers", most=_MOST_LAYERS)
    kv_heads = reader.read_count("num_key_value_heads", heads)
    head_dim = reader.read_count("head_dim", hidden // heads)
    if heads % kv_heads:
        raise CheckpointError(f"{path}: {heads} heads cannot share {kv_heads} key heads.")
    if head_dim % 2:
        raise CheckpointError(f"{path}: a head of {head_dim} cannot be rotated in halves.")
    kinds = _read_layer_kinds(merged, family, layers, path)
    window = reader.read_count("sliding_window") if "sliding_attention" in kinds else 0
    ropes = {kind: read_rope(merged, kind, path) for kind in dict.fromkeys(kinds)}
    stated_positions = reader.read_count("max_position_embeddings")
    bias = bool(merged.get("attention_bias", False))
    softcaps = merged.get("attn_logit_softcapping"), merged.get("final_logit_softcapping")
    eos = generation_eos if generation_eos is not None else merged.get("eos_token_id")
    return ModelConfig(
        family=family,
        vocab_size=reader.read_count("vocab_size"),
        hidden_size=hidden,
        intermediate_size=reader.read_count("intermediate_size"),
        num_layers=layers,
        num_heads=heads,
        num_kv_heads=kv_heads,
        head_dim=head_dim,
        max_positions=max(stated_positions, *(rope.scaled_positions for rope in ropes.values())),
        norm_eps=reader.read_number("rms_norm_eps"),
        activation=_read_activation(merged, gemma, path),
        tied=bool(merged["tie_word_embeddings"]),
        windows=tuple(window if kind == "sliding_attention" else 0 for kind in kinds),
        ropes=tuple(ropes[kind] for kind in kinds),
        attention_scale=(reader.read_number("query_pre_attn_scalar") if gemma else head_dim) ** -0.5,
        qkv_bias=family == "qwen2" or bias,
        out_bias=bias,
        mlp_bias=bool(merged.get("mlp_bias", False)),
        qk_norm=family in ("qwen3", "gemma3_text"),
        norm_offset=1.0 if gemma else 0.0,
        sandwich_norms=gemma,
        embedding_scale=hidden**0.5 if gemma else 1.0,
        attention_softcap=reader.read_number("attn_logit_softcapping") if gemma and softcaps[0] else 0.0,
        logit_softcap=reader.read_number("final_logit_softcapping") if gemma and softcaps[1] else 0.0,
        dtype=str(merged.get("dtype", merged.get("torch_dtype", "float32"))),
        eos_ids=tuple(map(operator.index, eos if isinstance(eos, list) else [] if eos is None else [eos])),
    )


def _read_activation(merged: Mapping[str, Any], gemma: bool, path: Path) -> str:
    name = str(merged.get("hidden_activation", merged["hidden_act"]))
    if gemma and name == "gelu":
        name = "gelu_pytorch_tanh"  # older files of Gemma say "gelu", and the model computes this one
    if name not in _ACTIVATIONS:
        raise CheckpointError(f'{path}: activation "{name}" is unknown.', hint=f"Known: {', '.join(_ACTIVATIONS)}.")
    return _ACTIVATIONS[name]


class _ConfigReader:
    """Reads numbers from a config.json, which may hold anything."""

    def __init__(self, raw: Mapping[str, Any], path: Path) -> None:
        self.raw, self.path = raw, path

    def read_count(self, name: str, default: int | None = None, most: int = _MOST) -> int:
        """Read a number above 0; raises CheckpointError."""
        value = self.raw.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise CheckpointError(f"{self.path}: {name} is {_show(value)}, not a number above 0.")
        if value > most:
            raise CheckpointError(
                f"{self.path}: {name} is {_show(value)}; no model has more than {most:,}.",
                hint="Is it the file of a model?",
            )
        return value

    def read_number(self, name: str) -> float:
        """Read a finite number above 0, with decimals or without; raises CheckpointError."""
        value = self.raw[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MOST:
            raise CheckpointError(f"{self.path}: {name} is {_show(value)}, not a sound number above 0.")
        return float(value)


def _show(value: Any) -> str:
    """A value as it stands in the file, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _read_layer_kinds(raw: Mapping[str, Any], family: str, layers: int, path: Path) -> list[str]:
    """ "sliding_attention" or "full_attention" for each layer, as transformers derives it for each family."""
    windowed = raw.get("sliding_window") is not None
    if family in ("qwen2", "qwen3"):
        windowed = windowed and bool(raw.get("use_sliding_window", False))
    if family == "mistral":
        kinds = ["sliding_attention" if windowed else "full_attention"] * layers
    elif family == "llama":
        kinds = ["full_attention"] * layers
    elif "layer_types" in raw:
        kinds = list(raw["layer_types"])
    elif family in ("qwen2", "qwen3"):
        first = raw.get("max_window_layers", layers)
        kinds = ["sliding_attention" if windowed and i >= first else "full_attention" for i in range(layers)]
    else:
        pattern = raw.get("_sliding_window_pattern", raw["sliding_window_pattern"])
        kinds = ["sliding_attention" if (i + 1) % pattern else "full_attention" for i in range(layers)]
    if len(kinds) != layers or set(kinds) - {"sliding_attention", "full_attention"}:
        raise CheckpointError(f"{path}: layer_types does not fit {layers} layers of sliding or full attention.")
    return kinds
