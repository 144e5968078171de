"""Runs with a model, end to end, against servers over real sockets: what becomes of every record."""

from __future__ import annotations

import importlib.metadata
import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import replay_server as replay
import scripted
from cli_fixtures import Ask, Cli
from model_runs import DB, EXAMPLES, Serve, finals, improving, write_corpus
from replay_server import Body, ChatMessage, Fault, ReplayServers
from transformers_serve import TransformersServer

from midb.agent.engines.protocol import TextRequest

ROOT = Path(__file__).resolve().parents[2]


def reasons(ask: Ask, db: Path) -> Counter[str]:
    return Counter({reason: n for reason, n in ask(db, "SELECT reason, count(*) FROM decisions GROUP BY 1")})


def test_the_examples_through_a_server(cli: Cli, served: Serve, tmp_path: Path, ask: Ask) -> None:
    write_corpus(tmp_path, 0, EXAMPLES)
    server = served(improving())
    called = cli("run", "c.jsonl", "--model", server.spec, "--route", "all", "--concurrency", "16")
    assert called.code == 0, called.err
    assert "ledger balances" in called.err
    assert len(finals(tmp_path)) == len(EXAMPLES)
    assert sum("vielmehr" in record["output"] for record in finals(tmp_path)) > 150
    assert server.in_flight_peak <= 16
    assert cli("audit", "verify", "--db", DB).code == 0
    shown = cli("audit", "summary", "--db", DB)
    assert "tokens" in shown.out
    paid = ask(DB, "SELECT count(*), count(DISTINCT prompt_hash) FROM generations")
    assert paid == [(len(server.requests), len(server.requests))]


def test_expert_revisions_are_accepted(cli: Cli, served: Serve, tmp_path: Path, corpora: list[Path]) -> None:
    """What an expert made of a pair is taken for most pairs, in the content pass; nothing of the others is lost."""
    folder, names = corpora[0].parents[1] / "meb", {"de": "German", "ja": "Japanese", "ar": "Arabic", "tr": "Turkish"}
    lines, revised = [], {}
    for path in corpora:
        if path.stem not in names:
            continue
        experts = json.loads((folder / f"{names[path.stem]}.json").read_text(encoding="utf-8"))
        by_raw = {str(row.get("Raw Response")).strip(): str(row.get("Revised Response")).strip() for row in experts}
        with path.open(encoding="utf-8") as corpus_lines:
            for line in list(corpus_lines)[40:100]:
                lines.append(line.rstrip("\n"))
                response = json.loads(line)["output"].strip()
                revised[response] = by_raw.get(response, response)
    write_corpus(tmp_path, 0, lines)
    experts_texts = {text for text in revised.values() if text}

    def answer(request: TextRequest) -> str:
        if scripted.pass_of(request) == "verification":
            a, b = (version.partition("<|response:")[2].partition("\n")[2] for version in scripted.versions(request))
            expert = [any(text in version for text in experts_texts) for version in (a, b)]
            return scripted.verdict(request, "A" if expert[0] and not expert[1] else "B" if expert[1] else "tie")
        response = scripted.read_sections(request).get("response", "")
        return scripted.reply(request, response=revised.get(response, response))

    server = served(answer)
    called = cli("run", "c.jsonl", "--model", server.spec, "--concurrency", "32")
    assert called.code == 0, called.err
    records = finals(tmp_path)
    changed = [record for record, line in zip(records, lines, strict=True) if record != json.loads(line)]
    assert len(records) == len(lines)
    assert len(changed) > 0.75 * len(lines)
    assert cli("audit", "verify", "--db", DB).code == 0


GARBAGE: dict[str, tuple[str, str]] = {
    "answer": ("Rot ist eine schöne Farbe.", "answered-instruction"),
    "empty": ("", "empty-reply"),
    "chatter": ("Gern!\n{alone}", "chatter"),
    "unclosed": ("<|response:{nonce}|>\nText", "missing-section"),
    "unknown": ("<|input:{nonce}|>\nText\n<|end:{nonce}|>", "unknown-section"),
    "english": ("{english}", "language-changed"),
}


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_ends_as_its_reason_and_changes_nothing(
    cli: Cli, served: Serve, tmp_path: Path, ask: Ask, garbage: str
) -> None:
    path = write_corpus(tmp_path, 40)
    text, reason = GARBAGE[garbage]
    english = "The sky is blue because the air scatters the blue light of the sun more than the red light of the sun."

    def answer(request: TextRequest) -> str:
        if text == "{english}":
            return scripted.reply(request, response=english)
        return text.replace("{alone}", scripted.left_alone(request)).replace("{nonce}", scripted.nonce_of(request))

    called = cli("run", "c.jsonl", "--model", served(answer).spec)
    assert called.code == 0, called.err
    assert (tmp_path / "c.boosted.jsonl").read_bytes() == path.read_bytes()
    if garbage == "english":
        assert "40 reverted" in called.err, "a rewrite was there, and was taken back"
        assert reasons(ask, DB) == {reason: 80}
    else:
        assert "40 unchanged" in called.err
        assert reasons(ask, DB) == {reason: 80, "no-usable-reply": 40}
        assert ask(DB, "SELECT DISTINCT outcome FROM records") == [("unchanged",)]
    assert ask(DB, "SELECT count(*) FROM generations") == [(80,)]


