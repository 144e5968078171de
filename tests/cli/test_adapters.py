"""Runs whose passes are answered by adapters, end to end: what is asked of whom, and what the log says of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import scripted
from cli_fixtures import Ask, Cli
from model_runs import DB, Serve, finals, improving, write_corpus
from replay_server import Body, ChatMessage, ReplayServer, ReplayServers

LISTED = [{"id": "replay"}, {"id": "style", "root": "/srv/style"}, {"id": "other", "root": "/srv/other"}]


def serve(served: Serve) -> ReplayServer:
    return served(improving(), models=LISTED)


def asked(server: ReplayServer) -> set[tuple[str, str]]:
    """The passes that asked, and the names of the models that they asked for."""
    requests = [(scripted.request_of(one.body["messages"], one.body), one.body["model"]) for one in server.requests]
    return {(scripted.pass_of(request), name) for request, name in requests}


def test_an_adapter_answers_its_pass_and_the_model_judges(cli: Cli, served: Serve, tmp_path: Path, ask: Ask) -> None:
    write_corpus(tmp_path, 3)
    server = serve(served)
    command = ("run", "c.jsonl", "--model", server.spec, "--route", "all", "--adapter", "content=style")
    called = cli(*command)
    assert called.code == 0, called.err
    assert re.search(r"adapters +style for content\n", called.err)
    assert asked(server) == {
        ("content", "style"), ("translation", "replay"), ("localization", "replay"), ("verification", "replay"),
    }  # fmt: skip
    assert all("vielmehr" in record["output"] for record in finals(tmp_path))
    by_pass = set(ask(DB, "SELECT pass, engine FROM generations"))
    base = f"openai replay@{server.url}"
    assert by_pass == {
        ("content", f"{base} + adapter style (root /srv/style)"), ("translation", base), ("localization", base),
        ("verification", base),
    }  # fmt: skip
    assert ask(DB, "SELECT engine FROM runs") == [(f"{base} + adapter style (root /srv/style) for content",)]
    shown = cli("audit", "show", "de-1", "--db", DB)
    assert re.search(r"model +content +prompt .* by style\n", shown.out)
    assert shown.out.count("by style") == 1
    prompt = cli("audit", "show", "de-1", "--prompts", "--db", DB).out
    assert prompt.count("  adapter   style") == 1
    assert '"adapter":"style"' in cli("audit", "show", "de-1", "--json", "--db", DB).out.replace(" ", "")
    assert cli("audit", "verify", "--db", DB).code == 0
    assert "finished already" in cli(*command).err + cli(*command).out


def test_a_run_goes_on_with_the_same_adapter_only(cli: Cli, served: Serve, tmp_path: Path) -> None:
    write_corpus(tmp_path, 60)
    server = serve(served)
    run = ("run", "c.jsonl", "--model", server.spec, "--concurrency", "2", "--budget", "1tok")
    assert cli(*run, "--adapter", "style").code == 130
    for other in (("--adapter", "other"), (), ("--adapter", "content=style")):
        called = cli(*run, *other)
        assert called.code == 2
        assert "the settings differ from those this run began with: adapter (" in called.err
        assert "--fresh to start over" in called.err
    server.models = [one | ({"root": "/srv/new"} if one["id"] == "style" else {}) for one in LISTED]
    replaced = cli(*run, "--adapter", "style")
    assert replaced.code == 2, "the name is the same, the adapter behind it is not"
    assert "this run began with another model" in replaced.err
    server.models = LISTED
    assert cli(*run[:-2], "--adapter", "style").code == 0
    assert len(finals(tmp_path)) == 60


def test_verdicts_and_other_passes_are_not_paid_for_again(cli: Cli, served: Serve, tmp_path: Path) -> None:
    """What only the model was asked is found in the log when another adapter is tried."""
    write_corpus(tmp_path, 2)
    server = serve(served)
    run = ("run", "c.jsonl", "--model", server.spec, "--route", "all")
    assert cli(*run, "--adapter", "content=style").code == 0
    before = len(server.requests)
    assert cli(*run, "--adapter", "content=other", "--fresh").code == 0
    new = [one.body["model"] for one in server.requests[before:]]
    assert new == ["other"] * 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--adapter", "style"), "--adapter is for runs with a model"),
        (("--model", "SERVER", "--adapter", "nobody"), "has no adapter nobody"),
        (("--model", "SERVER", "--adapter", "verification=style"), "a verdict has no adapter"),
        (("--model", "SERVER", "--adapter", "cntent=style"), "Did you mean content?"),
        (("--model", "SERVER", "--adapter", "."), "a server knows an adapter only by the name"),
        (("--model", "SERVER", "--passes", "content", "--adapter", "translation=style"), "no pass of this run would"),
        (("--model", "BASE", "--adapter", "nowhere"), "there is no folder nowhere"),
        (("--model", "BASE", "--adapter", "."), "is no adapter: it holds no adapter_config.json"),
        (("--model", "BASE", "--adapter", "BASE"), "It is a whole model: --model takes it."),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_said_before_anything_is_done(
    cli: Cli, served: Serve, tiny_checkpoint: Path, tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    write_corpus(tmp_path, 1)
    server = serve(served)
    names: dict[str, Any] = {"SERVER": server.spec, "BASE": tiny_checkpoint}
    called = cli("run", "c.jsonl", *(names.get(option, option) for option in options))
    assert called.code in (1, 2), called.err
    assert sentence in called.err
    assert "Traceback" not in called.err
    assert not server.requests
    assert not (tmp_path / "c.boosted.jsonl").exists()


def test_check_says_whether_a_run_could_use_them(cli: Cli, tiny_checkpoint: Path, tmp_path: Path) -> None:
    """Before a long run, and without loading the model."""
    pytest.importorskip("torch")
    from tiny_adapters import make_adapter

    write_corpus(tmp_path, 1)
    make_adapter(tmp_path / "style", tiny_checkpoint, base_model_name_or_path="hub/other")
    make_adapter(tmp_path / "bad", tiny_checkpoint, r=7)
    check = ("check", "c.jsonl", "--model", tiny_checkpoint, "--adapter")
    good = cli(*check, "content=style")
    assert good.code == 0
    assert re.search(r"^model: tiny on \w+ \(.*\), style [0-9a-f]{8} for content$", good.err, re.M)
    assert "warning: the adapter style says that its base is hub/other, and it runs on tiny" in good.err
    bad = cli(*check, "bad")
    assert bad.code == 2
    assert "has the rank 2, and adapter_config.json says 7" in bad.err
    assert cli(*check, "nowhere").code == 2
    served = cli("check", "c.jsonl", "--model", "openai:m@http://localhost:1", "--adapter", "style")
    assert (served.code, served.err.splitlines()[0]) == (
        0, "model: m at http://localhost:1/v1, style for content, translation, localization",
    )  # fmt: skip


def answer_short(messages: list[ChatMessage], body: Body) -> str:
    """Leaves a pair alone, whatever prompt asks."""
    tag = re.search(r"<\|end:[0-9a-f]+\|>", messages[-1]["content"])
    assert tag
    return f"<|same|>\n{tag[0]}"


def test_an_adapter_of_our_own_is_asked_as_it_was_trained(
    cli: Cli, tiny_checkpoint: Path, tmp_path: Path, ask: Ask
) -> None:
    """On this machine, with the short prompts that its manifest names; the log has their hashes."""
    pytest.importorskip("torch")
    from tiny_adapters import make_adapter

    from midb.agent.engines.checkpoint import hash_files
    from midb.prompts import SHORT, load_prompts

    base = {"name": tiny_checkpoint.name, "sha256": hash_files(tiny_checkpoint)}
    manifest = {"prompts": "short", "passes": ["content"], "base": base}
    make_adapter(tmp_path / "style", tiny_checkpoint, manifest=manifest)
    write_corpus(tmp_path, 2)
    run = ("run", "c.jsonl", "--model", tiny_checkpoint, "--device", "cpu")
    called = cli(*run, "--adapter", "style")
    assert called.code == 0, called.err
    assert re.search(r"adapters +style [0-9a-f]{8} for content \(short prompts\)\n", called.err)
    ((config, engine),) = ask(DB, "SELECT config, engine FROM runs")
    assert load_prompts(style=SHORT)["content.system"].sha256 in config
    assert re.search(r" \+ adapter style sha256:[0-9a-f]{64} for content$", engine)
    systems = ask(DB, "SELECT text FROM prompts")
    assert all("This pass" not in text for (text,) in systems)
    assert re.search(r"by style [0-9a-f]{8}\n", cli("audit", "show", "de-1", "--db", DB).out)
    shown = cli("prompts", "show", "content", "c.jsonl", "--record", "de-1", *run[2:4], "--adapter", "style")
    assert "CONTENT:" in shown.out
    assert systems[0][0] in shown.out
    alone = cli("prompts", "show", "content", "--language", "de", *run[2:4], "--adapter", "content=style")
    assert systems[0][0] in alone.out
    full = cli("prompts", "show", "translation", "--language", "de", *run[2:4], "--adapter", "style")
    assert "This pass: TRANSLATION" in full.out
    make_adapter(tmp_path / "stranger", tiny_checkpoint, manifest=manifest | {"base": {"name": "b", "sha256": "ab"}})
    refused = cli(*run, "--adapter", "stranger", "-o", "other.jsonl")
    assert refused.code == 2
    assert "the adapter stranger was trained on b (sha256 ab), and not on" in refused.err


def test_short_prompts_for_an_adapter_that_a_server_has(cli: Cli, replay_server: ReplayServers, tmp_path: Path) -> None:
    """A server says nothing of how its adapter was trained: who started it does."""
    write_corpus(tmp_path, 1)
    server = replay_server(answer_short, models=LISTED)
    run = ("run", "c.jsonl", "--model", server.spec, "--adapter", "style", "--prompts", "short")
    called = cli(*run)
    assert called.code == 0, called.err
    (request,) = server.requests
    assert "This pass" not in request.body["messages"][0]["content"]
    assert "CONTENT:" in request.body["messages"][0]["content"]


def test_the_python_face_takes_adapters(served: Serve, tmp_path: Path) -> None:
    from midb import boost

    server = serve(served)

    records = [{"instruction": "Erkläre kurz, warum der Himmel blau ist.", "output": "Weil die Luft Licht streut."}]
    result = boost(
        records, language="de", model=server.spec, adapter={"content": "style"}, audit=tmp_path / "log.audit.db"
    )
    assert asked(server) >= {("content", "style"), ("verification", "replay")}
    assert result.records[0]["output"].endswith("vielmehr")
