"""Names and addresses of models on servers, and what is no address."""

from __future__ import annotations

import doctest

import pytest

from midb.agent.engines.server import server_address
from midb.agent.engines.server.server_address import check_name, is_loopback, normalise_url, parse_spec
from midb.domain.errors import UsageError


@pytest.mark.parametrize(
    ("spec", "name", "url"),
    [
        ("openai:m@http://localhost:8000/v1", "m", "http://localhost:8000/v1"),
        ("openai:m@http://localhost:8000/v1/", "m", "http://localhost:8000/v1"),
        ("openai:m@http://localhost:8000", "m", "http://localhost:8000/v1"),
        ("openai:m@https://localhost/", "m", "https://localhost/v1"),
        ("openai:m@HTTPS://Example.ORG/openai", "m", "https://example.org/openai"),
        ("openai:Qwen/Qwen3-8B@http://[::1]:8000", "Qwen/Qwen3-8B", "http://[::1]:8000/v1"),
        ("openai:team@home:latest@http://h/v1", "team@home:latest", "http://h/v1"),
        ("openai:m@https-proxy@http://h", "m@https-proxy", "http://h/v1"),
        ("openai:/srv/my model@http://h", "/srv/my model", "http://h/v1"),
    ],
)
def test_a_spec_is_a_name_and_an_address(spec: str, name: str, url: str) -> None:
    assert parse_spec(spec) == (name, url)
    assert normalise_url(url) == url, "what was normalised once stays as it is"


@pytest.mark.parametrize(
    "spec",
    [
        "", "openai:", "openai:m", "m@http://h", "openai:m@h:8000", "openai:@http://h", "openai:m@http://",
        "openai:m@ftp://h", "openai:m@http:h", "openai:m@http://h:0", "openai:m@http://h:99999",
        "openai:m@http://h/v1?x=1", "openai:m@http://h/v1#x", "openai:m@http://a b/", "openai:m@http://h\n/v1",
        "openai: m@http://h", "openai:m\x1b[31m@http://h",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_a_hint(spec: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_spec(spec)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        "openai:m@http://user:geheim@h/v1", "openai:m@http://geheim@h", "openai:m@http://u:geheim@http://h",
        "openai:m@h:geheim", "openai:m@http://h/v1?key=geheim", "geheim@http://h",
    ],
)  # fmt: skip
def test_a_refusal_does_not_repeat_what_may_be_a_password(spec: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_spec(spec)
    assert "geheim" not in f"{caught.value} {caught.value.hint}"


def test_a_key_within_the_address_is_refused_in_so_many_words() -> None:
    with pytest.raises(UsageError, match="key or password must not stand in the address"):
        normalise_url("https://user:geheim@example.org/v1")


@pytest.mark.parametrize("name", ["", " m", "m\n", "a\u200bb", "\x1b[31mm"])
def test_a_name_that_nobody_can_read_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="model's name"):
        check_name(name)
    assert check_name("team/qwen3 8b@home") == "team/qwen3 8b@home"


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost/v1", True), ("http://127.9.9.9:1/v1", True), ("http://[::1]:8000/v1", True),
        ("http://localhost.example.org/v1", False), ("http://10.0.0.1/v1", False), ("http://[fe80::1]/v1", False),
    ],
)  # fmt: skip
def test_this_machines_own_addresses(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


def test_the_examples_in_the_source_are_true() -> None:
    result = doctest.testmod(server_address)
    assert result.attempted >= 3
    assert result.failed == 0
