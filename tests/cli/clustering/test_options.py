"""The options of a run on many machines are settings, and can stand in a file of them."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import typer

from midb.cli.clustering import options
from midb.runs.cluster_settings import ClusterSettings
from midb.runs.config import load_config


@pytest.mark.parametrize("name", ["On", "Shards", "Shard", "Work", "Scratch", "SnapshotSeconds", "Resource"])
def test_every_option_is_a_setting(name: str) -> None:
    (option,) = [part for part in get_args(getattr(options, name)) if isinstance(part, typer.models.OptionInfo)]
    written = str(option.default)
    known = {field.alias or field_name: field for field_name, field in ClusterSettings.model_fields.items()}
    assert (option.help or "").startswith(known[written.removeprefix("--")].description or "?")


def test_they_can_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('corpus = "c"\non = "ray"\nwork = "w"\nsnapshot-seconds = 5\nresource = { GPU = 1 }\n')
    config = load_config(file, {})
    assert (config.on, config.work, config.snapshot_seconds) == ("ray", tmp_path / "w", 5)
    assert config.resource == {"GPU": 1}
