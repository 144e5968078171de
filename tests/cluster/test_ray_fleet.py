"""A real Ray cluster of two nodes on this machine: processes and nodes are killed, and nothing is lost.

One cluster for all tests: to start one takes seconds.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scripted_fleet import config_of, make_corpus, planned

pytest.importorskip("ray", reason="needs the extra `ray`")

from midb.cluster import ray_fleet
from midb.cluster.driver import Driven, Driver, Ended
from midb.cluster.ray_fleet import RayFleet, connect
from midb.cluster.shard_runner import ShardResult, ShardTask, settings_of
from midb.domain.errors import MidbError, UsageError
from midb.domain.events import Event, Warned
from midb.domain.portability import usable_cores

pytestmark = pytest.mark.xdist_group("ray")

#: Bytes of a node's object store: the least that Ray takes.
STORE = 80 * 1024 * 1024


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    logging.disable(logging.CRITICAL)
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.add_node(num_cpus=1, object_store_memory=STORE, resources={"server": 1})
    yield made
    made.shutdown()  # type: ignore[no-untyped-call]
    logging.disable(logging.NOTSET)


@pytest.fixture
def join(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    said: list[str] = []
    return lambda **resources: connect("ray", resources or {"CPU": 1}, tmp_path / "ray.log", said.append)


def shard_processes() -> list[int]:
    """The processes of this machine that run a shard for Ray."""
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            if b"ray::midb-agent shard" in Path(f"/proc/{number}/cmdline").read_bytes():
                found.append(int(number))
        except OSError:
            continue
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_shards_are_run_and_one_whose_process_is_killed_is_run_again(join: Callable[..., Any], tmp_path: Path) -> None:
    config = config_of(make_corpus(tmp_path), shards=2)
    folder, plan = planned(config)
    events: list[Event] = []
    killed: list[int] = []
    over = threading.Event()

    def kill_the_first() -> None:
        """As soon as a process runs a shard: on a fast machine it is done with it in a second."""
        while not over.wait(0.01):
            for number in shard_processes():
                os.kill(number, signal.SIGKILL)
                killed.append(number)
                return

    killer = threading.Thread(target=kill_the_first, daemon=True)
    killer.start()
    with join() as fleet:
        driven = Driver(folder, plan, settings_of(config), events.append, lambda: False).run(fleet)
    over.set()
    killer.join()
    assert driven == Driven(status="finished")
    assert sorted(path.name for path in (folder.path / "done").iterdir()) == ["1", "2"]
    assert killed
    warnings = [event.message for event in events if isinstance(event, Warned)]
    assert [said for said in warnings if "begun again where it was: its process was killed" in said]


def test_machines_are_those_with_what_a_shard_takes(join: Callable[..., Any], tmp_path: Path) -> None:
    config = config_of(make_corpus(tmp_path, 30))
    folder, plan = planned(config)
    task = ShardTask(number=plan.shards[0].number, work=str(folder.path), mark=plan.mark, settings=settings_of(config))
    with join(CPU=1, server=1) as fleet:
        (node,) = fleet.nodes()
        assert node.places == 1
        fleet.start(replace(task, mark="another"), frozenset())
        (ended,) = wait(fleet)
        assert ended.result
        assert (ended.node, ended.result.state) == (node.id, "unfit")
        fleet.start(task, frozenset({node.id}))
        assert fleet.wait(0.5) == [], "there is no other node: it waits"
    with join(GPU=1) as fleet:
        assert fleet.nodes() == []


def wait(fleet: RayFleet) -> list[Ended]:
    """The next ends."""
    while not (ended := fleet.wait(5)):
        pass
    return ended


def test_a_cluster_that_is_gone_is_a_sentence(join: Callable[..., Any]) -> None:
    with join() as fleet:
        fleet._ray.shutdown()
        with pytest.raises(MidbError, match="the cluster does not answer any more"):
            fleet._ask(lambda: (_ for _ in ()).throw(ConnectionError("gone")))


def test_where_the_machine_of_the_command_has_left_the_cluster_no_shard_is_blamed(join: Callable[..., Any]) -> None:
    from ray.exceptions import LocalRayletDiedError

    with join() as fleet:

        def gone(_: object) -> None:
            raise LocalRayletDiedError

        fleet._running["task"] = 1
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(fleet._ray, "get", gone)
            with pytest.raises(MidbError, match="the cluster does not answer any more"):
                fleet._end("task")
        fleet.gone = False  # it is not


def test_a_cluster_that_is_silent_is_given_up_after_a_while_and_not_waited_for(
    join: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    now = 100.0
    silent = False

    def knock(_: str) -> None:
        if silent:
            raise ConnectionRefusedError(111, "Connection refused")

    with join() as joined:
        monkeypatch.setattr(ray_fleet, "_knock", knock)
        fleet = RayFleet(ray, {"CPU": 1}, lambda: now)
        (node,) = fleet.nodes()
        for later in (0.0, 20.0, 20.0):  # in between it was back
            silent, now = True, now + later
            assert fleet.nodes() == [node]
            silent, now = False, now + 20.0
            assert [machine.id for machine in fleet.nodes()] == [node.id]
        silent = True
        assert fleet.nodes() == [node]
        now += 31.0
        with pytest.raises(MidbError, match=r"the cluster does not answer any more: .*refused") as raised:
            fleet.nodes()
        assert "the same command goes on" in raised.value.hint
        assert fleet.gone
        assert not joined.gone
    silent = False
    shut: list[bool] = []
    monkeypatch.setattr(ray, "shutdown", lambda: shut.append(True))
    with join() as joined:
        joined.gone = True
    assert not shut, "it would wait for the cluster"
    monkeypatch.undo()
    ray.shutdown()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.1\n    Python: 3.9"),
            "ray://h:1 runs another version of Ray or Python: Version mismatch: The cluster was started with: Ray: 2.1",
        ),
        (
            ConnectionError("ray client connection timeout"),
            "ray://h:1 cannot be reached: ray client connection timeout",
        ),
        (OSError(), "ray://h:1 cannot be reached: OSError"),
    ],
)
def test_what_keeps_a_cluster_from_being_joined_is_a_sentence(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    def refuse(**_: object) -> None:
        raise error

    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setattr(ray_fleet, "_check_reachable", lambda *_: None)
    with pytest.raises(UsageError) as raised, connect("ray://h:1", {}, tmp_path / "log", print):
        pass
    assert raised.value.message.startswith(said)
    assert raised.value.hint


@pytest.mark.parametrize("on", ["ray", "ray://{}"])
def test_an_address_at_which_nobody_listens_is_said_before_ray_tries_for_minutes(
    on: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    tried: list[object] = []
    monkeypatch.setattr(ray, "init", lambda **given: tried.append(given))
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(UsageError) as raised, connect(on.format(address), {}, tmp_path / "log", print):
        pass
    assert address in raised.value.message
    assert "cannot be reached: Connection refused" in raised.value.message
    assert not tried


@pytest.mark.parametrize("address", ["auto", "local", "", "127.0.0.1:many", "http://127.0.0.1:1"])
def test_what_is_no_address_of_a_host_is_left_to_ray(address: str) -> None:
    ray_fleet._check_reachable("ray", address)


def test_whoever_handles_signals_still_does_once_the_cluster_is_joined(join: Callable[..., Any]) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with join():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


def test_an_amount_that_ray_does_not_know_is_a_sentence(join: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="no such amount of a resource: The precision"), join(CPU=0.00001):
        pass


def test_without_ray_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match="Ray is not installed") as raised, connect("ray", {}, tmp_path / "log", print):
        pass
    assert raised.value.hint == "pip install '.[ray]' in the folder of midb-agent's source."


def test_where_no_cluster_is_running_one_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    asked: list[dict[str, object]] = []

    def init(**given: object) -> None:
        asked.append(given)
        if given["address"] == "auto":
            raise ConnectionError("none")

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "init", init)
    said: list[str] = []
    with connect("ray", {}, tmp_path / "log", said.append):
        pass
    assert [given["address"] for given in asked] == ["auto", "local"]
    assert "one is started for this run" in said[0]
    assert usable_cores() == asked[1]["num_cpus"]


def test_a_node_without_the_program_says_which_one_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    class Context:
        """What Ray tells a task."""

        def get_node_id(self) -> str:
            return "n1"

    monkeypatch.setattr(ray, "get_runtime_context", Context)
    monkeypatch.setitem(sys.modules, "midb.cluster.shard_runner", None)
    told = ray_fleet.take_shard({"number": 3})
    assert (told.pop("node"), told["number"], told["state"]) == ("n1", 3, "unfit")
    assert "has no midb-agent that runs shards" in ShardResult.parse(told).message


def test_the_task_is_sent_as_code(join: Callable[..., Any]) -> None:
    from ray import cloudpickle

    with join():
        sent = cloudpickle.dumps(ray_fleet.take_shard)  # type: ignore[no-untyped-call]
    assert b"has no midb-agent that runs shards" in sent
