"""Texts for the benchmarks of drafting: real revisions, seeded edits, and the tokenizer that both are cut with."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: Entries of the vocabulary that is trained on the corpora; one of this size gives about 220 tokens per pair.
VOCABULARY = 48_000

#: Pairs of each language that are replayed.
PAIRS = 32

#: Most tokens of a text, as the passes cut them.
LONGEST = 700

#: Shares of tokens that the seeded edits change.
EDITS = (0.01, 0.03, 0.06, 0.12)

Tokens = Sequence[int]


@dataclass(frozen=True)
class Text:
    """A request and what came of it. ``prompt`` holds the reference, as a rewriting prompt does."""

    prompt: list[int]
    reference: list[int]
    output: list[int]


def edit(tokens: Tokens, share: float, pool: Tokens, chance: random.Random) -> list[int]:
    """Substitute, insert and delete spans of 1 to 4 tokens, until about ``share`` of the tokens are touched."""
    output: list[int] = []
    place = 0
    while place < len(tokens):
        if chance.random() < share / 2.5:
            kind, size = chance.choice(("substitute", "insert", "delete")), chance.randint(1, 4)
            if kind != "delete":
                output += chance.choices(pool, k=size)
            if kind != "insert":
                place += size
                continue
        output.append(tokens[place])
        place += 1
    return output


def train_tokenizer(corpora: Path) -> Tokenizer:
    """Train a byte-level BPE on the corpora."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<end>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (
        text
        for path in sorted(corpora.glob("*.jsonl"))
        for line in path.open(encoding="utf-8")
        for key, text in json.loads(line).items()
        if key in ("instruction", "input", "output")
    )
    made.train_from_iterator(texts, trainer)
    return made


def read_cases(revisions: Path, made: Tokenizer, pairs: int = PAIRS, seed: int = 0) -> dict[str, dict[str, list[Text]]]:
    """Read texts by language and case, from a sample of expert revisions."""
    (end,) = made.encode("<end>").ids
    texts: dict[str, dict[str, list[Text]]] = {}
    for path in sorted(revisions.glob("*.json")):
        rows = json.loads(path.read_text(encoding="utf-8"))
        chance = random.Random(seed)  # the same numbers, so mostly the same examples, in every language
        by_case: dict[str, list[Text]] = defaultdict(list)
        for number in chance.sample(range(len(rows) - 1), min(4 * pairs, len(rows) - 1)):
            row = rows[number]
            if not {"Raw Response", "Revised Response"} <= row.keys() or len(by_case["unchanged"]) == pairs:
                continue
            raw, revised = (
                [str(row.get(f"{side} {part}") or "") for part in ("Instruction", "Input", "Response")]
                for side in ("Raw", "Revised")
            )
            before, after = ([t for t in parts if t.strip()] for parts in (raw, revised))
            pair, new = (made.encode("\n\n".join(parts)).ids for parts in (before, after))
            response, new_response = (made.encode(parts[2]).ids for parts in (raw, revised))
            if not response or not new_response or max(len(pair), len(new)) > LONGEST:
                continue
            mark = made.encode("\n\n###\n\n").ids
            prompt = pair + mark
            by_case["expert pair"].append(Text(prompt, [*pair, end], [*new, end]))
            by_case["expert response"].append(Text(prompt, [*response, end], [*new_response, end]))
            by_case["unchanged"].append(Text(prompt, [*pair, end], [*pair, end]))
        kept = by_case["unchanged"]
        pool = [token for text in kept for token in text.prompt[: -len(mark)]] if kept else []
        for share in EDITS:
            for text in kept:
                output = [*edit(text.reference[:-1], share, pool, chance), end]
                by_case[f"edits {share:.0%}"].append(Text(text.prompt, text.reference, output))
        texts[path.stem] = dict(by_case)
    return texts
