"""Runs steps: the model's forward over the KV blocks, and the sampled tokens back on the host."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from midb.kernels.config import EngineConfig, ModelConfig
from midb.kernels.dispatch import Ops, choose_ops
from midb.kernels.engine.graphs import MOST_ROWS, StepGraphs
from midb.kernels.engine.padding import plan_prompts
from midb.kernels.engine.step_batch import LEAST_CASCADE, Copied, KeySpan, Readback, Staging, StepBatch
from midb.kernels.engine.step_plan import NEVER_SHARED, SharedBounds, StepPlan
from midb.kernels.errors import EngineError
from midb.kernels.models.decoder import Decoder
from midb.kernels.models.fp8 import try_fp8
from midb.kernels.ops import prefill

#: Tokens that the KV cache of a CPU engine holds where its config names none: some thirty requests of a thousand.
_CPU_KV_TOKENS = 32_768

#: Memory that CUDA graphs take, in multiples of what the largest step takes. They share one pool, which holds what the
#: largest of them takes, and that is a smaller step than a long prompt's.
_GRAPHS_SHARE = 1

#: What an engine computes in, by the dtype of its checkpoint.
_DTYPES = {
    "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.bfloat16, "fp8": torch.bfloat16,
}  # fmt: skip


class ModelRunner:
    """A model with its KV cache on one device.

    :param ops: other ops than those of the device, for tests.
    """

    def __init__(self, config: EngineConfig, model: ModelConfig, *, ops: Ops | None = None) -> None:
        self.config, self.model_config = config, model
        self.device = choose_device(config.device)
        self.dtype = choose_dtype(config.dtype, model.dtype, self.device)
        self.ops = ops or choose_ops(self.device)
        self.max_model_len = min(config.max_model_len or model.max_positions, model.max_positions)
        fp8 = config.dtype == "fp8"
        if fp8:
            with self.on_device():
                try_fp8(self.device)
        self.model = Decoder(model, self.ops, self.device, self.dtype, fp8=fp8)
        self.staging = Staging(self.device)
        self.prefill = self._choose_prefill()
        with torch.inference_mode(), self.on_device():
            most = max(config.max_num_batched_tokens, MOST_ROWS)
            # Of the rows that were sampled last: what a constraint refuses is sampled again. Always the same memory,
            # which graphs write to.
            self.readback = Readback(self.device, most)
            self._sampled_hidden = torch.empty((most, model.hidden_size), dtype=self.dtype, device=self.device)
            self.model.load(Path(config.checkpoint), config.adapters, self.max_model_len)
            self.num_blocks = -(-self._choose_kv_tokens() // config.block_size)
            # Zeros: what a kernel reads beyond a sequence's end is multiplied by 0, and 0 times NaN is NaN.
            self.kv_cache = self._make_kv_cache(self.num_blocks)
        # Which experts a row chooses is read back to the host in the middle of a step, which no graph can do.
        use_graphs = config.cuda_graphs and self.device.type == "cuda" and model.experts is None
        self.graphs = StepGraphs(self._forward, self) if use_graphs else None

    @property
    def prefill_rows(self) -> int:
        """Rows of one sequence from which on ``prefill`` takes them; 0: the paged kernel takes any number."""
        return prefill.LEAST_ROWS if self.prefill.kernel is not None else 0

    def on_device(self) -> AbstractContextManager[object]:
        """Inside, launches and pinned memory belong to this runner's GPU, whichever is the current one outside."""
        return torch.cuda.device(self.device) if self.device.type == "cuda" else nullcontext()

    def _choose_prefill(self) -> prefill.ChosenKernel:
        model = self.model_config
        if self.device.type == "cpu" or self.dtype == torch.float32:  # the candidates compute in 16 bits
            return prefill.ChosenKernel("paged kernel", None, ())
        shape = prefill.AttentionShape(
            heads=model.num_heads,
            kv_heads=model.num_kv_heads,
            head_dim=model.head_dim,
            window=any(model.windows),
            softcap=model.attention_softcap,
        )
        with self.on_device(), torch.inference_mode():
            return prefill.choose_kernel(shape, self.device, self.dtype)

    def _make_kv_cache(self, num_blocks: int) -> Tensor:
        return torch.zeros(self._kv_cache_shape(num_blocks), dtype=self.dtype, device=self.device)

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
        if self.device.type == "cpu":
            return asked or max(_CPU_KV_TOKENS, self.max_model_len)
        step = self._measure_largest_step()  # also compiles kernels and warms libraries up
        if asked:
            return asked
        free, total = torch.cuda.mem_get_info(self.device)
        per_token = torch.Size(self._kv_cache_shape(1)).numel() // self.config.block_size * self.dtype.itemsize
        spare = step * (1 + _GRAPHS_SHARE if self.config.cuda_graphs else 1)
        tokens = int((free - (1 - self.config.gpu_memory_utilization) * total - spare) // per_token)
        if tokens < self.max_model_len:
            raise EngineError(
                f"{free / 2**30:.1f} GiB are free on {self.device}: too little for the KV of one sequence of "
                f"{self.max_model_len:,} tokens.",
                hint="Set max_model_len, or raise gpu_memory_utilization.",
            )
        return tokens

    def _measure_largest_step(self) -> int:
        """Measure the bytes that a step takes at most besides the weights and the KV, by running one."""
        config = self.config
        rows = config.max_num_batched_tokens
        plan = plan_prompts(
            rows,
            min(config.max_num_seqs, rows),
            longest=self.max_model_len,
            block_size=config.block_size,
            prefill=self.prefill.kernel is not None,
        )
        self.kv_cache = self._make_kv_cache(int(plan.all_keys.block_tables.max()) + 1)
        torch.cuda.synchronize(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        self._forward(self.staging.send(plan))
        torch.cuda.synchronize(self.device)
        peak = torch.cuda.max_memory_allocated(self.device) - before
        del self.kv_cache
        torch.cuda.empty_cache()
        return peak

    @property
    def shared(self) -> SharedBounds:
        """From when on a common beginning is attended to once for all."""
        return LEAST_CASCADE[self.device.type] if self.config.cascade_attention else NEVER_SHARED

    def capture(self, plan: StepPlan) -> None:
        """Capture the graph that a step needs, if steps of its kind come often and there is none yet."""
        if self.graphs is not None:
            with torch.inference_mode():
                self.graphs.capture(plan)

    @torch.inference_mode()
    def launch(self, plan: StepPlan) -> Copied:
        """Begin to compute one step; a GPU computes it behind what was launched before."""
        sampled = self.graphs.run(plan) if self.graphs is not None else None
        if sampled is None:
            sampled = self._forward(self.staging.send(plan))
        return self.readback.send(sampled)

    def read_sampled(self, plan: StepPlan, copied: Copied) -> list[int]:
        """Wait for the end of a launched step; returns the token sampled at each sample row."""
        return copied.read()

    def _forward(self, batch: StepBatch) -> Tensor:
        hidden = self.compute_hidden(batch)
        if batch.sample_rows.numel() == 0:
            return batch.sample_rows
        kept = self._sampled_hidden[: len(batch.sample_rows)]
        torch.index_select(hidden, 0, batch.sample_rows, out=kept)
        return self.model.sample(kept, batch.temperatures, batch.noise_keys)

    @torch.inference_mode()
    def sample_again(self, plan: StepPlan, places: list[int], allowed: list[NDArray[np.bool_]]) -> list[int]:
        """Sample rows of the last step once more, from some ids only.

        :param places: of the samples, counted as ``run`` returns them.
        :param allowed: for each of them which ids it may be, as ``Constraint.allow`` says it.
        """
        mask = np.zeros((len(places), self.model_config.vocab_size), dtype=np.bool_)
        for row, ids in zip(mask, allowed, strict=True):
            row[: len(ids)] = ids[: len(row)]
        temperatures, noise_keys = plan.temperatures[places], plan.noise_keys[places]
        numbers = (torch.from_numpy(array).to(self.device) for array in (temperatures, noise_keys, mask))
        rows = torch.tensor(places, device=self.device)
        sampled: list[int] = self.model.sample(self._sampled_hidden[rows], *numbers).tolist()
        return sampled

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
        long, cache, kernel = self.batch.prefill, self.runner.kv_cache[layer], self.runner.prefill.kernel
        if long is None or kernel is None:
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
            softcap=self.runner.model_config.attention_softcap,
            kernel=kernel,
        )

    def _attend_to(
        self, span: KeySpan, layer: int, queries: Tensor, *, window: int = 0, causal: bool = True
    ) -> tuple[Tensor, Tensor]:
        runner, long = self.runner, self.batch.prefill
        return runner.ops.paged_attention(
            queries,
            runner.kv_cache[layer, 0],
            runner.kv_cache[layer, 1],
            span.block_tables,
            span.cu_seqlens_q,
            span.seqlens_k if long is None else long.other_seqlens_k,
            block_size=runner.config.block_size,
            scale=runner.model_config.attention_scale,
            window=window,
            softcap=runner.model_config.attention_softcap,
            causal=causal,
            max_seqlen_q=span.max_seqlen_q if long is None else long.other_max_seqlen_q,
        )


def choose_device(name: str) -> torch.device:
    """Choose the device of a name; "cuda" is the current GPU, by its number. Raises EngineError if it is not there."""
    device = torch.device(name)
    if device.type != "cuda":
        return device
    if not torch.cuda.is_available():
        raise EngineError("No CUDA device is at hand.", hint='Use device="cpu", or install torch with CUDA.')
    number = torch.cuda.current_device() if device.index is None else device.index
    if number >= torch.cuda.device_count():
        raise EngineError(f"There is no {name}.", hint=f"GPUs here: {torch.cuda.device_count()}, numbered from 0.")
    return torch.device("cuda", number)


def choose_dtype(asked: str, stated: str, device: torch.device) -> torch.dtype:
    """Choose what to compute in.

    "auto" is what the checkpoint states, but bf16 where that is fp16, which overflows. On a GPU it is bf16 always:
    there are no matrix instructions for fp32. fp32 can be asked for there too: it is exact, and slow.

    :raises EngineError: if the checkpoint states what the engine does not know.
    """
    name = stated if asked == "auto" else asked
    if name not in _DTYPES:
        raise EngineError(f'The checkpoint is in "{name}".', hint='Choose dtype="float32" or "bfloat16".')
    if asked == "auto" and device.type == "cuda":
        return torch.bfloat16
    return _DTYPES[name]
