"""What a model does and what it has cost, in words for people. What an engine does not tell is left out."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from midb.dashboard.blocks import Block, lines
from midb.dashboard.state import Progress
from midb.dashboard.text import count, plural, share, short, shown
from midb.domain.events import ModelUsed
from midb.domain.generations import Usage

_LABEL = "model   "
_GAP = "   "


def model_block(progress: Progress, width: int, most: int) -> Block:
    """The model's figures in at most ``most`` lines; where they find no room, the least telling are left out."""
    if not progress.with_model or most < 1:
        return lines([])
    figures = _figures(progress, progress.used) if progress.used else [Text("no reply yet")]
    room = width - cell_len(_LABEL)
    found: list[Text] = []
    for item in figures:
        if found and found[-1].cell_len + len(_GAP) + item.cell_len <= room:
            found[-1].append(_GAP).append_text(item)
        elif len(found) < most:
            found.append(item)
    labels = [Text(_LABEL, "bold"), *(Text(" " * len(_LABEL)) for _ in found[1:])]
    return lines(Text.assemble(label, line) for label, line in zip(labels, found, strict=True))


def _figures(progress: Progress, used: ModelUsed) -> list[Text]:
    """The most telling first."""
    usage = used.usage
    failed = Text(f"failed calls {count(usage.calls_failed)}", "red" if usage.calls_failed else "")
    read, written = progress.tokens_per_second_overall
    figures = [
        Text(_speed_words(progress)),
        Text(f"in flight {count(used.in_flight)}" + (f" ({count(used.ahead)} done ahead)" if used.ahead else "")),
        Text(_paid_words(usage)),
        Text(f"budget left {shown(used.budget_left, 30)}" if used.budget_left else ""),
        failed if usage.calls_failed else Text(""),
        Text(f"reused {plural(usage.reused, 'reply', 'replies')}" if usage.reused else ""),
        Text(_prefix_words(usage)),
        Text(_step_words(usage)),
        Text(f"retries {count(usage.retries)}"),
        Text("") if usage.calls_failed else failed,
        Text(f"overall in {_rate(read)}  out {_rate(written)}" if usage.tokens else ""),
    ]
    return [item for item in figures if item]


def progress_words(progress: Progress) -> list[str]:
    """What a line of a log file says of the model; nothing without one."""
    if progress.used is None:
        return []
    usage = progress.used.usage
    failed = [f"failed calls {count(usage.calls_failed)}"] if usage.calls_failed else []
    return [_speed_words(progress), _paid_words(usage), *failed]


def total_text(usage: Usage) -> Text:
    """A run's use of the model in one line."""
    words = [plural(usage.calls, "call"), f"{short(usage.prompt_tokens)} tokens in"]
    words.append(f"{short(usage.completion_tokens)} out")
    if usage.reused:
        words.append(f"{plural(usage.reused, 'reply', 'replies')} re-used from the log")
    if usage.retries:
        words.append(plural(usage.retries, "retry", "retries"))
    text = Text(", ".join(words))
    if usage.calls_failed:
        text.append(", ").append(f"{plural(usage.calls_failed, 'call')} failed", "red")
    return text


def _speed_words(progress: Progress) -> str:
    read, written = progress.tokens_per_second
    return f"tokens/s in {_rate(read)}  out {_rate(written)}"


def _paid_words(usage: Usage) -> str:
    return f"paid {short(usage.prompt_tokens)} in / {short(usage.completion_tokens)} out"


def _prefix_words(usage: Usage) -> str:
    if not usage.cached_tokens:
        return ""
    return f"prefix hits {share(usage.cached_tokens, usage.prompt_tokens)}"


def _step_words(usage: Usage) -> str:
    if not usage.steps:
        return ""
    drafts = f" (drafts accepted {share(usage.accepted, usage.drafted)})" if usage.drafted else ""
    return f"tokens/step {usage.completion_tokens / usage.steps:.1f}{drafts}"


def _rate(speed: float) -> str:
    return short(round(speed)) if speed >= 10 or not speed else f"{speed:.1f}"
