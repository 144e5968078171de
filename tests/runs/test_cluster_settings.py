"""What can be said of a run on many machines, and what contradicts it."""

from __future__ import annotations

import pytest

from midb.domain.errors import UsageError
from midb.runs.cluster_settings import ClusterSettings, parse_resources, parse_shard


def settings_of(**given: object) -> ClusterSettings:
    return ClusterSettings.model_validate(given)


def test_without_a_word_a_run_is_on_one_machine() -> None:
    settings = settings_of()
    assert (settings.on, settings.shard, settings.work, settings.resource) == (None, None, None, {})


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "1/0", "a/b", "1/4/5", " 1/4", "-1/4", "1/4\n"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no shard"):
        parse_shard(text)


@pytest.mark.parametrize("text", ["", "GPU", "GPU=", "=1", "GPU=one", "GPU=-1", "G P=1"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no amount"):
        parse_resources([text])


def test_resources_are_given_as_words_or_as_a_table() -> None:
    assert parse_resources("GPU=1") == parse_resources(["GPU=1.0"]) == parse_resources({"GPU": 1}) == {"GPU": 1.0}


@pytest.mark.parametrize("address", ["ray", "ray://head:10001"])
def test_clusters_are_those_of_ray(address: str) -> None:
    assert settings_of(on=address, work="w").on == address
    with pytest.raises(UsageError, match="is no cluster"):
        settings_of(on=f"x{address}", work="w")
