"""The loss of right replies, held against the likelihoods that transformers computes one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("peft", reason="an extra: pip install '.[train]'")

from learned import make  # noqa: E402
from tiny_adapters import make_adapter  # noqa: E402

from midb.agent.engines.adapters import find_adapter  # noqa: E402
from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer  # noqa: E402
from midb.domain.pairs import InstructionPair  # noqa: E402
from midb.training.examples.example import ExampleKind  # noqa: E402
from midb.training.examples.plain import make_chat  # noqa: E402
from midb.training.measuring.losses import LossMeter  # noqa: E402
from midb.training.writing import as_chat  # noqa: E402

EXAMPLES = [make(kind, 1) for kind in ExampleKind]


def test_it_is_the_likelihood_of_the_reply_and_its_end(tiny_checkpoint: Path, tmp_path: Path) -> None:
    tokenizer = ChatTokenizer(tiny_checkpoint, "tiny")
    meter = LossMeter(tiny_checkpoint, "tiny", tokenizer, "cpu")
    plain = meter(EXAMPLES, None)
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny_checkpoint, dtype=torch.float32)
    for example, part in zip(EXAMPLES, plain, strict=True):
        prompt = tokenizer.encode_chat(example.messages)
        reply = tokenizer.encode_reference(example.completion)
        with torch.inference_mode():
            logits = model(torch.tensor([prompt + reply])).logits[0].log_softmax(-1)
        expected = -sum(float(logits[len(prompt) - 1 + place, token]) for place, token in enumerate(reply))
        assert part is not None
        assert part[1] == len(reply)
        assert part[0] == pytest.approx(expected, rel=1e-4)
    adapter = find_adapter(str(make_adapter(tmp_path / "style", tiny_checkpoint, task_type="CAUSAL_LM")))
    adapted = meter(EXAMPLES, adapter)
    assert all(one is not None and other is not None for one, other in zip(plain, adapted, strict=True))
    assert [one and round(one[0], 3) for one in adapted] != [one and round(one[0], 3) for one in plain]
    again = meter(EXAMPLES, None)
    assert [one and one[0] for one in again] == pytest.approx([one and one[0] for one in plain]), "it is taken off"


def test_plain_chats_have_a_loss_as_well(tiny_checkpoint: Path) -> None:
    pair = InstructionPair(instruction="Nenne eine Farbe.", response="Rot.")
    chat = make_chat(pair, language="de", row="1", name="a")
    meter = LossMeter(tiny_checkpoint, "tiny", ChatTokenizer(tiny_checkpoint, "tiny"), "cpu")
    assert meter.measure([as_chat(EXAMPLES[0]), chat], None)[0] == pytest.approx(meter(EXAMPLES[:1], None)[0])
    assert meter.measure([chat], None)[0] is not None


def test_what_is_too_long_has_none(tiny_checkpoint: Path) -> None:
    tokenizer = ChatTokenizer(tiny_checkpoint, "tiny")
    longest = len(tokenizer.encode_chat(EXAMPLES[1].messages)) + len(tokenizer.encode_reference(EXAMPLES[1].completion))
    meter = LossMeter(tiny_checkpoint, "tiny", tokenizer, "cpu", longest)
    found = meter(EXAMPLES, None)
    assert found[1] is not None
    assert found[0] is None, "its reply is longer"
