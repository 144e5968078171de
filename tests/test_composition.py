"""The engine that ``--model`` names: from a checkpoint's files to text, on a CPU."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from damages import Damage, change, cut_header, cut_weights, pickle_weights, put, remove
from tiny_adapters import make_adapter

from midb.agent.engines.adapters import Adapter, find_adapter
from midb.agent.engines.devices.pool import DevicePool
from midb.agent.engines.protocol import CallFailed, EngineDown, FinishReason, Message, Sampling, TextReply, TextRequest
from midb.agent.engines.tokenizing import template_bounds
from midb.composition import EngineOptions, KernelEngine, build_engine, open_engine
from midb.domain.errors import MidbError, UsageError
from midb.domain.generations import read_adapter_name
from midb.runs.config import load_config

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("tokenizers")

from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer  # noqa: E402
from midb.agent.engines.tokens import RequestRefused, TokenRequest  # noqa: E402
from midb.kernels import EngineConfig  # noqa: E402

#: A hang shows as a failure.
BOUND = 120.0

CPU = EngineOptions(device="cpu")
SYSTEM = Message("system", "Repair the text and change nothing else. Answer with the text alone, please.")


@pytest.fixture
def copy(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint of one's own, to damage."""
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))


@pytest.fixture(scope="module")
def letters(one_thread: None, tiny_model: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that writes small letters, one token each: tokenising its text gives the ids it sampled."""
    folder: Path = tiny_model.make_checkpoint(tmp_path_factory.mktemp("model") / "letters", merges=0, letters_only=True)
    return folder


@pytest.fixture
def kernel(tiny_checkpoint: Path) -> KernelEngine:
    """An engine of token ids that takes 200 of them, and has room for hardly more."""
    return KernelEngine(EngineConfig(checkpoint=tiny_checkpoint, num_kv_tokens=224, max_model_len=200))


def ask_tokens(prompt: list[int], **changes: Any) -> TokenRequest:
    """A request for four tokens."""
    usual: dict[str, Any] = {"reference_ids": [], "max_new_tokens": 4, "temperature": 0.0, "seed": 0, "stop_ids": []}
    return TokenRequest(prompt_ids=prompt, **(usual | changes))


def ask(text: str, **more: Any) -> TextRequest:
    return TextRequest(messages=(SYSTEM, Message("user", text)), **more)


def serve(folder: Path, *rounds: list[TextRequest], options: EngineOptions = CPU) -> list[list[TextReply]]:
    """The replies to some requests, round by round."""

    async def whole() -> list[list[TextReply]]:
        engine = build_engine(str(folder), options=options)
        try:
            await engine.start()
            return [list(await asyncio.gather(*map(engine.generate, requests))) for requests in rounds]
        finally:
            await engine.close()

    return asyncio.run(asyncio.wait_for(whole(), BOUND))


def test_it_generates_text_and_counts(letters: Path) -> None:
    requests = [ask(f"Text {n}", sampling=Sampling(temperature=1.0, seed=n)) for n in range(40)]
    first, again = serve(letters, requests, list(reversed(requests)))
    assert [reply.text for reply in reversed(again)] == [reply.text for reply in first]  # whatever runs beside
    assert FinishReason.STOP in {reply.finish_reason for reply in first}
    assert len({reply.text for reply in first}) > 20
    for reply in first:
        assert set(reply.text) <= set("abcdefghijklmnopqrstuvwxyz ")
        assert reply.completion_tokens == len(reply.text) + (reply.finish_reason is FinishReason.STOP)
        assert reply.completion_tokens <= 256
        assert reply.steps + reply.accepted >= reply.completion_tokens
        assert 0 < reply.prompt_tokens < 200
        assert reply.seconds > 0
    assert all(reply.cached_tokens > 0 for reply in again)  # the system part, at least


def test_a_right_reference_saves_steps_and_changes_nothing(letters: Path) -> None:
    sampling = [Sampling(temperature=1.0, seed=seed) for seed in range(12)]
    (plain,) = serve(letters, [ask("Text", sampling=one) for one in sampling])
    (drafted,) = serve(
        letters,
        [ask("Text", sampling=one, reference=r.text, growth=1.0) for one, r in zip(sampling, plain, strict=True)],
    )
    for before, after in zip(plain, drafted, strict=True):
        assert before.finish_reason is FinishReason.STOP
        assert (after.text, after.finish_reason) == (before.text, before.finish_reason)
        assert after.completion_tokens == before.completion_tokens
        assert after.accepted > 0
        assert after.steps < after.completion_tokens
    assert sum(reply.steps for reply in drafted) < sum(reply.completion_tokens for reply in drafted) / 3


def test_a_gguf_file_gives_the_text_of_the_folder_it_was_made_from(tiny_checkpoint: Path, tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    from gguf_files import describe_tokenizer, write_gguf, write_whole_gguf
    from random_checkpoints import RandomCheckpoint

    file = write_whole_gguf(tmp_path / "tiny.gguf", tiny_checkpoint)
    requests = [ask(f"t{n}", sampling=Sampling(temperature=1.0, seed=n)) for n in range(4)]
    (of_folder,), (of_file,) = serve(tiny_checkpoint, requests), serve(file, requests)
    assert [reply.text for reply in of_file] == [reply.text for reply in of_folder]
    engine = build_engine(str(file), options=CPU)
    assert engine.described.startswith("tiny.gguf on cpu")
    assert engine.fingerprint() != build_engine(str(tiny_checkpoint), options=CPU).fingerprint()
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny_checkpoint)
    metadata = describe_tokenizer(transformers.AutoTokenizer.from_pretrained(tiny_checkpoint))
    metadata["tokenizer.ggml.pre"] = "unknown"
    strange = write_gguf(tmp_path / "strange.gguf", RandomCheckpoint(tiny_checkpoint, model), metadata=metadata)
    with pytest.raises(UsageError, match="is not read from GGUF files") as refused:
        build_engine(str(strange), options=CPU)
    assert "tokenizer.json" in refused.value.hint
    for path in tiny_checkpoint.glob("*token*"):
        shutil.copy(path, tmp_path)  # beside the file: it takes the place of the file's own
    shutil.copy(tiny_checkpoint / "chat_template.jinja", tmp_path)
    ((beside, *_),) = serve(strange, requests[:1])
    assert beside.text == of_folder[0].text


def test_a_stop_string_ends_the_text(letters: Path) -> None:
    ((plain,),) = serve(letters, [ask("Text", sampling=Sampling(temperature=1.0, seed=0))])
    middle = plain.text[5:8]
    one = plain.text[3]
    ((cut, short),) = serve(
        letters,
        [ask("Text", sampling=Sampling(temperature=1.0, seed=0), stop=stop) for stop in ((middle,), (one, "~~"))],
    )
    assert cut.text == plain.text[: plain.text.index(middle)]
    assert cut.finish_reason is short.finish_reason is FinishReason.STOP_STRING
    assert cut.completion_tokens == plain.text.index(middle) + 3  # the token that completes it is the last
    assert short.text == plain.text[: plain.text.index(one)]
    assert short.completion_tokens == len(short.text) + 1  # a single token ends it at once


def test_drafts_change_nothing_where_a_stop_string_ends_a_text(letters: Path) -> None:
    """A right draft of the whole text brings the stop string and what is behind it in one step."""
    sampling = [Sampling(temperature=1.0, seed=seed) for seed in range(16)]
    (plain,) = serve(letters, [ask("Text", sampling=one) for one in sampling])
    long = [(one, r.text) for one, r in zip(sampling, plain, strict=True) if len(r.text) > 9]
    assert len(long) >= 5
    without, drafted = (
        serve(
            letters,
            [ask("Text", sampling=one, stop=(text[6:9],), reference=text if drafts else "") for one, text in long],
        )[0]
        for drafts in (False, True)
    )
    for (_, text), before, after in zip(long, without, drafted, strict=True):
        assert (after.text, after.completion_tokens) == (before.text, before.completion_tokens)
        assert after.finish_reason is before.finish_reason is FinishReason.STOP_STRING
        assert after.text == text[: text.index(text[6:9])]


def test_a_reply_that_only_repeats_itself_is_stopped(letters: Path) -> None:
    """Without noise, a random model soon does; a text that is to be copied may."""
    (first,) = serve(letters, [ask(f"Text {n}") for n in range(8)])
    looped = [n for n, reply in enumerate(first) if reply.finish_reason is FinishReason.LOOPED]
    assert looped
    assert all(first[n].completion_tokens in (128, 192) for n in looped)
    text = first[looped[0]].text
    ((again,),) = serve(letters, [ask(f"Text {looped[0]}", reference=text * 2, growth=1.0)])
    assert again.completion_tokens > len(text)


def test_fp8_is_for_gpus(tiny_checkpoint: Path) -> None:
    with pytest.raises(UsageError, match="a CPU computes fp8 slower") as caught:
        build_engine(str(tiny_checkpoint), options=EngineOptions(device="cpu", dtype="fp8"))
    assert "bfloat16" in str(caught.value.hint)


@pytest.mark.parametrize(("asked", "expected"), [(0, 512), (300, 300), (1000, 1000), (10**6, 4096)])
def test_a_model_with_longrope_is_kept_within_what_it_was_trained_for(asked: int, expected: int, copy: Path) -> None:
    """Unless longer texts are asked for: then all texts are computed in another way."""
    path = copy / "config.json"
    config = json.loads(path.read_text())
    factors = [1.0] * (config["hidden_size"] // config["num_attention_heads"] // 2)
    scaling = {"rope_type": "longrope", "rope_theta": 1e4, "short_factor": factors, "long_factor": factors}
    config |= {"model_type": "phi3", "max_position_embeddings": 4096, "original_max_position_embeddings": 512}
    config |= {"rope_parameters": scaling}
    del config["head_dim"]
    path.write_text(json.dumps(config))
    engine = build_engine(str(copy), options=EngineOptions(device="cpu", max_length=asked))
    assert f" length {expected} " in engine.fingerprint()


def test_what_is_too_long_fails_and_others_do_not(letters: Path) -> None:
    async def whole() -> list[Any]:
        engine = build_engine(str(letters), options=EngineOptions(device="cpu", max_length=400))
        try:
            await engine.start()
            asked = [engine.generate(ask(text)) for text in ("x" * 500, "fine")]
            return list(await asyncio.gather(*asked, return_exceptions=True))
        finally:
            await engine.close()

    failed, fine = asyncio.run(asyncio.wait_for(whole(), BOUND))
    assert isinstance(failed, CallFailed)
    assert failed.code == "context-exceeded"
    assert isinstance(fine, TextReply)


def test_garbage_is_text_whatever_the_ids(tiny_checkpoint: Path) -> None:
    """Random tokens are no valid UTF-8: the text is still text, and the next request is served."""
    requests = [ask("Text", sampling=Sampling(temperature=2.0, seed=seed)) for seed in range(8)]
    (replies,) = serve(tiny_checkpoint, requests)
    assert FinishReason.LENGTH in {reply.finish_reason for reply in replies}
    for reply in replies:
        assert reply.completion_tokens == 256 or reply.finish_reason is FinishReason.STOP
        assert reply.text.encode()
        assert "<|im_end|>" not in reply.text


def test_the_system_part_is_pinned(letters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned: list[list[int]] = []
    pin = KernelEngine.pin

    def note(self: KernelEngine, prefix_ids: list[int], adapter: str | None = None) -> None:
        pinned.append(prefix_ids)
        pin(self, prefix_ids, adapter)

    monkeypatch.setattr(KernelEngine, "pin", note)
    serve(letters, [ask(f"Text {n}") for n in range(5)])
    tokenizer = ChatTokenizer(letters, "letters")
    (ids,) = pinned
    assert tokenizer.decode(ids) == f"system\n{SYSTEM.content}\nuser\n"


def test_half_a_surrogate_pair_is_refused(tiny_checkpoint: Path) -> None:
    with pytest.raises(CallFailed) as failed:
        serve(tiny_checkpoint, [ask("\ud800")])
    assert failed.value.code == "refused"


ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"

DAMAGES: dict[str, tuple[Damage, str]] = {
    "no tokenizer": (remove("tokenizer.json"), "holds no tokenizer"),
    "a broken tokenizer": (put("tokenizer.json", '{"version": "1.0"'), "tokenizer of copy cannot be loaded"),
    "another broken tokenizer": (put("tokenizer.json", "{}"), "tokenizer of copy cannot be loaded"),
    "no chat template": (remove("chat_template.jinja"), "has no chat template"),
    "an empty chat template": (put("chat_template.jinja", ""), "has no chat template"),
    "a template with an error": (put("chat_template.jinja", "{% for %}"), "does not render a chat"),
    "a template that raises": (put("chat_template.jinja", "{{ raise_exception('no') }}"), "does not render a chat: no"),
    "a template that fills the memory": (
        put("chat_template.jinja", "{{ 'x' * 4000000000 }}"), "it takes more than 2 GiB of memory",
    ),
    "a template that doubles a text": (
        put("chat_template.jinja", "{% set n = namespace(x='x') %}{% for i in range(40) %}{% set n.x = n.x ~ n.x %}"
            "{% endfor %}{{ n.x }}"), "it takes more than 2 GiB of memory",
    ),
    "a template that pads a text": (put("chat_template.jinja", "{{ 'x'.ljust(40000000) }}"), "more than 32 MiB"),
    "a template that does not end": (put("chat_template.jinja", ENDLESS), "it takes more than 0.2 s"),
    "a tokenizer nested deeply": (put("tokenizer_config.json", "[" * 100_000), "tokenizer of copy cannot be loaded"),
    "a config nested deeply": (put("config.json", "[" * 100_000 + "]" * 100_000), "nested too deeply"),
    "no config": (remove("config.json"), "config.json does not exist"),
    "a broken config": (put("config.json", "{"), "is not JSON"),
    "an unknown architecture": (change("config.json", model_type="mamba"), 'model type "mamba" is unknown'),
    "code of its own": (
        change("config.json", model_type="own", auto_map={"AutoConfig": "own.Config"}), "which is never run",
    ),
    "quantized": (change("config.json", quantization_config={"bits": 4}), "quantized"),
    "other shapes": (change("config.json", intermediate_size=64), "has shape"),
    "weights cut short": (cut_weights, "model.safetensors cannot be read"),
    "a header cut short": (cut_header, "model.safetensors cannot be read"),
    "no weights": (remove("model.safetensors"), "holds no model.safetensors"),
    "pickled weights": (pickle_weights, "pickled weights only"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_a_bad_checkpoint_is_one_sentence(copy: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    damage, expected = DAMAGES[name]
    if "0.2 s" in expected:
        if not hasattr(signal, "setitimer"):
            pytest.skip("the system has no such timers")
        monkeypatch.setattr(template_bounds, "TRIAL_SECONDS", 0.2)
    if "memory" in expected and not Path("/proc/self/status").exists():
        pytest.skip("the system does not tell how much memory a process has")
    damage(copy)
    with pytest.raises((UsageError, EngineDown)) as failed:
        serve(copy, [ask("x")])
    error = failed.value
    assert expected in error.message
    assert "\n" not in error.message
    assert error.message.endswith(".")
    assert not error.message.endswith("..")
    assert error.hint or "attends" in error.message
    assert "Traceback" not in error.message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "model.safetensors"]
)
def test_a_pipe_or_a_device_is_one_sentence(copy: Path, name: str) -> None:
    (copy / name).unlink(missing_ok=True)
    os.mkfifo(copy / name)
    with pytest.raises(UsageError, match=f"{name} is no file, but a folder, a pipe or a device"):
        build_engine(str(copy), options=CPU)
    (copy / name).unlink()
    (copy / name).symlink_to("/dev/zero")
    with pytest.raises(UsageError, match=f"{name} is no file, but a folder, a pipe or a device"):
        build_engine(str(copy), options=CPU)


@pytest.mark.parametrize(
    ("model", "options", "expected"),
    [
        ("nowhere", CPU, "there is no folder nowhere"),
        ("./nowhere", CPU, "there is no folder"),
        ("/nowhere/model", CPU, "there is no folder"),
        ("a/b/c", CPU, "there is no folder"),
        (__file__, CPU, "is a file"),
        ("openai:gpt", CPU, "followed by @"),
        ("openai:gpt@ftp://x", CPU, "followed by @"),
        ("TINY", EngineOptions(device="tpu"), 'device is "tpu"'),
        ("TINY", EngineOptions(device="cpu", dtype="int4"), 'dtype is "int4"'),
        ("TINY", EngineOptions(devices="cpu,tpu"), '--devices cpu,tpu: "tpu" is no device.'),
        ("TINY", EngineOptions(devices="0,0"), "cuda:0 is named twice."),
        ("TINY", EngineOptions(devices="cpu,cpu", device="cpu"), "--device and --devices are both given."),
        ("nowhere", EngineOptions(devices="cpu,cpu"), "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(
    model: str, options: EngineOptions, expected: str, tiny_checkpoint: Path
) -> None:
    with pytest.raises(UsageError) as failed:
        build_engine(str(tiny_checkpoint) if model == "TINY" else model, options=options)
    assert expected in failed.value.message
    assert failed.value.hint


def test_the_name_of_a_served_model_is_no_folder() -> None:
    with pytest.raises(UsageError, match="there is no folder gpt-4o") as failed:
        build_engine("gpt-4o", options=CPU)
    assert "--model openai:gpt-4o@" in failed.value.hint


def test_a_missing_extra_is_named(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    with pytest.raises(UsageError, match="needs torch") as failed:
        build_engine(str(tiny_checkpoint), options=CPU)
    assert "pip install '.[engine]'" in failed.value.hint


def test_a_fingerprint_names_what_replies_depend_on(tiny_checkpoint: Path, copy: Path, tmp_path: Path) -> None:
    def line(folder: Path, **options: Any) -> str:
        return build_engine(str(folder), options=EngineOptions(device="cpu", **options)).fingerprint()

    first = line(tiny_checkpoint)
    assert first == line(tiny_checkpoint) == line(tiny_checkpoint, dtype="float32", concurrency=3)
    assert first.startswith("own tiny sha256:")
    assert "\n" not in first
    assert str(tiny_checkpoint.parent) not in first
    (copy / "README.md").write_text("notes do not count", encoding="utf-8")
    assert line(Path(shutil.copytree(copy, tmp_path / "moved" / "tiny"))) == first
    others = [line(tiny_checkpoint, dtype="bfloat16"), line(tiny_checkpoint, max_length=512)]
    assert len({first, *others}) == 3


@pytest.fixture
def two_adapters(letters: Path, tmp_path: Path) -> tuple[Adapter, Adapter]:
    one, other = (find_adapter(str(make_adapter(tmp_path / name, letters, seed=n))) for n, name in enumerate("ab"))
    return one, other


def test_requests_of_several_adapters_are_answered_together(
    letters: Path, two_adapters: tuple[Adapter, Adapter], tmp_path: Path
) -> None:
    """Each gets what it gets alone, in one process and in several; what is pinned for one is not read by another."""
    names = ["", *(adapter.name for adapter in two_adapters)]
    options = EngineOptions(device="cpu", adapters=two_adapters)
    sampling = [Sampling(temperature=1.0, seed=seed) for seed in range(4)]
    mixed = [ask("Text", sampling=one, adapter=name) for one in sampling for name in names]
    (together,) = serve(letters, mixed, options=options)
    alone = [serve(letters, [request], options=options)[0][0] for request in mixed[:6]]
    assert [reply.text for reply in together[:6]] == [reply.text for reply in alone]
    assert len({reply.text for reply in together[:3]}) == 3, "each adapter does something"
    (plain,) = serve(letters, [ask("Text", sampling=one) for one in sampling])
    assert [reply.text for reply in together[::3]] == [reply.text for reply in plain]
    (spread,) = serve(letters, mixed, options=EngineOptions(devices="cpu,cpu", adapters=two_adapters))
    assert [reply.text for reply in spread] == [reply.text for reply in together]


def test_each_adapter_has_a_fingerprint_of_its_own(letters: Path, two_adapters: tuple[Adapter, Adapter]) -> None:
    """The model's is the same with adapters and without: its verdicts are found again."""
    one, other = two_adapters
    engine = build_engine(str(letters), options=EngineOptions(device="cpu", adapters=two_adapters))
    assert engine.fingerprint() == build_engine(str(letters), options=CPU).fingerprint()
    assert engine.fingerprint(one.name) == f"{engine.fingerprint()} + adapter a sha256:{one.sha256}"
    assert engine.fingerprint(other.name).endswith(f"+ adapter b sha256:{other.sha256}")
    assert read_adapter_name(engine.fingerprint(other.name)) == other.name
    pool = build_engine(str(letters), options=EngineOptions(devices="cpu,cpu", adapters=two_adapters))
    assert pool.fingerprint(one.name) == engine.fingerprint(one.name)


def test_an_adapter_that_cannot_be_loaded_is_one_sentence(letters: Path, tmp_path: Path) -> None:
    whole = find_adapter(str(make_adapter(tmp_path / "a", letters, r=5, base_model_name_or_path="letters")))
    with pytest.raises(MidbError, match=r"has the rank 2, and adapter_config\.json says 5") as failed:
        serve(letters, [ask("x")], options=EngineOptions(device="cpu", adapters=(whole,)))
    assert failed.value.hint


def test_an_adapter_for_another_base_is_refused_before_anything_is_loaded(letters: Path, tmp_path: Path) -> None:
    manifest = {"prompts": "full", "base": {"name": "other", "sha256": "ab" * 32}}
    adapter = find_adapter(str(make_adapter(tmp_path / "a", letters, manifest=manifest)))
    with pytest.raises(UsageError, match="the adapter a was trained on other"):
        build_engine(str(letters), options=EngineOptions(device="cpu", adapters=(adapter,)))
    warnings: list[str] = []
    stranger = find_adapter(str(make_adapter(tmp_path / "b", letters, base_model_name_or_path="x/other")))
    build_engine(str(letters), options=EngineOptions(devices="cpu,cpu", adapters=(stranger,)), warn=warnings.append)
    assert warnings == ["the adapter b says that its base is x/other, and it runs on letters"]


def test_the_settings_of_a_run_say_which_adapter_answers_which_pass(letters: Path, tmp_path: Path) -> None:
    one, other = (str(make_adapter(tmp_path / name, letters, seed=n)) for n, name in enumerate("ab"))
    given = {"corpus": tmp_path / "c.jsonl", "model": str(letters), "device": "cpu"}

    def by_pass(**settings: Any) -> dict[str, str]:
        with open_engine(load_config(None, given | settings), lambda _: None) as engine:
            assert engine is not None
            return {pass_.value: adapter.label for pass_, adapter in engine.adapters.items()}

    assert by_pass() == {}
    assert by_pass(adapter=[one]) == {"content": "a", "translation": "a", "localization": "a"}
    assert by_pass(adapter=[one, f"translation={other}"], passes="content,translation") == {
        "content": "a", "translation": "b",
    }  # fmt: skip
    with pytest.raises(UsageError, match="there is no folder nowhere"):
        by_pass(adapter=["nowhere"])
    served = {"model": "openai:m@http://localhost:1", "adapter": "content=style"}
    assert by_pass(**served) == {"content": "style"}


def test_threads_that_wait_do_not_turn_in_circles(tiny_checkpoint: Path) -> None:
    """Whoever says otherwise is heeded. It has to be said before torch is there."""
    program = (
        "import os, sys; from midb.composition import build_engine\n"
        f"build_engine({str(tiny_checkpoint)!r})\n"
        "print(os.environ['OMP_WAIT_POLICY'])"
    )
    others = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    for given, expected in ((others, "passive"), (others | {"OMP_WAIT_POLICY": "active"}, "active")):
        done = subprocess.run([sys.executable, "-c", program], env=given, capture_output=True, text=True, check=True)
        assert done.stdout.split()[-1] == expected


def test_importing_it_loads_neither_side(tmp_path: Path) -> None:
    code = (
        "import midb.composition, sys; midb.composition.EngineOptions();"
        "print([name for name in sys.modules if name.startswith(('midb.agent', 'midb.kernels', 'torch', 'httpx'))])"
    )
    # Away from the checkout, whose folder midb/ is only a part of the package.
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_server_is_asked_by_its_own_engine() -> None:
    engine = build_engine("openai:qwen3-8b@http://localhost:8000", options=EngineOptions(concurrency=5))
    assert (engine.described, engine.concurrency) == ("qwen3-8b at http://localhost:8000/v1", 5)
    assert build_engine("openai:qwen3-8b@http://localhost:8000").concurrency > 5


def test_the_engine_is_described(tiny_checkpoint: Path) -> None:
    engine = build_engine(str(tiny_checkpoint), options=EngineOptions(device="cpu", dtype="bfloat16"))
    assert engine.described == "tiny on cpu (bfloat16)"
    assert engine.concurrency == 16
    assert build_engine(str(tiny_checkpoint), options=EngineOptions(device="cpu", concurrency=3)).concurrency == 3


def test_two_devices_answer_as_one_does(letters: Path) -> None:
    """Each in a process of its own, with the checkpoint read there."""
    requests = [ask(f"Text {n}", sampling=Sampling(temperature=1.0, seed=n), stop=("q",)) for n in range(12)]
    (alone,) = serve(letters, requests)
    (together,) = serve(letters, requests, options=EngineOptions(devices="cpu,cpu"))
    assert [(r.text, r.finish_reason, r.completion_tokens) for r in together] == [
        (r.text, r.finish_reason, r.completion_tokens) for r in alone
    ]
    two, one = (
        build_engine(str(letters), options=EngineOptions(devices=devices, concurrency=5))
        for devices in ("cpu,cpu", "cpu")
    )
    assert isinstance(two, DevicePool)
    assert isinstance(one, DevicePool), "a single one has an interpreter of its own as well"
    assert two.described == one.described.replace("on cpu", "on cpu 1, cpu 2")
    assert (two.concurrency, one.concurrency) == (6, 5), "what is asked for in all, shared"
    assert two.fingerprint() == one.fingerprint(), "replies of one are found again by the other"


@pytest.mark.parametrize(
    ("error", "survives"),
    [
        (ValueError("odd"), True),
        (torch.OutOfMemoryError("CUDA out of memory"), False),
        (torch.AcceleratorError("CUDA error: an illegal memory access"), False),
        (RuntimeError("CUDA error: device-side assert triggered"), False),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), False),
    ],
)
def test_what_an_engine_survives(kernel: KernelEngine, error: Exception, survives: bool) -> None:
    assert kernel.survives(error) is survives


