"""Runs steps: the model's forward over the KV blocks, and the sampled tokens back on the host."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from midb.kernels.config import EngineConfig, ModelConfig
from midb.kernels.dispatch import Ops, choose_ops
from midb.kernels.engine.graphs import StepGraphs
from midb.kernels.engine.step_batch import KeySpan, StepBatch
from midb.kernels.errors import EngineError
from midb.kernels.models.decoder import Decoder
from midb.kernels.ops import prefill

#: Tokens that the KV cache of a CPU engine holds where its config names none: some thirty requests of a thousand.
_CPU_KV_TOKENS = 32_768

#: Memory for the activations of a row, in multiples of the feed-forward's inner size: gates, values, their product, and
#: one more for everything else, which is smaller.
_ACTIVATIONS_PER_ROW = 4

#: What an engine computes in, by the dtype of its checkpoint.
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.bfloat16}


class ModelRunner:
    """A model with its KV cache on one device.

    :param ops: other ops than those of the device, for tests.
    """

    def __init__(self, config: EngineConfig, model: ModelConfig, *, ops: Ops | None = None) -> None:
        self.config, self.model_config = config, model
        self.device = torch.device(config.device)
        name = model.dtype if config.dtype == "auto" else config.dtype
        if name not in _DTYPES:
            raise EngineError(f'The checkpoint is in "{name}".', hint='Choose dtype="float32" or "bfloat16".')
        self.dtype = _DTYPES[name]
        self.ops = ops or choose_ops(self.device)
        self.max_model_len = min(config.max_model_len or model.max_positions, model.max_positions)
        self.model = Decoder(model, self.ops, self.device, self.dtype)
        with torch.inference_mode():
            self.model.load(Path(config.checkpoint), config.adapters, self.max_model_len)
            self.num_blocks = -(-self._choose_kv_tokens() // config.block_size)
            # Zeros: what a kernel reads beyond a sequence's end is multiplied by 0, and 0 times NaN is NaN.
            self.kv_cache = torch.zeros(self._kv_cache_shape(self.num_blocks), dtype=self.dtype, device=self.device)
        # The kernels for long prompts know no soft cap; the paged one does.
        has_prefill = self.device.type == "cuda" and not model.attention_softcap
        self.prefill_rows = prefill.LEAST_ROWS if has_prefill else 0
        self.prefill_kernel: prefill.VarlenKernel | None = None
        use_graphs = config.cuda_graphs and self.device.type == "cuda" and not config.adapters
        self.graphs = StepGraphs(self._forward, self) if use_graphs else None

    def _kv_cache_shape(self, num_blocks: int) -> tuple[int, ...]:
        model = self.model_config
        return model.num_layers, 2, num_blocks * self.config.block_size, model.num_kv_heads, model.head_dim

    def _choose_kv_tokens(self) -> int:
        """How many tokens the KV cache shall hold; raises EngineError if one sequence would not fit."""
        asked = self.config.num_kv_tokens
        if asked and asked < self.max_model_len:
            raise EngineError(
                f"num_kv_tokens is {asked:,}, and one sequence may take {self.max_model_len:,}.",
                hint="Raise num_kv_tokens or set max_model_len.",
            )
        if asked or self.device.type == "cpu":
            return asked or max(_CPU_KV_TOKENS, self.max_model_len)
        free, total = torch.cuda.mem_get_info(self.device)
        per_token = torch.Size(self._kv_cache_shape(1)).numel() // self.config.block_size * self.dtype.itemsize
        width = _ACTIVATIONS_PER_ROW * self.model_config.intermediate_size
        step = self.config.max_num_batched_tokens * self.dtype.itemsize * width
        tokens = int((free - (1 - self.config.gpu_memory_utilization) * total - step) // per_token)
        if tokens < self.max_model_len:
            raise EngineError(
                f"{free / 2**30:.1f} GiB are free on {self.device}: too little for the KV of one sequence of "
                f"{self.max_model_len:,} tokens.",
                hint="Set max_model_len, or raise gpu_memory_utilization.",
            )
        return tokens

    @torch.inference_mode()
    def run(self, batch: StepBatch) -> list[int]:
        """Compute one step; returns the token sampled at each sample row."""
        if self.graphs is not None and (sampled := self.graphs.run(batch)) is not None:
            return self.read_sampled(batch, sampled)
        return self.read_sampled(batch, self._forward(batch))

    def read_sampled(self, batch: StepBatch, sampled: Tensor) -> list[int]:
        """Copy the sampled tokens to the host, which needs these few hundred numbers to decide what is accepted."""
        ids: list[int] = sampled.tolist()
        return ids

    def _forward(self, batch: StepBatch) -> Tensor:
        hidden = self.compute_hidden(batch)
        if batch.sample_rows.numel() == 0:
            return batch.sample_rows
        return self.model.sample(hidden[batch.sample_rows.long()], batch.temperatures, batch.noise_keys)

    def compute_hidden(self, batch: StepBatch) -> Tensor:
        """Compute the hidden states of all rows, ``[rows, hidden]``; their KV is in the cache afterwards."""
        attend = Attention(self, batch)
        return self.model.forward(batch.token_ids, batch.positions, batch.slots, self.kv_cache, attend, batch.adapters)


class Attention:
    """Attention of the rows of one step, layer by layer."""

    def __init__(self, runner: ModelRunner, batch: StepBatch) -> None:
        self.runner, self.batch = runner, batch

    def __call__(self, layer: int, queries: Tensor) -> Tensor:
        """Compute outputs from queries, both ``[rows, heads, head_dim]``."""
        model = self.runner.model_config
        window = model.windows[layer]
        if window or self.batch.prefix_keys is None:
            out, _ = self._attend_to(self.batch.all_keys, layer, queries, window=window)
            self._add_prefill(out, layer, queries, window)
            return out
        shared, shared_lse = self._attend_to(self.batch.prefix_keys, layer, queries, causal=False)
        own, own_lse = self._attend_to(self.batch.own_keys, layer, queries)
        out, _ = self.runner.ops.merge_states(shared, shared_lse, own, own_lse)
        return out

    def _add_prefill(self, out: Tensor, layer: int, queries: Tensor, window: int) -> None:
        """Fill in the outputs of the sequences with long runs of rows, which the paged kernel leaves out."""
        long, cache = self.batch.prefill, self.runner.kv_cache[layer]
        if long is None:
            return
        out[long.rows] = prefill.attend(
            queries[long.rows],
            cache[0],
            cache[1],
            long.slots,
            long.cu_seqlens_q,
            long.cu_seqlens_k,
            max_q=long.max_q,
            max_k=long.max_k,
            scale=self.runner.model_config.attention_scale,
            window=window,
            kernel=self.runner.prefill_kernel,
        )

    def _attend_to(
        self, span: KeySpan, layer: int, queries: Tensor, *, window: int = 0, causal: bool = True
    ) -> tuple[Tensor, Tensor]:
        runner = self.runner
        return runner.ops.paged_attention(
            queries,
            runner.kv_cache[layer, 0],
            runner.kv_cache[layer, 1],
            span.block_tables,
            span.cu_seqlens_q,
            span.seqlens_k if self.batch.prefill is None else self.batch.prefill.other_seqlens_k,
            block_size=runner.config.block_size,
            scale=runner.model_config.attention_scale,
            window=window,
            softcap=runner.model_config.attention_softcap,
            causal=causal,
            max_seqlen_q=span.max_seqlen_q,
        )
