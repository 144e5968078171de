"""The loss of right replies: how surprising a model finds what it should have said. By transformers, and peft."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from midb.agent.engines.adapters import Adapter
from midb.training.examples.example import TrainingExample
from midb.training.tuning.encoding import ChatEncoder, encode
from midb.training.writing import as_chat

#: Tokens of a batch, padding included.
_BATCH_TOKENS = 8192


@dataclass(slots=True)
class LossMeter:
    """Measures losses of one model with any of its adapters. It loads the model when it is first asked.

    :param base: folder or GGUF file of the model; ``name`` what people call it.
    :param longest: tokens of an example at most; longer ones have no loss.
    :raises UsageError: where the model cannot be loaded.
    """

    base: Path
    name: str
    encoder: ChatEncoder
    device: str = "auto"
    longest: int = 4096
    _model: Any = None

    def __call__(self, examples: Sequence[TrainingExample], adapter: Adapter | None) -> list[tuple[float, int] | None]:
        """The summed loss of each example's reply, in nats, and its tokens; None for an example that is too long."""
        return self.measure([as_chat(example) for example in examples], adapter)

    def measure(self, chats: Sequence[Mapping[str, Any]], adapter: Adapter | None) -> list[tuple[float, int] | None]:
        """As for examples, of chats as they are written; each ends with its right reply."""
        from midb.training.tuning.measuring import measure_loss
        from midb.training.tuning.model import choose_device, load_base

        if self._model is None:
            self._model = load_base(self.base, self.name, choose_device(self.device))
        # The rows of a measurement are by language: here each example is told apart by its number.
        encoded = [
            replace(one, language=str(number))
            for number, chat in enumerate(chats)
            for one in encode([chat], self.encoder, self.longest).examples
        ]
        if adapter is None:
            rows = measure_loss(self._model, encoded, _BATCH_TOKENS)
        else:
            from peft import PeftModel

            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # peft asks by names that transformers will change
                tuned = PeftModel.from_pretrained(self._model, str(adapter.folder))
            try:
                rows = measure_loss(tuned, encoded, _BATCH_TOKENS)
            finally:
                self._model = tuned.unload()
        parts: list[tuple[float, int] | None] = [None] * len(chats)
        for row in rows:
            parts[int(row["language"])] = (row["loss"] * row["tokens"], row["tokens"])
        return parts