def test_a_run_without_a_model_has_no_engine(tmp_path: Path) -> None:
    with open_engine(load_config(None, {"corpus": tmp_path / "corpus.jsonl"}), lambda message: None) as engine:
        assert engine is None


def test_the_engine_of_a_run_is_built_as_its_settings_say_and_closed_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, EngineOptions]] = []
    closed: list[bool] = []
    warnings: list[str] = []

    class Closable:
        async def close(self) -> None:
            closed.append(True)

    def build(model: str, *, options: EngineOptions, warn: Callable[[str], None]) -> Closable:
        asked.append((model, options))
        warn("mind the gap")
        return Closable()

    monkeypatch.setattr("midb.composition.build_engine", build)
    settings = {"corpus": tmp_path / "corpus.jsonl", "model": "some/model", "device": "cpu", "concurrency": 3}
    with pytest.raises(KeyError), open_engine(load_config(None, settings), warnings.append) as engine:
        assert engine is not None
        assert isinstance(engine.text, Closable)
        raise KeyError
    assert asked == [("some/model", EngineOptions(device="cpu", concurrency=3))]
    assert (closed, warnings) == ([True], ["mind the gap"])


def test_requests_and_results_pass_between_the_two_sides(kernel: KernelEngine) -> None:
    assert kernel.max_model_len == 200
    assert not kernel.busy
    first, second = kernel.add(ask_tokens([5, 6, 7])), kernel.add(ask_tokens([5, 6], stop_ids=list(range(600))))
    assert kernel.busy
    while kernel.step():
        pass
    results = {result.index: result for result in kernel.take_results()}
    assert (len(results[first].token_ids), results[first].finish_reason) == (4, "length")
    assert (len(results[second].token_ids), results[second].finish_reason) == (1, "stop")
    assert list(kernel.take_results()) == []


