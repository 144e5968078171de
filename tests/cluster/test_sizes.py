"""How many shards, and what each takes."""

from __future__ import annotations

import pytest

from midb.cluster.sizes import FEWEST, MOST, choose_shards, describe_resources, resources_of
from midb.domain.errors import UsageError
from midb.runs.config import RunConfig


def config(**settings: object) -> RunConfig:
    return RunConfig(**{"corpus": "c.jsonl", "on": "ray", "work": "w", "workers": 0} | settings)  # type: ignore[arg-type]


def test_shards_are_of_a_size_that_pays_whatever_the_cluster_has_room_for() -> None:
    for records in (1, 19_999, 50_000, 300_000, 5_000_000, 20_000_000):
        for places in (0, 1, 3, 64, 2_000):
            shards = choose_shards(config(), records, places)
            assert 1 <= shards <= 256
            assert records / shards <= MOST
            assert shards == 1 or records / shards >= FEWEST


def test_beyond_the_most_shards_they_grow() -> None:
    assert choose_shards(config(), 100_000_000, 64) == 256


def test_what_the_user_says_counts() -> None:
    assert choose_shards(config(shards=7), 10, 1) == 7
    assert choose_shards(config(on=None, shard="2/5"), 10, 1) == 5


def test_a_model_in_the_process_takes_a_gpu_and_one_on_a_server_takes_none() -> None:
    assert resources_of(config()) == {"CPU": 1}
    assert resources_of(config(model="folder")) == {"CPU": 1, "GPU": 1}
    assert resources_of(config(model="folder", devices="0,1")) == {"CPU": 1, "GPU": 2}
    assert resources_of(config(model="folder", device="cpu", workers=3)) == {"CPU": 3}
    assert resources_of(config(model="openai:m@http://localhost:1/v1")) == {"CPU": 1}
    assert resources_of(config(model="folder", resource=["GPU=0.5", "room=2"])) == {"CPU": 1, "GPU": 0.5, "room": 2.0}
    assert describe_resources({"CPU": 1, "GPU": 0.0}) == "1 CPU"


def test_a_shard_that_takes_nothing_would_run_anywhere_any_number_of_times() -> None:
    assert resources_of(config(resource=["CPU=0", "server=1"])) == {"CPU": 0, "server": 1.0}
    with pytest.raises(UsageError, match="takes nothing of a machine"):
        resources_of(config(resource=["CPU=0"]))