def test_a_server_that_stumbles_loses_nothing(cli: Cli, replay_server: ReplayServers, tmp_path: Path, ask: Ask) -> None:
    write_corpus(tmp_path, 24)
    broken = [
        replay.refused(429, retry_after="0"), replay.refused(500), replay.hang_up(), replay.hang_up_in_body("x"),
        replay.not_json(),
    ]  # fmt: skip
    good = improving()

    def answer(messages: list[ChatMessage], body: Body) -> str | Fault:
        return broken.pop() if broken else good(scripted.request_of(messages, body))

    called = cli("run", "c.jsonl", "--model", replay_server(answer).spec)
    assert called.code == 0, called.err
    assert "24 improved" in called.err
    assert ask(DB, "SELECT sum(retries) FROM generations") == [(5,)]


def test_a_slow_reply_holds_up_nobody_else(cli: Cli, replay_server: ReplayServers, tmp_path: Path) -> None:
    write_corpus(tmp_path, 60)
    gate, good, seen = replay.Gate(), improving(), []

    def answer(messages: list[ChatMessage], body: Body) -> str | Fault:
        request = scripted.request_of(messages, body)
        seen.append(request)
        if len(seen) == 1:
            return replay.drip(scripted.left_alone(request), gate)
        if len(seen) > 100:  # of 119 calls: all others have gone on meanwhile
            gate.open()
        return good(request)

    called = cli("run", "c.jsonl", "--model", replay_server(answer).spec, "--concurrency", "64")
    assert called.code == 0, called.err
    assert "59 improved" in called.err


COMMAND = [sys.executable, "-m", "midb.cli.main", "run", "c.jsonl", "--quiet", "--concurrency", "8"]


def test_after_a_kill_no_token_is_paid_twice(served: Serve, tmp_path: Path, ask: Ask) -> None:
    write_corpus(tmp_path, 60)
    server = served(improving())
    command = [*COMMAND, "--model", server.spec]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server.wait_for(lambda s: len(s.requests) >= 50)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = len(server.requests)
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    asked = Counter(json.dumps(request.body["messages"]) for request in server.requests)
    again = sum(n - 1 for n in asked.values())
    assert before < 120
    assert again <= 8  # what was in flight
    assert [record["id"] for record in finals(tmp_path)] == [f"de-{n}" for n in range(60)]
    assert all(record["output"].endswith("vielmehr") for record in finals(tmp_path))
    assert ask(tmp_path / DB, "SELECT outcome, count(*) FROM records GROUP BY 1") == [("improved", 60)]


def test_an_interrupted_run_drains_and_resumes(served: Serve, tmp_path: Path) -> None:
    write_corpus(tmp_path, 100)
    server = served(improving())
    command = [*[word for word in COMMAND if word != "--quiet"], "--model", server.spec]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    server.wait_for(lambda s: len(s.requests) >= 20)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130, told
    assert "interrupted" in told
    asked = len(server.requests)
    assert asked < 300
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert len(server.requests) == 300  # one rewrite and two verdicts a record, none of them twice
    assert len(finals(tmp_path)) == 100


def test_replies_are_used_again_after_a_later_prompt_changed(cli: Cli, served: Serve, tmp_path: Path) -> None:
    write_corpus(tmp_path, 20)
    server = served(improving())
    assert cli("run", "c.jsonl", "--model", server.spec).code == 0
    passes = Counter(scripted.pass_of(scripted.request_of(r.body["messages"], r.body)) for r in server.requests)
    assert passes == {"content": 20, "verification": 40}
    own = ROOT / "prompts" / "verification.system.md"
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / own.name).write_text(own.read_text(encoding="utf-8") + "\nBe brief.\n", encoding="utf-8")
    refused = cli("run", "c.jsonl", "--model", server.spec, "--prompts", "prompts")
    assert refused.code == 2
    assert "prompts (verification.system)" in refused.err
    assert "not paid for again" in refused.err
    assert cli("run", "c.jsonl", "--model", server.spec, "--prompts", "prompts", "--fresh").code == 0
    passes = Counter(scripted.pass_of(scripted.request_of(r.body["messages"], r.body)) for r in server.requests)
    assert passes == {"content": 20, "verification": 80}


