"""A Ray cluster as the machines of a run: one Ray task for each shard, without Ray's own retries.

Nothing of the corpus goes through Ray's object store, and no result is larger than a sentence.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from midb.cluster.driver import Ended, Machine
from midb.cluster.shard_runner import ShardResult, ShardTask
from midb.domain.errors import MidbError, UsageError
from midb.domain.portability import usable_cores

#: How Ray calls its own resources; all others are those of the user.
_OPTIONS = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory"}

#: Seconds in which somebody has to listen at a cluster's address.
_PATIENCE = 10.0

#: Seconds in which nobody listens at the address of a cluster that was joined, before it is given up. Ray itself ends
#: the process after sixty, without a word of what becomes of the run.
_SILENCE = 30.0

#: Below this much, a resource counts as not there: Ray counts in ten-thousandths.
_LEAST = 1e-4


def take_shard(told: dict[str, Any]) -> dict[str, Any]:
    """The Ray task: run a shard where it is called. It is sent as code, so that a machine without the program can still
    say which one it is; hence it imports what it needs."""
    import socket

    import ray

    node = ray.get_runtime_context().get_node_id()
    try:
        from midb.cluster.shard_runner import run_shard_quietly
    except ImportError as error:
        host = socket.gethostname()
        return {
            "number": told["number"], "state": "unfit", "host": host, "node": node,
            "message": f"{host} has no midb-agent that runs shards: {error}.",
            "hint": "Install the same version, with the same extras, on all machines.",
        }  # fmt: skip
    return run_shard_quietly(told) | {"node": node}


@contextmanager
def connect(on: str, resources: Mapping[str, float], log: Path, tell: Callable[[str], None]) -> Iterator[RayFleet]:
    """The cluster, while the block lasts.

    :param on: ``ray``: the cluster that RAY_ADDRESS names, the one of this machine, or a new one on its processors;
        ``ray://HOST:PORT``: that one, through its client server.
    :param resources: what a shard takes of a node, by Ray's names.
    :param log: where what Ray prints goes: it prints errors of its own to stdout, which is not for them.
    :param tell: is told what the user should know.
    :raises UsageError: where Ray is not installed, the cluster cannot be reached, or has other versions.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # what is done here is nobody else's business
    try:
        import ray
    except ImportError as error:
        raise UsageError(
            "Ray is not installed.", hint="pip install '.[ray]' in the folder of midb-agent's source."
        ) from error
    with log.open("a") as said, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        logging.getLogger("ray").setLevel(logging.ERROR)  # which importing it has set otherwise
        with _keeping_signals():
            _join(ray, on, tell)
        fleet = RayFleet(ray, resources)
        try:
            yield fleet
        finally:
            if not fleet.gone:  # it would wait for the cluster
                with contextlib.suppress(Exception):
                    ray.shutdown()


