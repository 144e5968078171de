"""What a model does and what it has cost, in words for people. What an engine does not tell is left out."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from midb.dashboard.blocks import Block, make_lines
from midb.dashboard.state import Progress
from midb.dashboard.text import fit, format_count, format_share, pluralize, shorten
from midb.domain.events import ModelUsed, RunEnded
from midb.domain.generations import Usage

_LABEL = "model   "
_GAP = "   "


def draw_model(progress: Progress, width: int, most: int) -> Block:
    """The model's figures in at most ``most`` lines; where they find no room, the least telling are left out."""
    if not progress.with_model or most < 1:
        return make_lines([])
    figures = _list_figures(progress, progress.used) if progress.used else [Text("no reply yet")]
    room = width - cell_len(_LABEL)
    found: list[Text] = []
    for item in figures:
        if found and found[-1].cell_len + len(_GAP) + item.cell_len <= room:
            found[-1].append(_GAP).append_text(item)
        elif len(found) < most:
            found.append(item)
    labels = [Text(_LABEL, "bold"), *(Text(" " * len(_LABEL)) for _ in found[1:])]
    return make_lines(Text.assemble(label, line) for label, line in zip(labels, found, strict=True))


def _list_figures(progress: Progress, used: ModelUsed) -> list[Text]:
    """The most telling first."""
    usage = progress.usage
    since = _since(progress)
    failed = Text("failed calls 0")
    if usage.calls_failed:
        failed = Text(f"failed calls {format_count(usage.calls_failed)}{since}", "red")
    read, written = progress.tokens_per_second_overall
    ahead = f" ({format_count(used.ahead)} done ahead)" if used.ahead else ""
    figures = [
        Text(_describe_speed(progress)),
        Text(f"{pluralize(used.in_flight, 'record')} in flight{ahead}"),
        Text(_describe_coming(used)),
        Text(_describe_paid(usage)),
        Text(f"budget left {fit(used.budget_left, 30)}" if used.budget_left else ""),
        failed if usage.calls_failed else Text(""),
        Text(f"reused {pluralize(usage.reused, 'reply', 'replies')}{since}" if usage.reused else ""),
        Text(_describe_prefix_hits(usage)),
        Text(_describe_steps(usage)),
        Text(f"retries {format_count(usage.retries)}"),
        Text("") if usage.calls_failed else failed,
        Text(f"overall tokens/s in {_format_rate(read)}  out {_format_rate(written)}" if used.usage.tokens else ""),
    ]
    return [item for item in figures if item]


def describe_model(progress: Progress) -> list[str]:
    """What a line of a log file says of the model; nothing without one."""
    if progress.used is None:
        return []
    usage = progress.usage
    failed = [f"failed calls {format_count(usage.calls_failed)}{_since(progress)}"] if usage.calls_failed else []
    coming = [words] if (words := _describe_coming(progress.used)) else []
    return [_describe_speed(progress), _describe_paid(usage), *coming, *failed]


def describe_total(ended: RunEnded, progress: Progress) -> Text:
    """A run's use of the model in one line."""
    usage = (progress.behind.usage if progress.behind else Usage()) + ended.usage
    since = _since(progress)
    words = [pluralize(usage.calls, "call"), f"{shorten(usage.prompt_tokens)} tokens in"]
    words.append(f"{shorten(usage.completion_tokens)} out")
    if usage.reused:
        words.append(f"{pluralize(usage.reused, 'reply', 'replies')} reused from the log{since}")
    if usage.retries:
        words.append(pluralize(usage.retries, "retry", "retries"))
    text = Text(", ".join(words))
    if usage.calls_failed:
        text.append(", ").append(f"{pluralize(usage.calls_failed, 'call')} failed{since}", "red")
    return text


def _since(progress: Progress) -> str:
    """What stands behind figures that the log does not keep: all others are of the whole run."""
    return " since the resume" if progress.behind else ""


def _describe_speed(progress: Progress) -> str:
    read, written = progress.tokens_per_second
    return f"tokens/s in {_format_rate(read)}  out {_format_rate(written)}"


def _describe_coming(used: ModelUsed) -> str:
    """What a model is at: before its first reply the only sign of life, which on a slow machine takes minutes."""
    if not used.calls_in_flight:
        return ""
    tokens = f", {shorten(used.tokens_in_flight)} tokens of their replies so far" if used.tokens_in_flight else ""
    return f"{pluralize(used.calls_in_flight, 'call')} under way{tokens}"


def _describe_paid(usage: Usage) -> str:
    return f"tokens paid {shorten(usage.prompt_tokens)} in / {shorten(usage.completion_tokens)} out"


def _describe_prefix_hits(usage: Usage) -> str:
    if not usage.cached_tokens:
        return ""
    return f"prefix hits {format_share(usage.cached_tokens, usage.prompt_tokens)}"


def _describe_steps(usage: Usage) -> str:
    if not usage.steps:
        return ""
    drafts = f" (drafts accepted {format_share(usage.accepted, usage.drafted)})" if usage.drafted else ""
    return f"tokens/step {usage.completion_tokens / usage.steps:.1f}{drafts}"


def _format_rate(speed: float) -> str:
    return shorten(round(speed)) if speed >= 10 or not speed else f"{speed:.1f}"
