"""A whole talk in one text is known by its marks, and what only looks like one is not."""

from __future__ import annotations

from typing import Any

import pytest

from midb.corpus.layouts import LayoutFinder, RecordError, parse_mapping
from midb.corpus.layouts.one_text import find_talk

TALKS = [
    "### Human: Wie backt man Brot?### Assistant: Man mischt Mehl und Wasser.",
    "\n\nHuman: Wie backt man Brot?\n\nAssistant: Man mischt Mehl.\n\nHuman: Danke.\n\nAssistant: Gern.",
    "<s>[INST] Wie backt man Brot? [/INST] Man mischt Mehl und Wasser. </s>",
    "<|im_start|>system\nHilf.<|im_end|>\n<|im_start|>user\nWie?<|im_end|>\n<|im_start|>assistant\nSo.<|im_end|>",
    "USER: Wie backt man Brot? ASSISTANT: Man mischt Mehl und Wasser.",
    "Below is an instruction.\n\n### Instruction:\nWie?\n\n### Response:\nMan mischt Mehl.",
    "<|prompter|>Wie?<|endoftext|><|assistant|>So.<|endoftext|>",
    "<start_of_turn>user\nWie?<end_of_turn>\n<start_of_turn>model\nSo.<end_of_turn>",
]


@pytest.mark.parametrize("text", TALKS)
def test_a_record_that_has_nothing_but_a_talk_has_no_pair(text: str) -> None:
    for record, finder in (
        ({"text": text}, LayoutFinder()),
        ({"chosen": text, "rejected": text}, LayoutFinder()),
        ({"instruction": text}, LayoutFinder()),
        ({"text": text}, LayoutFinder(parse_mapping("instruction=text"))),
    ):
        with pytest.raises(RecordError, match="holds a whole talk in one text") as caught:
            finder.find(record)
        assert caught.value.reason == "talk-in-one-text"


@pytest.mark.parametrize(
    "text",
    [
        "Human: Wie backt man Brot?\n\nAssistant:",  # nobody answered yet
        "Schreibe ein Gespräch. Human: Wie?\n\nAssistant: So.",  # it begins as an instruction
        "Wie backt man Brot?",
        "### Instruction:\nWie?",
        "[INST] Wie? [/INST]",
        "User: wer ist das",
        "",
    ],
)
def test_what_is_no_whole_talk(text: str) -> None:
    assert find_talk(text) == ""
    assert LayoutFinder().find({"instruction": text}).name == "prompts only"


@pytest.mark.parametrize("more", [{"output": "So."}, {"chosen": "So.", "rejected": "Nein."}])
def test_a_question_that_holds_the_talk_before_it_is_one(more: dict[str, Any]) -> None:
    record = {"prompt": f"{TALKS[1]}\n\nHuman: Wie lange?\n\nAssistant:", **more}
    assert LayoutFinder().find(record).slots(record)[0].pair.response == "So."
