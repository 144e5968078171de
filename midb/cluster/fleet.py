"""What the driver needs of a cluster, whoever runs it: places for shards, and word of how each of them ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from midb.cluster.shard_runner import ShardResult, ShardTask


@dataclass(frozen=True)
class Node:
    """A machine of the cluster that has what a shard takes, ``places`` times."""

    id: str
    host: str
    places: int


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A task that is not running any more.

    :param result: what it said; None where it said nothing, and ``lost`` says why.
    :param node: the id of the machine; empty where nobody knows.
    """

    number: int
    result: ShardResult | None = None
    lost: str = ""
    node: str = ""


class Fleet(Protocol):
    """The machines. Whatever happens to one of them is an ``Ended``; MidbError says that the cluster itself is gone."""

    def nodes(self) -> Sequence[Node]:
        """The machines that are there now and can run shards."""
        ...

    def start(self, task: ShardTask, avoid: frozenset[str]) -> None:
        """Run a shard on any machine but those."""
        ...

    def wait(self, seconds: float) -> list[Ended]:
        """The tasks that have ended, as soon as there is one; none after so many seconds."""
        ...
