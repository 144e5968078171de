"""transformers' Trainer for an adapter: our batches, loss on replies only, states without pickle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from midb.training.tuning.batching import BatchOrder, cut_batches
from midb.training.tuning.collating import IGNORED, collate, compute_loss
from midb.training.tuning.encoded import EncodedExample
from midb.training.tuning.settings import TuningSettings
from midb.training.tuning.states import (
    load_adapter,
    load_chance,
    load_optimizer,
    save_adapter,
    save_chance,
    save_checkpoint,
    save_optimizer,
)
from midb.training.tuning.watching import NotFiniteError

#: transformers' own file for where a training stands.
_STATE = "trainer_state.json"


class AdapterTrainer(Trainer):
    """Trains the adapter of a model.

    :param folder: where checkpoints go.
    """

    #: The loss is divided by all learnt tokens of a step, whatever number of batches it has.
    loss_is_scaled_for_ga = True

    def __init__(
        self,
        model: Any,
        settings: TuningSettings,
        examples: Sequence[EncodedExample],
        folder: Path,
        *,
        pad_id: int = 0,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        device = next(model.parameters()).device
        arguments = TrainingArguments(
            output_dir=str(folder),
            max_steps=1,  # set below, when the number of processes is known
            per_device_train_batch_size=1,
            gradient_accumulation_steps=settings.accumulate,
            learning_rate=settings.lr,
            lr_scheduler_type=settings.schedule if settings.schedule != "constant" else "constant_with_warmup",
            weight_decay=settings.weight_decay,
            max_grad_norm=settings.clip,
            optim="adamw_torch",
            seed=settings.seed,
            use_cpu=device.type == "cpu",
            bf16=device.type == "cuda" and next(model.get_base_model().parameters()).dtype == torch.bfloat16,
            logging_steps=1,
            logging_nan_inf_filter=False,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            ddp_find_unused_parameters=False,
            log_level="error",
        )
        if arguments.world_size == 1:
            arguments._n_gpu = min(arguments.n_gpu, 1)  # several GPUs are several processes, never threads
        batches = cut_batches([example.length for example in examples], settings.batch_tokens, settings.seed)
        share = (arguments.process_index, arguments.world_size)
        self.order = BatchOrder(batches, settings.epochs, settings.seed, share)
        steps = math.ceil(len(self.order) / settings.accumulate)
        arguments.max_steps = min(steps, settings.max_steps) if settings.max_steps else steps
        arguments.warmup_steps = round(settings.warmup * arguments.max_steps)
        self.folder = folder
        self.tokens = 0  # computed so far, padding not counted
        self._pad_id = pad_id
        self._examples: Any = list(examples)
        super().__init__(model, arguments, train_dataset=self._examples, callbacks=list(callbacks))
        self.remove_callback(PrinterCallback)
        self.model_accepts_loss_kwargs = True

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return int(self.args.max_steps)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The batches of all epochs; each process makes its own share of them."""

        def make(examples: list[EncodedExample]) -> dict[str, Any]:
            return collate(examples, self._pad_id)

        return DataLoader(self._examples, batch_sampler=self.order, collate_fn=make)

    def get_batch_samples(
        self, epoch_iterator: Any, num_batches: int, device: torch.device
    ) -> tuple[list[dict[str, Any]], torch.Tensor]:
        """The batches of a step, and how many tokens all processes learn in it."""
        samples = [batch for _ in range(num_batches) if (batch := next(epoch_iterator, None)) is not None]
        counted = [
            sum(int((batch["labels"] != IGNORED).sum()) for batch in samples),
            sum(batch["tokens"] for batch in samples),
        ]
        both = torch.tensor(counted, device=device)
        if self.args.world_size > 1:
            both = self.accelerator.reduce(both, reduction="sum")
        self.tokens += int(both[1])
        return samples, both[0]

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """The loss of a batch: its share of the mean over all learnt tokens of the step."""
        losses = compute_loss(model, inputs)
        count = len(losses) if num_items_in_batch is None else num_items_in_batch
        # Gradients are averaged over processes; the count is of all of them.
        loss = losses.sum() / count * self.args.world_size
        return (loss, None) if return_outputs else loss

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Forward and backward of a batch; raises NotFiniteError where the loss is no number."""
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        if not torch.isfinite(loss):
            raise NotFiniteError(f"the loss of step {self.state.global_step + 1:,} is not a number.")
        return loss

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Not counted: it would take time in each step."""
        return 0

    def agree(self, wish: bool) -> bool:
        """Whether any of the processes that train together has a wish: all must end after the same step."""
        if self.args.world_size == 1:
            return wish
        wishes = self.accelerator.gather(torch.tensor([int(wish)], device=self.args.device))
        return bool(wishes.sum())

    def drop_bad_gradients(self) -> bool:
        """Drop all gradients of a step where one is no number: the step then changes nothing. Whether that was so."""
        model: Any = self.model
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        if not gradients or torch.isfinite(torch.nn.utils.get_total_norm(gradients)):
            return False
        for parameter in model.parameters():
            parameter.grad = None
        return True

    def save(self) -> None:
        """Write a checkpoint of where the training stands; raises MidbError."""
        self._save_checkpoint(self.model, None)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        def write(folder: Path) -> None:
            save_adapter(folder, self.accelerator.unwrap_model(self.model))
            save_optimizer(folder, self.optimizer, self.lr_scheduler)
            save_chance(folder, self.args.process_index)
            self.state.save_to_json(str(folder / _STATE))

        if self.args.should_save:
            save_checkpoint(self.folder, self.state.global_step, write)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_adapter(Path(resume_from_checkpoint), model or self.model)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            load_optimizer(Path(checkpoint), self.optimizer, self.lr_scheduler)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            load_chance(Path(checkpoint), self.args.process_index)

    def _load_scaler(self, checkpoint: str | None) -> None:
        """There is none: bf16 needs no scaling."""
