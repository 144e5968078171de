"""What an adapter learnt, from the replies that came back: base and adapter on the same held-out requests.

Nothing here judges the quality of a text. A reply is read by the code of a run; what it makes of a pair is held against
the pair and against what the example says is right.
"""

from __future__ import annotations

import json
import lzma
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import mean, median
from typing import Any

from rapidfuzz.distance import Levenshtein

from adapting.preparing import CHATS, find_pair, split_sections
from midb.agent.engines.protocol import FinishReason
from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer
from midb.agent.model.replies import ReplyError, parse_rewrite
from midb.agent.model.sections import make_tag
from midb.domain.pairs import InstructionPair
from midb.kernels.gguf.header import read_header
from midb.text.languages import LanguageIdentifier, join_samples, same_language
from midb.training.tuning.encoding import read_chats

#: A reply, or the figures of a group of them.
Row = dict[str, Any]


def score(out: Path, prepared: Path, base: Path) -> str:
    """Score the replies in ``out``, write ``scores.json`` beside them, and return a table for people."""
    tokenizer = ChatTokenizer(base, base.name, read_header(base).metadata if base.is_file() else None)
    chats = list(read_chats(prepared / CHATS))
    closing = set(tokenizer.find_stop_ids(()))
    identifier = LanguageIdentifier()
    rows = []
    with lzma.open(out / "replies.jsonl.xz", "rt", encoding="utf-8") as file:
        for line in file:
            reply = json.loads(line)
            rows.append(_read(reply, chats[reply["request"]], tokenizer, closing, identifier))
    # Both sides are compared on what both replied to.
    both = set.intersection(*({row["request"] for row in rows if row["side"] == side} for side in ("base", "tuned")))
    rows = [row for row in rows if row["request"] in both]
    groups = _group(rows)
    (out / "scores.json").write_text(json.dumps({"replies": rows, "groups": groups}, indent=1, ensure_ascii=False))
    return _format(groups)


def _read(reply: Row, chat: Row, tokenizer: ChatTokenizer, closing: set[int], identifier: LanguageIdentifier) -> Row:
    """One reply, read as a run reads it: cut at the end tag, if it came before the closing token."""
    nonce, laid_out = find_pair(chat)
    texts = split_sections(laid_out, nonce)
    pair = InstructionPair(**{field.value: text for field, text in texts.items()})
    target = parse_rewrite(chat["messages"][-1]["content"], FinishReason.STOP, pair, tuple(texts), nonce)
    ids = reply["ids"]
    closed = bool(ids) and ids[-1] in closing
    text = tokenizer.decode(ids[:-1] if closed else ids)
    end = make_tag("end", nonce)
    at_end = end in text
    finish = FinishReason.STOP_STRING if at_end else FinishReason.STOP if closed else FinishReason.LENGTH
    made, wrong = None, ""
    try:
        made = parse_rewrite(text.partition(end)[0] if at_end else text, finish, pair, tuple(texts), nonce)
    except ReplyError as error:
        wrong = error.reason.value
    written = join_samples(text for _, text in (made or pair).texts())
    found = identifier.identify(written)
    before, after = (sum(len(text.strip()) for _, text in one.texts()) for one in (pair, made or pair))
    return {
        "side": reply["side"], "request": reply["request"], "language": chat["language"], "pass": chat["pass"],
        "kind": chat["kind"], "finish": reply["finish"], "steps": reply["steps"], "tokens": len(ids),
        "drafted": reply["drafted"], "accepted": reply["accepted"], "stops": closed or at_end,
        "well_formed": made is not None, "wrong": wrong,
        "same": made is not None and _same(made, pair), "exact": made is not None and _same(made, target),
        "kept_language": None if made is None or _same(made, pair) or found is None
        else same_language(found, chat["language"]),
        "length": None if made is None or _same(made, pair) or not before else after / before,
        # What does not read as a reply leaves its pair as it was, as in a run.
        "to_target": _likeness(made or pair, target), "nothing_to_target": _likeness(pair, target),
        "target_length": sum(len(text.strip()) for _, text in target.texts()) / max(before, 1),
    }  # fmt: skip


def _likeness(one: InstructionPair, other: InstructionPair) -> float:
    """1 less Levenshtein's distance, as a share of the longer text, in characters."""
    texts = ["\n".join(text.strip() for _, text in pair.texts()) for pair in (one, other)]
    return Levenshtein.normalized_similarity(*texts)


def _same(one: InstructionPair, other: InstructionPair) -> bool:
    return [text.strip() for _, text in one.texts()] == [text.strip() for _, text in other.texts()]


def _group(rows: list[Row]) -> list[Row]:
    """Figures of each side over all replies, then by kind, pass and language."""
    groups = []
    keys: list[tuple[str, Callable[[Row], str]]] = [
        ("all", lambda row: "all"), ("kind", lambda row: str(row["kind"])), ("pass", lambda row: str(row["pass"])),
        ("language", lambda row: str(row["language"])),
    ]  # fmt: skip
    for by, find in keys:
        found: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in rows:
            found[find(row), row["side"]].append(row)
        for (name, side), members in sorted(found.items()):
            changed = [row for row in members if row["length"] is not None]
            groups.append(
                {
                    "by": by, "name": name, "side": side, "n": len(members),
                    "stops": _share(row["stops"] for row in members),
                    "well_formed": _share(row["well_formed"] for row in members),
                    "same": _share(row["same"] for row in members),
                    "exact": _share(row["exact"] for row in members),
                    "kept_language": _share(
                        row["kept_language"] for row in members if row["kept_language"] is not None
                    ),
                    "length": round(median(row["length"] for row in changed), 2) if changed else None,
                    "to_target": round(mean(row["to_target"] for row in members), 3),
                    "nothing_to_target": round(mean(row["nothing_to_target"] for row in members), 3),
                    "tokens_per_step": round(
                        sum(row["tokens"] for row in members) / max(sum(row["steps"] for row in members), 1), 2
                    ),
                }
            )  # fmt: skip
    return groups


def _share(values: Iterable[bool]) -> float | None:
    found = list(values)
    return round(sum(found) / len(found), 3) if found else None


def _format(groups: list[Row]) -> str:
    names = (
        "n", "stops", "well_formed", "same", "exact", "kept_language", "length", "to_target", "nothing_to_target",
        "tokens_per_step",
    )  # fmt: skip
    lines = [f"{'':24}{'side':7}" + "".join(f"{name:>18}" for name in names)]
    for group in groups:
        cells = "".join(f"{'-' if group[name] is None else group[name]:>18}" for name in names)
        lines.append(f"{group['by'] + ' ' + group['name']:24}{group['side']:7}{cells}")
    return "\n".join(lines)
