"""Runs steps: the model's forward over the paged KV, and the sampled tokens back on the host."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from midb.kernels.config import EngineConfig, ModelConfig
from midb.kernels.dispatch import Ops, ops_for
from midb.kernels.engine.graphs import StepGraphs
from midb.kernels.engine.step_batch import KeySpan, StepBatch
from midb.kernels.errors import EngineError
from midb.kernels.models.decoder import Decoder
from midb.kernels.ops import prefill

#: KV tokens of a CPU engine whose config names none.
_CPU_KV_TOKENS = 32_768

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.bfloat16}


class Runner:
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
        self.ops = ops or ops_for(self.device)
        self.max_model_len = min(config.max_model_len or model.max_positions, model.max_positions)
        self.model = Decoder(model, self.ops, self.device, self.dtype)
        with torch.inference_mode():
            self.model.load(Path(config.checkpoint), config.adapters, self.max_model_len)
            self.num_pages = -(-self._kv_tokens() // config.page_size)
            # Zeros: what a kernel reads beyond a sequence's end is multiplied by 0, and 0 times NaN is NaN.
            self.kv_cache = torch.zeros(self._kv_shape(self.num_pages), dtype=self.dtype, device=self.device)
        # Kernels for long prompts know no soft-cap; the paged one does.
        dense = self.device.type == "cuda" and not model.attention_softcap
        self.long_rows = prefill.LONG if dense else 0
        self.prefill_kernel: prefill.Varlen | None = None
        use_graphs = config.cuda_graphs and self.device.type == "cuda" and not config.adapters
        self.graphs = StepGraphs(self._forward, self) if use_graphs else None

    def _kv_shape(self, pages: int) -> tuple[int, ...]:
        model = self.model_config
        return model.num_layers, 2, pages * self.config.page_size, model.num_kv_heads, model.head_dim

    def _kv_tokens(self) -> int:
        asked = self.config.kv_tokens
        if asked and asked < self.max_model_len:
            raise EngineError(
                f"kv_tokens is {asked:,}, and one sequence may take {self.max_model_len:,}.",
                hint="Raise kv_tokens or set max_model_len.",
            )
        if asked or self.device.type == "cpu":
            return asked or max(_CPU_KV_TOKENS, self.max_model_len)
        free, total = torch.cuda.mem_get_info(self.device)
        per_token = torch.Size(self._kv_shape(1)).numel() // self.config.page_size * self.dtype.itemsize
        # Activations of one step: the widest are the feed-forward's, the fused gate and value with its product.
        step = self.config.step_tokens * self.dtype.itemsize * 4 * self.model_config.intermediate_size
        tokens = int((free - (1 - self.config.memory_share) * total - step) // per_token)
        if tokens < self.max_model_len:
            raise EngineError(
                f"{free / 2**30:.1f} GiB are free on {self.device}: too little for the KV of one sequence of "
                f"{self.max_model_len:,} tokens.",
                hint="Set max_model_len, or raise memory_share.",
            )
        return tokens

    @torch.inference_mode()
    def run(self, batch: StepBatch) -> list[int]:
        """One step: the token sampled at each sample row."""
        if self.graphs is not None and (sampled := self.graphs.run(batch)) is not None:
            return self.chosen(batch, sampled)
        return self.chosen(batch, self._forward(batch))

    def chosen(self, batch: StepBatch, sampled: Tensor) -> list[int]:
        """The sampled tokens on the host, which decides what is accepted: it needs these few hundred numbers anyway."""
        ids: list[int] = sampled.tolist()
        return ids

    def _forward(self, batch: StepBatch) -> Tensor:
        hidden = self.hidden(batch)
        if batch.sample_rows.numel() == 0:
            return batch.sample_rows
        return self.model.sample(hidden[batch.sample_rows.long()], batch.temperatures, batch.noise_keys)

    def hidden(self, batch: StepBatch) -> Tensor:
        """Hidden states of all rows, ``[rows, hidden]``; their KV is in the cache afterwards."""
        attend = Attention(self, batch)
        return self.model.forward(batch.token_ids, batch.positions, batch.slots, self.kv_cache, attend, batch.adapters)


class Attention:
    """What each row of one step attends to, layer by layer."""

    def __init__(self, runner: Runner, batch: StepBatch) -> None:
        self.runner, self.batch = runner, batch

    def __call__(self, layer: int, queries: Tensor) -> Tensor:
        """``[rows, heads, head_dim]`` of queries to the same of outputs."""
        model = self.runner.model_config
        window = model.windows[layer]
        if window or self.batch.prefix is None:
            out, _ = self._over(self.batch.whole, layer, queries, window=window)
            return self._with_prefill(out, layer, queries, window)
        shared, shared_lse = self._over(self.batch.prefix, layer, queries, causal=False)
        own, own_lse = self._over(self.batch.rest, layer, queries)
        out, _ = self.runner.ops.merge_states(shared, shared_lse, own, own_lse)
        return out

    def _with_prefill(self, out: Tensor, layer: int, queries: Tensor, window: int) -> Tensor:
        long, cache = self.batch.prefill, self.runner.kv_cache[layer]
        if long is None:
            return out
        scale = self.runner.model_config.attention_scale
        found = prefill.attend(
            queries[long.rows], cache[0], cache[1], long.slots, long.cu_seqlens_q, long.cu_seqlens_k,
            max_q=long.max_q, max_k=long.max_k, scale=scale, window=window, kernel=self.runner.prefill_kernel,
        )  # fmt: skip
        out[long.rows] = found
        return out

    def _over(
        self, span: KeySpan, layer: int, queries: Tensor, *, window: int = 0, causal: bool = True
    ) -> tuple[Tensor, Tensor]:
        runner = self.runner
        return runner.ops.paged_attention(
            queries,
            runner.kv_cache[layer, 0],
            runner.kv_cache[layer, 1],
            span.block_tables,
            span.cu_seqlens_q,
            span.seqlens_k if self.batch.prefill is None else self.batch.prefill.others,
            page_size=runner.config.page_size,
            scale=runner.model_config.attention_scale,
            window=window,
            softcap=runner.model_config.attention_softcap,
            causal=causal,
            max_seqlen_q=span.max_seqlen_q,
        )
