"""What a GGUF file says of its model, in the words of a ``config.json``; and what its tensors are called there."""

from __future__ import annotations

import re
import struct
from typing import Any

from midb.kernels.errors import CheckpointError
from midb.kernels.gguf.header import TENSOR_TYPES, GgufHeader, map_file

#: Architectures that are read, and their model types. Mistral is a Llama to llama.cpp.
ARCHITECTURES = {"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gemma2": "gemma2", "gemma3": "gemma3_text"}

#: Those that rotate pairs of neighbours: their query and key weights were reordered for it, and are put back.
_INTERLEAVED = ("llama",)

#: Tensors of a layer, by their names in GGUF; the norms differ where there are norms behind as well (Gemma).
_LAYER = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}  # fmt: skip
_NORMS = {"ffn_norm": "post_attention_layernorm"}
_SANDWICH_NORMS = {
    "post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}  # fmt: skip
_OTHERS = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}

#: Factors by which the frequencies of a Llama 3.1 are divided; its metadata does not state how they came about.
ROPE_FACTORS = "rope_freqs.weight"

#: Numbers that a file must state.
_NEEDED = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "rms_norm_eps",
    "max_position_embeddings",
)  # fmt: skip

_LAYER_NAME = re.compile(r"blk\.(\d+)\.(\w+)\.(weight|bias)")


