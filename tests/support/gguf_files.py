"""Writes the random checkpoints of tests as GGUF files, the way llama.cpp's converter does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from random_checkpoints import RandomCheckpoint

#: Names of a layer's tensors in both layouts; Gemma has two norms more, and calls one otherwise.
_LAYER = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
_GEMMA = {
    "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}  # fmt: skip
_ARCHITECTURES = {"Llama": "llama", "Mistral": "llama", "Qwen2": "qwen2", "Qwen3": "qwen3", "Gemma2": "gemma2"}


def write_gguf(
    path: Path,
    made: RandomCheckpoint,
    quantization: str = "F32",
    *,
    metadata: dict[str, Any] | None = None,
    rope_factors: list[float] | None = None,
) -> Path:
    """Write a model; matrices are quantized where their rows fit blocks of 32, norms and biases stay F32."""
    config = made.model.config
    architecture = _ARCHITECTURES.get(type(made.model).__name__.removesuffix("ForCausalLM"), "gemma3")
    gemma = architecture.startswith("gemma")
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_key_length(head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    rope = config.rope_parameters
    writer.add_rope_freq_base(float((rope.get("full_attention") or rope)["rope_theta"]))
    if gemma:
        writer.add_sliding_window(config.sliding_window)
    if architecture == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    for name, value in (metadata or {}).items():
        if isinstance(value, list):
            writer.add_array(name, value)
        elif isinstance(value, bool):
            writer.add_bool(name, value)
        elif isinstance(value, int):
            writer.add_uint32(name, value)
        else:
            writer.add_string(name, value)
    if rope_factors:
        writer.add_tensor("rope_freqs.weight", np.array(rope_factors, dtype=np.float32))
    tied = bool(config.tie_word_embeddings)
    names = _LAYER | (_GEMMA if gemma else {})
    for name, tensor in made.model.state_dict().items():
        values = tensor.float().numpy()
        if name == "lm_head.weight" and tied:
            continue
        stored = _rename(name, names)
        if architecture == "llama" and ".attn_q." in stored:
            values = _interleave(values, config.num_attention_heads)
        if architecture == "llama" and ".attn_k." in stored:
            values = _interleave(values, config.num_key_value_heads)
        if gemma and "norm" in stored:
            values = values + 1.0
        fits = values.ndim > 1 and values.shape[-1] % 32 == 0
        kind = gguf.GGMLQuantizationType[quantization if fits else "F32"]
        data = values if kind.name == "F32" else gguf.quants.quantize(np.ascontiguousarray(values), kind)
        writer.add_tensor(stored, np.ascontiguousarray(data), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def describe_tokenizer(tokenizer: Any) -> dict[str, Any]:
    """What a GGUF file says of a byte-level BPE tokenizer that cuts words as GPT-2 does."""
    described = json.loads(tokenizer.backend_tokenizer.to_str())
    special = {entry["content"] for entry in described["added_tokens"]}
    tokens = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3 if token in special else 1 for token in tokens],
        "tokenizer.ggml.merges": [" ".join(merge) for merge in described["model"]["merges"]],
        "tokenizer.ggml.eos_token_id": tokenizer.eos_token_id,
        "tokenizer.chat_template": tokenizer.chat_template,
    }


def write_whole_gguf(path: Path, checkpoint: Path) -> Path:
    """Write the model of a folder with its tokenizer and chat template."""
    import transformers

    auto: Any = transformers
    model = auto.AutoModelForCausalLM.from_pretrained(checkpoint)
    metadata = describe_tokenizer(auto.AutoTokenizer.from_pretrained(checkpoint))
    return write_gguf(path, RandomCheckpoint(checkpoint, model), metadata=metadata)


def _rename(name: str, names: dict[str, str]) -> str:
    stem, _, ending = name.rpartition(".")
    others = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    if stem in others:
        return f"{others[stem]}.{ending}"
    _, _, number, part = stem.split(".", 3)
    return f"blk.{number}.{names[part]}.{ending}"


def _interleave(values: Any, heads: int) -> Any:
    """Order the rows of each head as llama.cpp rotates them: a row of the first half, then one of the second."""
    rows = values.shape[0]
    return values.reshape(heads, 2, rows // heads // 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
