"""The settings of a run: from a file and from what was typed, checked before anything begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from midb.domain.decisions import Pass
from midb.domain.errors import UsageError
from midb.runs.config import MAX_WORKERS, RunConfig, config_hash, default_workers, differences, load_config


def config(**settings: object) -> RunConfig:
    return load_config(None, {"corpus": Path("c.jsonl"), **settings})


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A file of settings."""
    path = tmp_path / "folder" / "run.toml"
    path.parent.mkdir()
    path.write_text(
        'corpus = "c.jsonl"\nsource = "en.jsonl"\nlanguage = "fr"\nkinds = ["-mojibake"]\nlimit = 5\ndry-run = 2\n'
        'model = "m"\n'
    )
    return path


def test_without_a_word_everything_is_examined_and_nothing_is_asked() -> None:
    settings = config()
    assert settings.selected_passes == {Pass.CONTENT, Pass.TRANSLATION, Pass.LOCALIZATION, Pass.VERIFICATION}
    assert (settings.language, settings.language_code(), settings.model, settings.limit) == ("auto", None, None, None)
    assert 1 <= settings.workers <= 8
    assert settings.workers == default_workers()


def test_a_file_is_read_and_what_was_typed_comes_first(written: Path) -> None:
    settings = load_config(written, {"language": "de", "limit": None})
    assert (settings.language, settings.limit, settings.dry_run) == ("de", 5, 2)
    assert "mojibake" not in settings.selection.names


def test_paths_in_a_file_are_relative_to_it_and_typed_ones_are_not(written: Path) -> None:
    settings = load_config(written, {"output": Path("out.jsonl")})
    assert settings.corpus == written.parent / "c.jsonl"
    assert settings.source == written.parent / "en.jsonl"
    assert settings.output == Path("out.jsonl")
    written.write_text('corpus = "-"\nseal-key = "seal.key"\n')
    assert load_config(written, {}).corpus == Path("-")
    assert load_config(written, {}).seal_key == written.parent / "seal.key"
    assert load_config(written, {"seal-key": Path("my.key")}).seal_key == Path("my.key")


def test_lists_are_typed_with_commas() -> None:
    settings = config(passes="content, translation ,", kinds="+quotation-marks,-mojibake")
    assert settings.selected_passes == {Pass.CONTENT, Pass.TRANSLATION, Pass.VERIFICATION}
    assert "quotation-marks" in settings.selection.names
    assert "mojibake" not in settings.selection.names


def test_only_names_all_kinds_that_are_meant() -> None:
    assert config(only="mojibake, percent-form").selection.names == {"mojibake", "percent-form"}
    assert config(only="mojibake").shaping(None)["kinds"] == ["mojibake"]


def test_typography_adds_the_conventions_of_print() -> None:
    assert "quotation-marks" not in config().selection.names
    assert "quotation-marks" in config(typography=True).selection.names


@pytest.mark.parametrize(
    ("settings", "told", "hint"),
    [
        ({"passes": "contnt"}, 'unknown pass "contnt"', "Did you mean content?"),
        ({"kinds": "mojibak"}, 'unknown kind "mojibak"', "Did you mean mojibake?"),
        ({"kinds": "mojibake"}, "neither added nor left out", "--only mojibake"),
        ({"only": "mojibak"}, 'unknown kind "mojibak"', "Did you mean mojibake?"),
        ({"only": "mojibake", "kinds": "-percent-form"}, "contradict", "--only"),
        ({"language": "klingon"}, "klingon", ""),
        ({"map": "nonsense"}, "--map", ""),
        ({"limit": 0}, '"limit"', ""),
        ({"workers": MAX_WORKERS + 1}, '"workers"', ""),
        ({"dtype": "float8"}, '"dtype"', ""),
        ({"route": "none"}, '"route"', ""),
        ({"budget": "2h"}, "--budget is for runs with a model", "--model"),
        ({"dry-run": 3}, "--dry-run is for runs with a model", "--model"),
        ({"prompts": Path("p")}, "--prompts is for runs with a model", "--model"),
        ({"adapter": "a"}, "--adapter is for runs with a model", "--model"),
        ({"model": "m", "adapter": "contnt=a"}, 'no pass "contnt"', "Did you mean content?"),
        ({"model": "m", "adapter": "verification=a"}, "a verdict has no adapter", "content, translation, localization"),
        (
            {"model": "m", "adapter": ["content=a", "content=b"]},
            "two adapters are given for content: a and b",
            "--adapter",
        ),
        ({"model": "m", "adapter": ["a", "b"]}, "two adapters are given for all passes", "--adapter content="),
        ({"model": "m", "adapter": "content="}, "--adapter is not understood", "--adapter FOLDER"),
        ({"model": "m", "adapter": 3}, "--adapter is not understood", "--adapter FOLDER"),
        ({"model": "m", "adapter": {"content": ["a"]}}, "--adapter is not understood", "--adapter FOLDER"),
        ({"concurrency": 2}, "--concurrency is for runs with a model", "--model"),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_sentence(settings: dict[str, Any], told: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        config(**settings)
    assert told in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        ("langage = 'de'", 'unknown option "langage"', "Did you mean language?"),
        ("dry_run = 2", 'unknown option "dry_run"', "Did you mean dry-run?"),
        ("corpus = ", "is not valid TOML", ""),
        ("language = 'de'", "no corpus is named", "midb-agent run CORPUS"),
    ],
)
def test_a_file_that_cannot_be_meant_is_said_in_a_sentence(written: Path, text: str, told: str, hint: str) -> None:
    written.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_config(written, {})
    assert told in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("adapter = 'hub/lora'", {"": "hub/lora"}),
        ("adapter = 'style'", {"": "BESIDE/style"}),
        ("adapter = ['content=style', 'translation=hub/lora']", {"content": "BESIDE/style", "translation": "hub/lora"}),
        ("[adapter]\ncontent = 'style'\ntranslation = './a=b'", {"content": "BESIDE/style", "translation": "./a=b"}),
        ("adapter = './a=b'", {"": "./a=b"}),
    ],
)
def test_adapters_in_a_file(written: Path, text: str, expected: dict[str, str]) -> None:
    """A folder beside the file is meant, where there is one; else it is a name."""
    (written.parent / "style").mkdir()
    written.write_text(f"corpus = 'c.jsonl'\nmodel = 'm'\n{text}\n")
    found = load_config(written, {}).adapter
    assert found == {name: given.replace("BESIDE", str(written.parent)) for name, given in expected.items()}
    assert load_config(written, {"adapter": ["content=other"]}).adapter == {"content": "other"}, "the command line wins"