def describe_model(header: GgufHeader) -> dict[str, Any]:
    """The ``config.json`` of the file's model, which is checked like any other.

    :raises CheckpointError: for an architecture or a scaling that is unknown, or where numbers are missing.
    """
    metadata, path = header.metadata, header.path
    architecture = metadata.get("general.architecture")
    if architecture not in ARCHITECTURES:
        raise CheckpointError(
            f"{path}: a model of the architecture {str(architecture)[:40]} is not read.",
            hint=f"Known are {', '.join(ARCHITECTURES)}; or give a folder with config.json and safetensors.",
        )

    def get(name: str, default: Any = None) -> Any:
        return metadata.get(f"{architecture}.{name}", default)

    heads = get("attention.head_count")
    described: dict[str, Any] = {
        "model_type": ARCHITECTURES[architecture],
        "hidden_size": get("embedding_length"),
        "intermediate_size": get("feed_forward_length"),
        "num_hidden_layers": get("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": get("attention.head_count_kv", heads),
        "head_dim": get("attention.key_length", get("rope.dimension_count")),
        "vocab_size": header.tensors["token_embd.weight"].shape[0] if "token_embd.weight" in header.tensors else None,
        "max_position_embeddings": get("context_length"),
        "rms_norm_eps": get("attention.layer_norm_rms_epsilon"),
        "rope_theta": get("rope.freq_base", 10000.0),
        "tie_word_embeddings": "output.weight" not in header.tensors,
        "attention_bias": "blk.0.attn_output.bias" in header.tensors,
        "mlp_bias": "blk.0.ffn_gate.bias" in header.tensors,
        "dtype": _name_dtype(header),
        "eos_token_id": _list_ends(metadata),
        "rope_scaling": _describe_scaling(header, architecture),
    }
    if architecture.startswith("gemma"):
        described |= {
            "sliding_window": get("attention.sliding_window"),
            "query_pre_attn_scalar": _find_query_scalar(header, architecture),
            "attn_logit_softcapping": get("attn_logit_softcapping", 0.0),
            "final_logit_softcapping": get("final_logit_softcapping", 0.0),
        }
    if architecture == "gemma3":
        described |= {"attn_logit_softcapping": None, "final_logit_softcapping": None}
    _refuse_strange_tensors(header)
    # A file that lacks a number must not fall back on a family's default, but be told of.
    for name in _NEEDED:
        if described[name] is None:
            raise CheckpointError(f"{path}: its metadata does not state {name}.", hint="Is it the file of a model?")
    return {name: value for name, value in described.items() if value is not None}


def _refuse_strange_tensors(header: GgufHeader) -> None:
    """Raise for a layer's tensor that would be left out: then the model is another one than is computed."""
    known = set(name_tensors(header).values())
    strange = sorted(name for name in header.tensors if name.startswith("blk.") and name not in known)
    if strange:
        raise CheckpointError(
            f"{header.path}: its layers have tensors that are not known ({strange[0]}).",
            hint="Its architecture is another one than it states, or newer than this program.",
        )


def name_tensors(header: GgufHeader) -> dict[str, str]:
    """Names in the hub's layout -> names in the file; tensors that are no weights of the decoder are left out."""
    sandwich = str(header.metadata.get("general.architecture")).startswith("gemma")
    layer_names = _LAYER | (_SANDWICH_NORMS if sandwich else _NORMS)
    found = {}
    for name in header.tensors:
        stem, _, ending = name.rpartition(".")
        if stem in _OTHERS:
            found[f"{_OTHERS[stem]}.{ending}"] = name
        elif (match := _LAYER_NAME.fullmatch(name)) and match[2] in layer_names:
            found[f"model.layers.{match[1]}.{layer_names[match[2]]}.{match[3]}"] = name
    return found


def is_interleaved(header: GgufHeader, name: str) -> bool:
    """Whether a tensor's rows stand in the order of rotated neighbours."""
    interleaved = header.metadata.get("general.architecture") in _INTERLEAVED
    return interleaved and bool(re.search(r"\.attn_[qk]\.", name))


def has_added_one(header: GgufHeader, name: str) -> bool:
    """Whether a norm's weights stand for themselves where the model means ``1 + weight`` (Gemma)."""
    return str(header.metadata.get("general.architecture")).startswith("gemma") and "_norm." in name


def _name_dtype(header: GgufHeader) -> str:
    """What to compute in if nobody says: as exact as the file where it is exact, else bf16."""
    kinds = {place.type for place in header.tensors.values() if len(place.shape) > 1}
    return "float32" if {TENSOR_TYPES[kind][0] for kind in kinds} <= {"F32"} else "bfloat16"


def _list_ends(metadata: dict[str, Any]) -> list[int]:
    names = ("eos_token_id", "eot_token_id", "eom_token_id")
    found = [metadata.get(f"tokenizer.ggml.{name}") for name in names]
    return list(dict.fromkeys(number for number in found if isinstance(number, int)))


def _find_query_scalar(header: GgufHeader, architecture: str) -> Any:
    """By which Gemma scales queries. GGUF does not state it: it is the head's size, but for the two largest models."""
    layers = header.metadata.get(f"{architecture}.block_count")
    hidden = header.metadata.get(f"{architecture}.embedding_length")
    heads = header.metadata.get(f"{architecture}.attention.head_count")
    if (
        (architecture, layers) in (("gemma2", 46), ("gemma3", 62))
        and isinstance(hidden, int)
        and isinstance(heads, int)
    ):
        return hidden // heads  # Gemma 2 27B and Gemma 3 27B, as llama.cpp has it
    return header.metadata.get(f"{architecture}.attention.key_length", 256)


def _describe_scaling(header: GgufHeader, architecture: str) -> dict[str, Any] | None:
    metadata = header.metadata
    kind = metadata.get(f"{architecture}.rope.scaling.type", "none")
    if ROPE_FACTORS in header.tensors:
        return {"rope_type": "factors", "factor": 1.0, "factors": _read_factors(header)}
    if kind == "none":
        return None
    scaling = {
        "rope_type": kind,
        "factor": metadata.get(f"{architecture}.rope.scaling.factor"),
        "original_max_position_embeddings": metadata.get(f"{architecture}.rope.scaling.original_context_length"),
    }
    return {name: value for name, value in scaling.items() if value is not None}


def _read_factors(header: GgufHeader) -> list[float]:
    place = header.tensors[ROPE_FACTORS]
    if TENSOR_TYPES[place.type][0] != "F32":
        raise CheckpointError(f"{header.path}: {ROPE_FACTORS} is not F32.", hint="Is it the file of a model?")
    with map_file(header.path) as mapped:
        return list(struct.unpack(f"<{place.size // 4}f", mapped[place.start : place.start + place.size]))
