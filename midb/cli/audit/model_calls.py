"""How what a model was asked, and what it answered, looks on a terminal; nothing of it gets there as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from midb.audit.questions.usage import GenerationRow
from midb.audit.rows import DecisionRow, LoggedRecord
from midb.dashboard.text import pluralize
from midb.text.terminal import isolated, visible

#: (role, content) of what was sent.
Messages = Sequence[tuple[str, str]]


def show_generations(console: Console, logged: LoggedRecord, generations: Mapping[int, GenerationRow]) -> None:
    """A line for each decision that a model was asked for: the prompt's hash, tokens, how the reply ended, and the
    adapter that wrote it."""
    asked = [d for d in logged.decisions if d.prompt_hash is not None or d.generation_id is not None]
    names = [_describe_call(decision, turns=logged.row.pairs > 1) for decision in asked]
    widest = max(map(len, names), default=0)
    for index, (decision, name) in enumerate(zip(asked, names, strict=True)):
        prompt = f"prompt {visible((decision.prompt_hash or '–')[:8])}  "
        line = Text(f" {'' if index else 'model':<7} {name:<{widest}}  {prompt}")
        generation = generations.get(decision.generation_id or 0)
        if decision.generation_id is None:
            line.append("no reply", style="red")
        elif generation is None:
            line.append(f"generation {decision.generation_id} is missing from the log", style="red")
        else:
            line.append(f"{pluralize(generation.prompt_tokens, 'token')} in, {generation.completion_tokens:,} out  ")
            complete = generation.finish_reason in ("stop", "stop-string")
            line.append(visible(generation.finish_reason), style="default" if complete else "yellow")
            if generation.adapter:
                line.append(f"  by {visible(generation.adapter)}")
        console.print(line, soft_wrap=True)


def show_prompts(
    console: Console, logged: LoggedRecord, generations: Mapping[int, GenerationRow], prompts: Mapping[int, Messages]
) -> None:
    """Whole prompts and completions, each once, in the order in which they were asked."""
    if not generations:
        console.print(Text(" model   no model was asked about this record"), soft_wrap=True)
    done: set[int] = set()
    for decision in logged.decisions:
        generation = generations.get(decision.generation_id or 0)
        if generation is None or generation.id in done:
            continue
        done.add(generation.id)
        name = _describe_call(decision, turns=logged.row.pairs > 1)
        console.print()
        console.print(Text(f"{name} · generation {generation.id}", style="bold"), soft_wrap=True)
        for label, text in (
            ("prompt", generation.prompt_hash), ("engine", generation.engine), ("adapter", generation.adapter),
            ("sampling", generation.sampling),
        ):  # fmt: skip
            if not text:
                continue
            console.print(Text(f"  {label:<9} {isolated(text)}"), soft_wrap=True)
        for role, content in prompts.get(generation.id, ()):
            _show_text(console, role, content)
        _show_text(console, f"completion ({generation.finish_reason})", generation.completion)


def _describe_call(decision: DecisionRow, *, turns: bool) -> str:
    turn = f"turn {decision.pair + 1} " if turns else ""
    return visible(f"{turn}{decision.pass_}" + (f", attempt {decision.attempt}" if decision.attempt > 1 else ""))


def _show_text(console: Console, heading: str, text: str) -> None:
    """A text with its real line breaks; the bar keeps a line of it from looking like one of ours."""
    console.print(Text(f"  {visible(heading)}", style="bold"), soft_wrap=True)
    for line in text.split("\n"):
        console.print(Text(f"  │ {isolated(line)}".rstrip()), soft_wrap=True)


def generation_json(generation: GenerationRow | None, prompt: Messages | None) -> dict[str, Any] | None:
    """A generation for scripts; with the texts where the prompt is given."""
    if generation is None:
        return None
    values: dict[str, Any] = {
        "id": generation.id, "engine": generation.engine, "adapter": generation.adapter or None,
        "sampling": generation.sampling,
        "prompt_tokens": generation.prompt_tokens, "completion_tokens": generation.completion_tokens,
        "cached_tokens": generation.cached_tokens, "finish_reason": generation.finish_reason,
        "seconds": generation.seconds,
    }  # fmt: skip
    if prompt is not None:
        values["prompt"] = [{"role": role, "content": content} for role, content in prompt]
        values["completion"] = generation.completion
    return values