def test_a_budget_stops_the_run_and_the_next_one_goes_on(cli: Cli, served: Serve, tmp_path: Path, ask: Ask) -> None:
    write_corpus(tmp_path, 120)
    server = served(improving())
    words = ("run", "c.jsonl", "--model", server.spec, "--concurrency", "4")
    stopped = cli(*words, "--budget", "1tok")
    assert stopped.code == 130, stopped.err
    assert "budget of 1tok is used up" in stopped.err
    assert 0 < ask(DB, "SELECT count(*) FROM records")[0][0] < 120
    assert cli(*words).code == 0
    assert len(server.requests) == 360
    assert len(finals(tmp_path)) == 120


def test_a_higher_limit_asks_about_the_further_records_alone(cli: Cli, served: Serve, tmp_path: Path, ask: Ask) -> None:
    write_corpus(tmp_path, 0, EXAMPLES[:30])
    server = served(improving())
    run = ("run", "c.jsonl", "--model", server.spec, "--route", "all", "--concurrency", "4")
    assert cli(*run, "--limit", 10).code == 0
    asked = len(server.requests)
    called = cli(*run, "--limit", 12)
    assert called.code == 0, called.err
    assert 0 < len(server.requests) - asked <= asked / 2
    assert len(finals(tmp_path)) == 12
    assert ask(DB, "SELECT count(*) FROM records WHERE run_id = 2") == [(12,)]
    assert cli("audit", "verify", "--db", DB).code == 0
    elsewhere = served(improving(), model="another")
    other = cli("run", "c.jsonl", "--model", elsewhere.spec, "--route", "all", "--limit", 14)
    assert (other.code, "another" in other.err) == (2, True)


def test_nobody_there(cli: Cli, tmp_path: Path) -> None:
    write_corpus(tmp_path, 3)
    called = cli("run", "c.jsonl", "--model", "openai:m@http://127.0.0.1:9/v1")
    assert called.code == 1
    assert "127.0.0.1:9" in called.err
    assert not (tmp_path / "c.boosted.jsonl").exists()


