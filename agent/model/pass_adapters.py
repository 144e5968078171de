"""Which adapter answers which pass of a run, with which prompts, and what the log says of it. Asks nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from midb.agent.engines.adapter_manifest import CHAT
from midb.agent.engines.adapters import Adapter
from midb.agent.engines.protocol import TextEngine
from midb.agent.model.settings import PassAdapter
from midb.domain.decisions import Pass
from midb.domain.errors import UsageError
from midb.prompts import FULL, SHORT, PromptSet, load_prompts


def give_to_passes(
    given: Mapping[str, str], passes: Iterable[Pass], find: Callable[[str], Adapter], warn: Callable[[str], None]
) -> dict[Pass, Adapter]:
    """Which adapter answers which of some passes.

    :param given: an adapter by the name of its pass; by "" that of all passes which have no other, as far as it was
        trained for them.
    :raises UsageError: for an adapter that none of the passes would ask, or that learnt to answer and not to revise.
    """
    chosen: dict[Pass, Adapter] = {}
    found = {name: find(name) for name in dict.fromkeys(given.values())}
    for adapter in found.values():
        if adapter.manifest is not None and adapter.manifest.prompts == CHAT:
            raise UsageError(
                f"the adapter {adapter.label} learnt to answer instructions, and not to revise pairs.",
                hint="midb-agent train makes boosters from revisions.",
            )
    for pass_ in passes:
        if (own := given.get(pass_.value)) is not None:
            chosen[pass_] = found[own]
            if found[own].passes and pass_.value not in found[own].passes:
                trained = ", ".join(found[own].passes)
                warn(f"the adapter {found[own].label} was not trained for {pass_.value}, but for {trained}")
        elif "" in given and (not found[given[""]].passes or pass_.value in found[given[""]].passes):
            chosen[pass_] = found[given[""]]
    for pass_name, name in given.items():
        if not any(adapter is found[name] for adapter in chosen.values()):
            trained = ", ".join(found[name].passes)
            if pass_name:
                hint = f"Leave --passes out, or add {pass_name}."
            else:
                hint = f"It was trained for {trained}." if trained else "Each of them has one of its own."
            raise UsageError(f"no pass of this run would ask the adapter {found[name].label}.", hint=hint)
    return chosen


def choose_prompts(
    adapters: Mapping[Pass, Adapter], prompts: PromptSet, warn: Callable[[str], None]
) -> dict[Pass, PassAdapter]:
    """What the passes that adapters answer are asked with: the prompts that each was trained with.

    :param prompts: those of the run.
    :raises UsageError: where an adapter was trained with prompts of its user's own, and the run has others.
    """
    short = load_prompts(style=SHORT) if any(_is_short(adapter) for adapter in adapters.values()) else None
    chosen = {}
    for pass_, adapter in adapters.items():
        own = short if _is_short(adapter) else None
        chosen[pass_] = PassAdapter(name=adapter.name, prompts=own)
        if not (other := _list_changed(adapter, pass_, own or prompts)):
            continue
        said = f"the adapter {adapter.label} was trained with other prompts for {pass_.value} ({', '.join(other)})"
        if adapter.manifest and adapter.manifest.prompts not in (FULL, SHORT):
            raise UsageError(f"{said}.", hint="Give the folder that it was trained with: --prompts FOLDER")
        warn(f"{said}: its replies may be worse than in training")
    return chosen


def _is_short(adapter: Adapter) -> bool:
    return adapter.manifest is not None and adapter.manifest.prompts == SHORT


def _list_changed(adapter: Adapter, pass_: Pass, prompts: PromptSet) -> list[str]:
    """The prompts of a pass that are not those the adapter was trained with."""
    known = adapter.manifest.prompt_hashes if adapter.manifest else {}
    names = (f"{pass_.value}.system", "rewrite.user")
    return [name for name in names if name in known and known[name] != prompts[name].sha256]


def name_prompts(adapters: Mapping[Pass, PassAdapter]) -> dict[str, str]:
    """SHA-256 of the prompts that only adapters are asked with, by pass and name: what a run's settings say of them."""
    return {
        f"{pass_.value}: {name}": found.prompts[name].sha256
        for pass_, found in adapters.items()
        if found.prompts is not None
        for name in (f"{pass_.value}.system", "rewrite.user")
    }


def describe_run(engine: TextEngine, adapters: Mapping[Pass, PassAdapter]) -> str:
    """The fingerprint of all that a run's replies depend on: the model, and by pass the adapters."""
    base = engine.fingerprint()
    named = _list(adapters, lambda pass_: pass_.value)
    parts = [f"{engine.fingerprint(name).removeprefix(base).strip()} for {passes}" for name, passes in named]
    return " ".join([base, *parts])


def describe_adapters(adapters: Mapping[Pass, PassAdapter]) -> str:
    """Which adapter answers which passes, for people; empty where there is none."""

    def describe(pass_: Pass) -> str:
        return f"{pass_.value} (short prompts)" if adapters[pass_].prompts is not None else pass_.value

    return "; ".join(f"{name} for {passes}" for name, passes in _list(adapters, describe))


def _list(adapters: Mapping[Pass, PassAdapter], describe: Callable[[Pass], str]) -> list[tuple[str, str]]:
    """Each adapter's name, and its passes."""
    by_name: dict[str, list[str]] = {}
    for pass_, found in adapters.items():
        by_name.setdefault(found.name, []).append(describe(pass_))
    return [(name, ", ".join(passes)) for name, passes in by_name.items()]