@contextmanager
def _keeping_signals() -> Iterator[None]:
    """Ray ends the process at once on SIGTERM; a run that is asked to end leaves its shards in order first."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


def _join(ray: Any, on: str, tell: Callable[[str], None]) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    _check_reachable(on, on if on != "ray" else os.environ.get("RAY_ADDRESS", ""))
    try:
        if on != "ray":
            ray.init(address=on, logging_level="error")  # its client tells of every option that it passes on
            return
        try:
            ray.init(address=os.environ.get("RAY_ADDRESS", "auto"), **quiet)
        except ConnectionError:
            if os.environ.get("RAY_ADDRESS"):
                raise
            tell(f"no Ray cluster is running here: one is started for this run, with {usable_cores()} processors")
            # An address in the environment would be taken for that of a cluster, and "local" says that none is meant.
            ray.init(address="local", num_cpus=usable_cores(), include_dashboard=False, **quiet)
    except Exception as error:
        raise _explain(on, error) from error


def _check_reachable(on: str, address: str) -> None:
    """Raise UsageError where nobody listens at an address: Ray itself tries for minutes, and says so to itself."""
    try:
        _knock(address)
    except OSError as error:
        raise _explain(on, error) from error


def _knock(address: str) -> None:
    """Raise OSError where nobody listens at an address; what only Ray understands, such as "auto", is passed over."""
    try:
        found = urlsplit(address if "://" in address else f"//{address}")
        host, port = found.hostname, found.port
    except ValueError:
        return
    if host and port and found.scheme in ("", "ray"):
        socket.create_connection((host, port), _PATIENCE).close()


def _explain(on: str, error: Exception) -> UsageError:
    """A sentence for what Ray, or the network, says where it cannot be joined."""
    said = " ".join(str(getattr(error, "strerror", None) or error).split())
    where = on if on != "ray" else f"the cluster at {os.environ.get('RAY_ADDRESS', 'this machine')}"
    if "ersion mismatch" in said or ("ersion" in said and "client" in said.lower() and "server" in said.lower()):
        return UsageError(
            f"{where} runs another version of Ray or Python: {said[:300]}",
            hint="Install the same versions of Python, Ray and midb-agent on all machines.",
        )
    return UsageError(
        f"{where} cannot be reached: {said[:200] or type(error).__name__}",
        hint="Is it running, and the port open (10001 for ray://)? Where the cluster asks for a token, RAY_AUTH_MODE="
        "token and the token must be set here as well.",
    )


class RayFleet:
    """The nodes of a cluster that this process has joined; ``resources`` are what a shard takes.

    ``gone`` is set once the cluster does not answer any more.
    """

    def __init__(self, ray: Any, resources: Mapping[str, float], clock: Callable[[], float] = time.monotonic) -> None:
        self.gone = False
        self._ray = ray
        self._clock = clock
        self._silent: float | None = None
        self._seen: list[Machine] = []
        self._resources = dict(resources)
        # A process of its own for each shard: what it held of memory and of a GPU is free afterwards.
        ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
        self._task = ray.remote(max_retries=0, max_calls=1)(take_shard)
        self._running: dict[Any, int] = {}
        try:
            self._task.options(**self._options())
        except ValueError as error:
            raise UsageError(
                f"Ray has no such amount of a resource: {' '.join(str(error).split())}", hint="Mend --resource."
            ) from error

    def nodes(self) -> Sequence[Machine]:
        """The machines that are alive and have what a shard takes."""
        if not self._listens():
            return self._seen
        found = []
        for node in self._ask(self._ray.nodes):
            has = node.get("Resources", {})
            places = min((math.floor(has.get(name, 0) / amount) for name, amount in self._resources.items() if amount
                          >= _LEAST), default=0)  # fmt: skip
            if node["Alive"] and places:
                found.append(
                    Machine(node["NodeID"], node.get("NodeManagerHostname") or node["NodeManagerAddress"], places)
                )
        self._seen = found
        return found

    def _listens(self) -> bool:
        """Whether the cluster can be asked; it may be back in a moment. MidbError where it has been silent for long."""
        if self._ray.util.client.ray.is_connected():  # a client is told at once
            return True
        try:
            _knock(self._ray.get_runtime_context().gcs_address)
        except OSError as error:
            self._silent = self._silent or self._clock()
            if self._clock() - self._silent >= _SILENCE:
                raise self._lost(error) from error
            return False
        self._silent = None
        return True

    def start(self, task: ShardTask, avoid: frozenset[str]) -> None:
        """Hand a shard to Ray, which chooses a node with room."""
        options = self._options() | {"name": f"midb-agent shard {task.number}"}
        if avoid:
            options["label_selector"] = {"ray.io/node-id": f"!in({', '.join(sorted(avoid))})"}
        reference = self._ask(lambda: self._task.options(**options).remote(task.as_json()))
        self._running[reference] = task.number

    def _options(self) -> dict[str, Any]:
        """What a shard takes, as Ray wants to be told."""
        options: dict[str, Any] = {
            _OPTIONS[name]: amount for name, amount in self._resources.items() if name in _OPTIONS
        }
        own = {name: amount for name, amount in self._resources.items() if name not in _OPTIONS}
        return options | ({"resources": own} if own else {})

    def wait(self, seconds: float) -> list[Ended]:
        """The shards whose tasks have ended."""
        running = list(self._running)
        ready, _ = self._ask(lambda: self._ray.wait(running, num_returns=1, timeout=seconds))
        if ready:  # whatever else has ended meanwhile
            ready, _ = self._ask(lambda: self._ray.wait(running, num_returns=len(running), timeout=0))
        return [self._end(reference) for reference in ready]

    def _end(self, reference: Any) -> Ended:
        number = self._running.pop(reference)
        errors = self._ray.exceptions
        try:
            told = self._ray.get(reference)
        except errors.LocalRayletDiedError as error:  # this machine's part in the cluster: no shard has to do with it
            raise self._lost(error) from error
        except errors.NodeDiedError:
            return Ended(number=number, lost="its node is gone")
        except errors.WorkerCrashedError:
            return Ended(number=number, lost="its process was killed")
        except errors.OutOfMemoryError:
            return Ended(number=number, lost="its node ran out of memory")
        except errors.RayTaskError as error:
            said = (str(error).strip().splitlines() or ["?"])[-1]
            return Ended(number=number, result=ShardResult(number=number, state="failed", message=said))
        except errors.RayError as error:
            return Ended(number=number, lost=" ".join(str(error).split())[:200])
        node = told.pop("node")
        return Ended(number=number, result=ShardResult.parse(told), node=node)

    def _ask(self, ask: Callable[[], Any]) -> Any:
        """What the cluster as a whole answers."""
        try:
            return ask()
        except (self._ray.exceptions.RayError, ConnectionError, RuntimeError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> MidbError:
        self.gone = True
        said = " ".join(str(error).split())[:200]
        return MidbError(
            f"the cluster does not answer any more: {said or type(error).__name__}",
            hint="What is finished is kept. Once the cluster is back, the same command goes on.",
        )
