"""How many shards a corpus is cut into, and what each of them takes of a machine."""

from __future__ import annotations

from midb.composition import is_served
from midb.domain.errors import UsageError
from midb.runs.cluster_settings import MAX_SHARDS
from midb.runs.config import RunConfig

#: Records of a shard at least: to start one takes three seconds of processor time, in which a thousand are examined.
FEWEST = 20_000

#: Records of a shard at most: so much is begun anew where a machine is lost that never took a snapshot.
MOST = 100_000

#: Shards for each place of the cluster, so that one that ends early finds another to run.
_PER_PLACE = 2


def choose_shards(config: RunConfig, records: int, places: int) -> int:
    """As many as the user says; else by the records of the corpus and the shards that the cluster can run at once.

    >>> config = RunConfig(corpus="c.jsonl", on="ray", work="w")
    >>> [choose_shards(config, records, 4) for records in (500, 90_000, 10_000_000)]
    [1, 4, 100]
    """
    if config.shards:
        return config.shards
    if config.shard:
        return int(config.shard.partition("/")[2])
    wanted = min(_PER_PLACE * places, records // FEWEST)
    return min(max(wanted, -(-records // MOST), 1), MAX_SHARDS)


def resources_of(config: RunConfig) -> dict[str, float]:
    """What a shard takes of a node, by Ray's names: its worker processes as CPU, and a GPU for a model in its process.

    >>> resources_of(RunConfig(corpus="c.jsonl", workers=4, on="ray", work="w", resource=["server=1"]))
    {'CPU': 4, 'server': 1.0}

    :raises UsageError: where that is nothing.
    """
    taken: dict[str, float] = {"CPU": max(config.workers, 1)}
    if config.model and not is_served(config.model) and not config.device.startswith("cpu"):
        taken["GPU"] = len(config.devices.split(",")) if config.devices and config.devices != "all" else 1
    taken |= dict(config.resource)
    if not any(taken.values()):
        raise UsageError("a shard takes nothing of a machine, so that any number of them would run there at once.",
                         hint="--resource CPU=1, or another one that is more than nothing.")  # fmt: skip
    return taken


def describe_resources(resources: dict[str, float]) -> str:
    """For people.

    >>> describe_resources({"CPU": 1, "GPU": 0.5})
    '1 CPU, 0.5 GPU'
    """
    return ", ".join(f"{amount:g} {name}" for name, amount in resources.items() if amount)
