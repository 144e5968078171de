"""Names and addresses of models on servers: ``openai:NAME@URL`` taken apart and checked. Connects to nobody."""

from __future__ import annotations

import ipaddress
import re

import httpx

from midb.domain.errors import UsageError

#: What a user should have written.
SPEC_HINT = "openai:NAME@URL, such as openai:qwen3-8b@http://localhost:8000/v1"

#: One more than the highest number of a port.
_PORTS = 1 << 16


def parse_spec(model: str) -> tuple[str, str]:
    """Take ``openai:NAME@URL`` apart into name and address; the name may contain an ``@``.

    >>> parse_spec("openai:qwen3-8b@http://localhost:8000")
    ('qwen3-8b', 'http://localhost:8000/v1')

    :raises UsageError: for anything else; its message does not repeat what may be a password.
    """
    if not model.startswith("openai:"):
        raise UsageError("a model on a server is named by openai:NAME@URL.", hint=SPEC_HINT)
    found = re.fullmatch(r"(?P<name>.+)@(?P<url>https?:.*)", model.removeprefix("openai:"), re.IGNORECASE | re.DOTALL)
    if found is None:
        raise UsageError("the model is to be followed by @ and an http or https address.", hint=SPEC_HINT)
    name = found["name"]
    if "://" in name:
        raise UsageError("the model has two addresses.", hint=SPEC_HINT)
    return check_name(name), normalise_url(found["url"])


def check_name(name: str) -> str:
    """Check a model's name; raises UsageError for an empty one and for invisible characters."""
    if not name or name != name.strip() or not name.isprintable():
        raise UsageError("the model's name is empty, or has blanks or control characters around it.", hint=SPEC_HINT)
    return name


def normalise_url(url: str) -> str:
    """Make the address to which ``/chat/completions`` is added: ``/v1`` is added if it names a host only.

    >>> normalise_url("https://example.org/models/v1/"), normalise_url("http://[::1]:8000/")
    ('https://example.org/models/v1', 'http://[::1]:8000/v1')

    :raises UsageError: for a user name or a key in it, for anything but http and https, and for what is no address.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.userinfo:
        raise UsageError(
            "a key or password must not stand in the address, which is logged.",
            hint="Put it into an environment variable; OPENAI_API_KEY is read unless another one is named.",
        )
    if parsed.query or parsed.fragment:
        raise UsageError("the address must end with its path: nothing after ? or # is used.", hint=SPEC_HINT)
    if parsed.scheme not in ("http", "https") or not parsed.host or re.search(r"[\s%]", parsed.host):
        raise UsageError("the server's address is no http or https address with a host.", hint=SPEC_HINT)
    if parsed.port is not None and not 0 < parsed.port < _PORTS:
        raise UsageError(f"there is no port {parsed.port}.", hint=SPEC_HINT)
    path = parsed.path.rstrip("/") or "/v1"
    return str(parsed.copy_with(path=path))


def is_loopback(url: str) -> bool:
    """Whether the address is one of this machine's own.

    >>> is_loopback("http://localhost:8000/v1"), is_loopback("http://127.0.0.2/v1"), is_loopback("http://gpu-7/v1")
    (True, True, False)
    """
    host = httpx.URL(url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
