"""The model that is trained: a base whose weights stay as they are, and an adapter's low-rank updates in fp32."""

from __future__ import annotations

import contextlib
import gc
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from midb.domain.errors import UsageError
from midb.training.tuning.encoded import EncodedExample
from midb.training.tuning.settings import ALL_LINEAR, TuningSettings

#: Linear layers that the rewriting engine takes updates for, by the last part of their names.
ENGINE_LAYERS = (
    "q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj", "gate_proj", "up_proj", "down_proj", "gate_up_proj",
)  # fmt: skip


def choose_device(asked: str) -> torch.device:
    """The device of ``auto``, ``cpu``, ``cuda`` or ``cuda:1``; raises UsageError where there is none."""
    if asked == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(asked)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise UsageError(f'--device "{asked}" is not known.', hint="Write --device auto, cpu, cuda or cuda:1")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(
            f"there is no device {asked} that torch finds.", hint="Leave --device away to take what is there."
        )
    return device


def name_device(device: torch.device) -> str:
    """What computes, for people: the name of a GPU, or how many threads of a CPU."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} ({device})"
    return f"{device} ({torch.get_num_threads()} threads)"


def release_memory() -> None:
    """Give back what models held that nobody uses any more: another program, or an engine, may need it."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def load_base(base: Path, name: str, device: torch.device) -> Any:
    """Load a checkpoint's model: in bf16 where the device computes in it, else in fp32. No code of its own is run.

    :param base: a folder with safetensors, or a GGUF file.
    :raises UsageError: with one sentence, for what cannot be loaded.
    """
    import transformers

    told: Any = transformers.utils.logging  # it has no types
    told.set_verbosity_error()
    told.disable_progress_bar()
    dtype = torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
    given: dict[str, Any] = {"gguf_file": base.name} if base.is_file() else {"use_safetensors": True}
    try:
        # The reader of GGUF files draws a bar of its own, whatever it is told.
        with contextlib.redirect_stderr(io.StringIO()) if base.is_file() else contextlib.nullcontext():
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                base.parent if base.is_file() else base,
                dtype=dtype,
                local_files_only=True,
                trust_remote_code=False,
                **given,
            )
    except Exception as error:  # its readers raise whatever they like
        said = (str(error).strip().partition("\n")[0] or type(error).__name__).rstrip(".:")
        raise UsageError(
            f"the model of {name} cannot be loaded: {said}.",
            hint="It must be a checkpoint of a causal language model with safetensors, or a GGUF file.",
        ) from error
    # A model that was read from a GGUF file is no quantized one any more, though it says so, and then neither its
    # trainer nor save_pretrained takes it.
    for attribute in ("quantization_config", "_pre_quantization_dtype"):
        if base.is_file() and hasattr(model.config, attribute):
            delattr(model.config, attribute)
    if base.is_file():
        model.hf_quantizer, model.is_quantized = None, False
    model.config.use_cache = False
    return model.to(device)


def add_adapter(model: Any, settings: TuningSettings, base_name: str) -> Any:
    """Put low-rank updates into a model, drawn by the seed; raises UsageError for layers that it has not."""
    import transformers
    from peft import LoraConfig, TaskType, get_peft_model

    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=_choose_layers(model, settings.targets),
        bias="none",
        task_type=TaskType.CAUSAL_LM,
    )
    transformers.set_seed(settings.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks by names that transformers is about to change
        tuned: Any = get_peft_model(model, config, autocast_adapter_dtype=True)
    # What is written: the base's name and no path of this machine, the layers in an order that is always the same.
    kept = tuned.peft_config[tuned.active_adapter]
    kept.base_model_name_or_path = base_name
    kept.target_modules = sorted(kept.target_modules)
    if settings.recompute:
        tuned.enable_input_require_grads()
        switch = getattr(tuned, "activation_checkpointing_enable", None) or tuned.gradient_checkpointing_enable
        switch(**{f"{switch.__name__.removesuffix('_enable')}_kwargs": {"use_reentrant": False}})
    return tuned


def _choose_layers(model: Any, targets: str) -> list[str]:
    there = {name.rpartition(".")[2] for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear)}
    there -= {"lm_head"}
    if targets == ALL_LINEAR:
        return sorted(there.intersection(ENGINE_LAYERS) or there)
    asked = [name.strip() for name in targets.split(",") if name.strip()]
    if unknown := [name for name in asked if name not in there]:
        raise UsageError(f'the model has no linear layer "{unknown[0]}".', hint=f"It has: {', '.join(sorted(there))}.")
    return sorted(set(asked))


def check_examples(model: Any, examples: Sequence[EncodedExample], name: str) -> None:
    """Raise UsageError where the examples' ids or lengths do not fit the model."""
    ids = 1 + max((max(example.ids) for example in examples), default=0)
    longest = max((len(example.ids) for example in examples), default=0)
    vocabulary = model.get_input_embeddings().weight.shape[0]
    if ids > vocabulary:
        raise UsageError(
            f"the tokenizer of {name} gives the id {ids - 1:,}, and its model knows {vocabulary:,}.",
            hint="The tokenizer is not that of the model.",
        )
    limit = getattr(model.config, "max_position_embeddings", None)
    if limit and longest > limit:
        raise UsageError(
            f"an example has {longest:,} tokens, and {name} reads {limit:,}.", hint=f"Write --max-tokens {limit}"
        )
