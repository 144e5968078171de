"""The options that commands on a log share: which log, which run, which records."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pytest
import typer
from log_fixtures import AuditCommand
from typer.core import TyperGroup

from midb.audit.questions.filters import Filters
from midb.audit.reader import AuditReader
from midb.cli.audit.commands import app
from midb.cli.audit.options import RecordOptions, find_log
from midb.cli.options import unfold
from midb.domain.errors import UsageError


def test_the_only_log_here_is_meant(
    call: AuditCommand, finished_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("verify", db=None).code == 2
    (tmp_path / "one.audit.db").write_bytes(finished_log.read_bytes())
    assert call("verify", db=None).code == 0
    (tmp_path / "two.audit.db").touch()
    refused = call("verify", db=None)
    assert (refused.code, "one.audit.db" in refused.err) == (2, True)


def options_of(command: str) -> list[str]:
    """The options of `midb-agent audit COMMAND`."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return [name for parameter in group.commands[command].params for name in parameter.opts if name.startswith("--")]


SHARED = [
    "--db", "--kind", "--family", "--pass", "--language", "--severity", "--field", "--outcome", "--status", "--text",
    "--record", "--edit", "--changed", "--sample", "--seed", "--run",
]  # fmt: skip


@pytest.mark.parametrize("command", ["find", "diff", "export"])
def test_commands_about_records_take_the_same_options(command: str) -> None:
    found = options_of(command)
    assert [name for name in found if name in SHARED] == SHARED
    assert len(found) == len(set(found))


def test_the_options_come_as_one_object_beside_a_commands_own() -> None:
    @unfold
    def command(options: RecordOptions, limit: int = 3) -> tuple[RecordOptions, int]:
        return options, limit

    shared: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(RecordOptions)}
    shared |= {"pass_": ["content"], "text": ["x"], "run": 2}
    del shared["kind"]
    options, limit = command(**shared, kind=["mojibake"], limit=5)
    assert options == RecordOptions(kind=["mojibake"], pass_=["content"], text=["x"], run=2)
    assert limit == 5
    names = list(inspect.signature(command).parameters)
    assert names[-1] == "limit"
    assert "options" not in names
    assert names[:-1] == [field.name for field in dataclasses.fields(RecordOptions)]


def test_options_are_filters_once_they_are_checked(finished_log: Path) -> None:
    with AuditReader(finished_log) as reader:
        filters = RecordOptions(kind=["mojibake"], text=["A"]).filters(reader)
        assert filters == Filters(run=2, kind=("mojibake",), text=("A",)), "the latest run, unless one is named"
        assert RecordOptions(run=1).filters(reader).run == 1
        both = RecordOptions(kind=["mojibake", "percent-form"], language=["de", "fr"]).filters(reader)
        assert both == Filters(run=2, kind=("mojibake", "percent-form"), language=("de", "fr"))
        assert RecordOptions(text=["a", "b"]).filters(reader).text == ("a", "b")
        with pytest.raises(UsageError, match='unknown kind "mojibak"'):
            RecordOptions(kind=["mojibak"]).filters(reader)
        with pytest.raises(UsageError, match="there is no run 9"):
            RecordOptions(run=9).filters(reader)
        assert next(reader.query("SELECT holds(CAST('Ä' AS BLOB), 'ä')"))[0] == 1, "texts can be searched"


def test_the_log_is_the_one_named_else_the_only_one_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_log(Path("anything")) == Path("anything")
    with pytest.raises(UsageError, match="which audit log") as caught:
        find_log(None)
    assert caught.value.hint == "There is none here."
    (tmp_path / "a.audit.db").touch()
    assert find_log(None) == Path("a.audit.db")
    (tmp_path / "b.audit.db").touch()
    with pytest.raises(UsageError) as caught:
        find_log(None)
    assert caught.value.hint == "Here are a.audit.db, b.audit.db."