@pytest.mark.parametrize(
    ("prompt", "changes", "code"),
    [
        ([5] * 197, {}, "context-exceeded"),
        ([5], {"max_new_tokens": 200}, "context-exceeded"),
        ([], {}, "refused"),
        ([10**6], {}, "refused"),
        ([5], {"temperature": -1.0}, "refused"),
    ],
)
def test_what_can_never_be_served_is_refused_with_a_code(
    prompt: list[int], changes: dict[str, Any], code: str, kernel: KernelEngine
) -> None:
    with pytest.raises(RequestRefused) as caught:
        kernel.add(ask_tokens(prompt, **changes))
    assert caught.value.code == code
    assert caught.value.hint
    assert not kernel.busy


def test_a_request_can_be_taken_back(kernel: KernelEngine) -> None:
    index = kernel.add(ask_tokens([5]))
    assert kernel.cancel(index)
    assert not kernel.cancel(index)
    assert [result.finish_reason for result in kernel.take_results()] == ["cancelled"]


def test_a_beginning_for_which_there_is_no_room_is_not_pinned(kernel: KernelEngine) -> None:
    kernel.pin([5] * 160)
    assert not kernel.busy
    kernel.pin([6] * 16)
    assert kernel.busy  # it holds up nobody: steps of others compute it
    for prompt, hits in (([5] * 161, 0), ([*[6] * 16, 7], 16)):
        kernel.add(ask_tokens(prompt))
        while kernel.step():
            pass
        assert [result.prefix_hits for result in kernel.take_results()] == [hits]
