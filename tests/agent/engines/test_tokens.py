"""The protocols between text and ids: those who claim to fulfil them do so to the names of their parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from fake_engine import FakeEngine, FakeResult, Letters

from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer
from midb.agent.engines.tokens import RequestRefused, TokenEngine, Tokenizer, TokenRequest, TokenResult
from midb.composition import KernelEngine


def list_members(protocol: type) -> dict[str, Any]:
    return {name: value for name, value in vars(protocol).items() if not name.startswith("_")}


def list_parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    ("protocol", "claimant"),
    [(TokenEngine, KernelEngine), (TokenEngine, FakeEngine), (Tokenizer, ChatTokenizer), (Tokenizer, Letters)],
)
def test_every_method_is_there_with_its_parameters(protocol: type, claimant: type) -> None:
    members = list_members(protocol)
    assert len(members) > 3
    for name, member in members.items():
        found = inspect.getattr_static(claimant, name, None)
        if isinstance(member, property):
            assert isinstance(found, property) or name in getattr(claimant, "__annotations__", {})
        else:
            assert list_parameters(getattr(claimant, name)) == list_parameters(member), name


def test_a_result_of_the_engine_has_what_is_read_of_it() -> None:
    kernels = pytest.importorskip("midb.kernels")
    names = set(list_members(TokenResult))
    assert names <= set(kernels.Result.__dataclass_fields__)
    assert names <= set(FakeResult.__dataclass_fields__)


def test_a_refusal_has_a_code_and_a_hint() -> None:
    refused = RequestRefused("it is too long.", code="context-exceeded", hint="Shorten it.")
    assert (str(refused), refused.code, refused.hint) == ("it is too long.", "context-exceeded", "Shorten it.")
    assert (RequestRefused("no.").code, RequestRefused("no.").hint) == ("refused", "")


def test_a_request_names_all_that_it_asks_for() -> None:
    with pytest.raises(TypeError):
        TokenRequest([1], [], 1, 0.0, 0, [])  # type: ignore[call-arg]