def test_the_key_is_written_nowhere(cli: Cli, served: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    write_corpus(tmp_path, 5)
    server = served(improving())
    called = cli("run", "c.jsonl", "--model", server.spec, "--key-variable", "MY_KEY", "--json")
    assert called.code == 0, called.err
    assert any("sk-very-secret" in str(request.headers) for request in server.requests)
    assert "sk-very-secret" not in called.out + called.err
    for path in tmp_path.iterdir():
        assert path.is_dir() or b"sk-very-secret" not in path.read_bytes()


def find_versions(ask: Ask) -> dict[str, str]:
    """The versions of libraries that the log of a run holds."""
    versions: dict[str, str] = json.loads(ask(DB, "SELECT versions FROM runs")[0][0])
    for name in ("midb-agent", "python", "httpx", "langgraph"):
        assert versions[name]
    return versions


def test_our_own_engine_with_random_weights_changes_nothing(
    cli: Cli, tiny_checkpoint: Path, tmp_path: Path, ask: Ask
) -> None:
    """The log says which libraries computed the replies."""
    path = write_corpus(tmp_path, 3)
    called = cli("run", "c.jsonl", "--model", tiny_checkpoint, "--route", "all", "--device", "cpu")
    assert called.code == 0, called.err
    assert (tmp_path / "c.boosted.jsonl").read_bytes() == path.read_bytes()
    assert "3 unchanged" in called.err
    assert "3 pairs got no usable reply from the model and were kept unchanged" in called.err
    assert cli("audit", "verify", "--db", DB).code == 0
    versions = find_versions(ask)
    for name in ("torch", "transformers", "safetensors"):
        assert versions[name] == importlib.metadata.version(name)


def test_libraries_that_did_not_run_are_not_in_the_log(cli: Cli, served: Serve, tmp_path: Path, ask: Ask) -> None:
    """Those that compute a reply where the model runs here, and a server does it."""
    write_corpus(tmp_path, 1)
    called = cli("run", "c.jsonl", "--model", served(improving()).spec)
    assert called.code == 0, called.err
    assert not {"torch", "transformers", "safetensors"} & set(find_versions(ask))


def test_a_server_that_nobody_here_wrote_changes_nothing(
    cli: Cli, transformers_server: TransformersServer, tmp_path: Path
) -> None:
    path = write_corpus(tmp_path, 6)
    called = cli("run", "c.jsonl", "--model", transformers_server.spec, "--concurrency", "2")
    assert called.code == 0, called.err
    assert (tmp_path / "c.boosted.jsonl").read_bytes() == path.read_bytes()
    assert "6 unchanged" in called.err
    assert "6 pairs got no usable reply" in called.err


def test_a_mistyped_model_is_simply_corrected(cli: Cli, served: Serve, tmp_path: Path) -> None:
    write_corpus(tmp_path, 3)
    assert cli("run", "c.jsonl", "--model", "openai:m@http://127.0.0.1:9/v1").code == 1
    assert cli("run", "c.jsonl", "--model", served(improving()).spec).code == 0
    assert len(finals(tmp_path)) == 3


def test_what_the_engine_warns_of_is_in_the_log(
    cli: Cli, replay_server: ReplayServers, tmp_path: Path, ask: Ask
) -> None:
    """A server without response_format is asked without it, and the user is told."""
    write_corpus(tmp_path, 3)
    good = improving()

    def answer(messages: list[ChatMessage], body: Body) -> str | Fault:
        if "response_format" in body:
            return replay.refused(400, "response_format is not supported")
        request = scripted.request_of(messages, body)
        return good(request)

    called = cli("run", "c.jsonl", "--model", replay_server(answer).spec)
    assert called.code == 0, called.err
    assert "3 improved" in called.err
    assert ask(DB, "SELECT count(*) FROM run_events WHERE message LIKE '%response_format%'") == [(1,)]


def test_another_model_behind_the_same_name_is_noticed(cli: Cli, served: Serve, tmp_path: Path, ask: Ask) -> None:
    write_corpus(tmp_path, 120)
    listed = [{"id": "m", "root": "/models/first"}]
    server = served(improving(), model="m", models=listed)
    words = ("run", "c.jsonl", "--model", server.spec, "--concurrency", "2")
    assert cli(*words, "--budget", "1tok").code == 130
    assert "/models/first" in ask(DB, "SELECT engine FROM runs")[0][0]
    listed[0]["root"] = "/models/second"
    refused = cli(*words)
    assert refused.code == 2
    assert "began with another model" in refused.err


def test_a_reply_changed_by_hand_is_named(cli: Cli, served: Serve, tmp_path: Path) -> None:
    """Also where its own seal was made to fit: the chain of decisions covers it."""
    import sqlite3

    from midb.audit.file import seals

    write_corpus(tmp_path, 3)
    assert cli("run", "c.jsonl", "--model", served(improving()).spec).code == 0
    connection = sqlite3.connect(DB)
    connection.row_factory = sqlite3.Row
    row = dict(connection.execute("SELECT * FROM generations WHERE id = 2").fetchone()) | {"completion": "forged"}
    seal = seals.row_seal("generations", row)
    connection.execute("UPDATE generations SET completion = 'forged', seal = ? WHERE id = 2", (seal,))
    connection.commit()
    connection.close()
    called = cli("audit", "verify", "--db", DB)
    assert called.code == 1
    assert "decisions" in called.out + called.err


def test_what_the_model_does_is_told_while_it_works(cli: Cli, replay_server: ReplayServers, tmp_path: Path) -> None:
    write_corpus(tmp_path, 100)
    good = improving()
    server = replay_server(lambda messages, body: good(scripted.request_of(messages, body)))
    called = cli("run", "c.jsonl", "--model", server.spec, "--json")
    events = [json.loads(line) for line in called.out.splitlines()]
    assert events[-1]["usage"]["calls"] == 300
    last = [event for event in events if event["event"] == "usage"][-1]
    assert last["calls"] == 300
    assert last["passes"]["content"]["calls"] == 100
    assert last["in_flight"] == 0


def test_a_server_that_counts_no_tokens_is_told_of_and_estimated(
    cli: Cli, replay_server: ReplayServers, tmp_path: Path, ask: Ask
) -> None:
    write_corpus(tmp_path, 3)
    good = improving()
    server = replay_server(lambda messages, body: replay.without_usage(good(scripted.request_of(messages, body))))
    called = cli("run", "c.jsonl", "--model", server.spec)
    assert called.code == 0, called.err
    assert ask(DB, "SELECT count(*) FROM run_events WHERE message LIKE '%estimated, at four bytes%'") == [(1,)]
    assert ask(DB, "SELECT min(prompt_tokens) > 300, min(completion_tokens) > 0 FROM generations") == [(1, 1)]


def test_options_of_a_model_are_checked_before_anything_is_read(cli: Cli, tmp_path: Path) -> None:
    write_corpus(tmp_path, 1)
    server = "openai:m@http://127.0.0.1:9"
    for words, sentence in (
        (("--budget", "2h"), "--budget is for runs with a model"),
        (("--dry-run", "3"), "--dry-run is for runs with a model"),
        (("--model", "openai:m"), "followed by @"),
        (("--model", server, "--budget", "soon"), "is no budget"),
        (("--model", server, "--route", "some"), "route"),
        (("--model", server, "--prompts", "none"), "none"),
    ):
        called = cli("run", "c.jsonl", *words)
        assert called.code == 2, (words, called.err)
        assert sentence in called.err, (words, called.err)
        assert "Traceback" not in called.err