def test_a_model_beside_a_file(written: Path) -> None:
    written.write_text("corpus = 'c.jsonl'\nmodel = 'models/m'\nprompts = 'short'\n")
    found = load_config(written, {})
    assert (found.model, found.prompts) == ("models/m", Path("short"))
    (written.parent / "models" / "m").mkdir(parents=True)
    assert load_config(written, {}).model == str(written.parent / "models" / "m")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"run\.toml cannot be read: No such file"):
        load_config(tmp_path / "run.toml", {})


def test_every_setting_has_help() -> None:
    assert [name for name, field in RunConfig.model_fields.items() if not field.description] == []


#: Settings that change what comes out, and some that do not.
SHAPING = {
    "language": "fr", "map": "instruction=q", "passes": "content", "kinds": "-mojibake", "typography": True, "limit": 3,
    "model": "m",
}  # fmt: skip
IDLE = {
    "workers": 3, "strict": True, "fresh": True, "quiet": True, "json": True, "output": Path("x"), "db": Path("y"),
    "timeout": 1.0, "route": "all", "dtype": "float32", "seal-key": Path("seal.key"),
}  # fmt: skip


@pytest.mark.parametrize("name", [*SHAPING, *IDLE])
def test_a_run_goes_on_only_with_the_settings_that_shape_its_output(name: str) -> None:
    before = config_hash(config().shaping(None))
    after = config_hash(config(**{name: (SHAPING | IDLE)[name]}).shaping(None))
    assert (after != before) == (name in SHAPING)


def test_the_source_and_the_order_of_lists_count_as_they_are_meant() -> None:
    settings = config(kinds="-mojibake,+quotation-marks", passes="translation,content")
    assert config_hash(settings.shaping("ab")) != config_hash(settings.shaping("cd"))
    other = config(kinds="+quotation-marks,-mojibake", passes="content,translation")
    assert other.shaping("ab") == settings.shaping("ab")


@pytest.mark.parametrize("changed", [{"route": "all"}, {"adapter": "lora"}, {"dtype": "float32"}])
def test_with_a_model_its_own_settings_count_too(changed: dict[str, str]) -> None:
    prompts = {"content.system": "a1"}
    before = config(model="m").shaping(None, prompts)
    assert config(model="m", **changed).shaping(None, prompts) != before
    assert config(model="m").shaping(None, {"content.system": "b2"}) != before
    assert "prompts" not in config().shaping(None, prompts)


def test_what_differs_is_told_by_name() -> None:
    prompts = {"content.system": "a1", "rewrite.user": "c3"}
    old = orjson.dumps(config(model="m", kinds="-mojibake").shaping(None, prompts)).decode()
    new = config(model="m", kinds="+quotation-marks", limit=7).shaping(None, prompts | {"rewrite.user": "d4"})
    assert differences(old, new) == (
        "prompts (rewrite.user), kinds (+mojibake +quotation-marks), limit (None before, 7 now)"
    )
    assert differences(old, orjson.loads(old)) == ""


def test_settings_cannot_be_changed_behind_a_run_s_back() -> None:
    with pytest.raises(ValueError, match="frozen"):
        config().limit = 3
