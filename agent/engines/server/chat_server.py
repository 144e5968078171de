"""One OpenAI-compatible server: sends a request, reads the whole response, and knows what a status means for all alike.

It knows nothing of what is asked: that is in ``chat_call`` and ``chat_api``.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
from pydantic import SecretStr

from midb import __version__
from midb.agent.engines.protocol import CallFailed, EngineDown
from midb.agent.engines.server import chat_api
from midb.agent.engines.server.server_address import is_loopback
from midb.domain.errors import UsageError
from midb.text.smuggling.folding import drop_unseen

#: Seconds within which a connection must come about.
_CONNECT_SECONDS = 10.0

#: Most seconds that a Retry-After is read as: more than thirty years, and printed without an exponent.
_LONGEST_RETRY_AFTER = 1e9

#: Most bytes of any response, and of the list of models; the caller of an exchange mostly knows a smaller bound.
LARGEST_BODY = 32 << 20
LARGEST_LISTING = 8 << 20

#: Bytes that are read of a response that is a complaint: its sentence stands at the beginning.
_READ_OF_COMPLAINT = 64 << 10

#: Characters of the shortest key that is a secret. What servers without keys are given ("EMPTY") is none.
_SHORTEST_SECRET = 8

#: Seconds after which an idle connection is closed. Servers close theirs later (uvicorn after 5 s). If they did so
#: first, the next request would look like a failure.
_IDLE_SECONDS = 2.0

#: Statuses of a server that is busy or that was interrupted.
_BUSY = frozenset({408, 409, 425, 429})

#: A server's word that it does not know something. Some use it for ``response_format``, so asking again does not help.
_NOT_IMPLEMENTED = 501


@dataclass(frozen=True, slots=True)
class ChatResponse:
    """A response, read to its end."""

    status: int
    headers: httpx.Headers
    body: bytes


#: Hears the headers and one piece of a body; says whether to read on.
Listener = Callable[[httpx.Headers, bytes], bool]


class TransientFailure(Exception):
    """A failure after which to ask again: a busy server, a lost connection, half a reply.

    :param code: as in ``CallFailed``.
    :param wait: seconds that the server wants to be left alone.
    :param refused: nobody listens at the address.
    """

    def __init__(self, code: str, sentence: str, wait: float = 0.0, *, refused: bool = False) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.wait = wait
        self.refused = refused


def too_long(largest: int) -> TransientFailure:
    """What to raise for a response of more than so many bytes."""
    return TransientFailure("bad-reply", f"a reply of more than {largest >> 10:,} KiB.")


class ChatServer:
    """The connections to one server, and the key that it gets.

    :param url: as ``normalise_url`` makes it.
    :param key_variable: environment variable that holds the key; if it is not set, no key is sent.
    :param now: counts seconds since 1970.
    :raises UsageError: for a key that no header can carry.
    """

    def __init__(
        self, url: str, *, key_variable: str, environment: Mapping[str, str], now: Callable[[], float]
    ) -> None:
        self.url = url
        self._key_variable = key_variable
        self._key = _read_key(key_variable, environment)
        self._now = now
        self._clients: list[httpx.AsyncClient] = []
        self._idle: list[httpx.AsyncClient] = []  # clients that no exchange is using
        self._tls: ssl.SSLContext | None = None
        self._closed = False

    def open(self, warn: Callable[[str], None]) -> None:
        """Get ready to exchange; ``warn`` is called if the key will be sent unencrypted."""
        if self._tls is None:
            # Reading all certificates takes a tenth of a second. Without any, no encrypted connection would succeed.
            plain = self.url.startswith("http://")
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else httpx.create_ssl_context()
        if self._key and self.url.startswith("http://") and not is_loopback(self.url):
            warn(f"the key in {self._key_variable} goes unencrypted to {self.url}.")

    async def close(self) -> None:
        """Close the connections; exchanges that are going on fail."""
        self._closed = True
        clients, self._clients, self._idle = self._clients, [], []
        for client in clients:
            await client.aclose()

    async def exchange(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        *,
        largest: int = LARGEST_BODY,
        listen: Listener | None = None,
        at_root: bool = False,
    ) -> ChatResponse:
        """Send a request and read the whole response, or of a complaint the beginning.

        :param largest: most bytes of the response; of one that has more no more is read.
        :param listen: is given each piece of a response that is no complaint; once it says so, no more is read.
        :param at_root: the path begins at the host, not at the API's address.
        :raises TransientFailure: if it makes sense to ask again.
        :raises EngineDown: if the server cannot serve any request.
        """
        largest = min(largest, LARGEST_BODY)
        if self._closed:
            raise CallFailed("connection", f"the connection to {self.url} was closed.")
        if self._tls is None:
            raise RuntimeError("the engine is not started")
        try:
            with self._borrow_client(self._tls) as client:
                url = (self.url.removesuffix("/v1") if at_root else self.url) + path
                async with client.stream(method, url, content=content) as response:
                    body = await _read_body(response, largest, listen)
                    answer = ChatResponse(response.status_code, response.headers, body)
        except httpx.RequestError as error:
            reason = self.redact(str(error)) or type(error).__name__
            refused = isinstance(error, httpx.ConnectError)
            raise TransientFailure("connection", f"{reason}.", refused=refused) from error
        self._check(answer)
        return answer

    def refuse_key(self, text: str) -> None:
        """Raise CallFailed if a reply holds the key, as it is, backwards or in Base64: it must not reach the log."""
        if not self._forms:
            return
        plain = drop_unseen(text).casefold()
        if any(form.casefold() in plain for form in self._forms if len(form) >= _SHORTEST_SECRET):
            raise CallFailed(
                "key-in-reply",
                f"{self.url} sent the key back in a reply, which was thrown away.",
                hint=f"Do not trust that server, and change the key in {self._key_variable}.",
            )

    def redact(self, text: str, limit: int = chat_api.SHOWN) -> str:
        """Make a foreign text fit for people: short, on one line, and without the key, which a server may repeat."""
        for form in self._forms:
            text = text.replace(form, "***")
        return chat_api.shorten(text, limit)

    @functools.cached_property
    def _forms(self) -> tuple[str, ...]:
        """The key as a server may send it back: as it is, backwards, in Base64."""
        if not self._key:
            return ()
        key = self._key.get_secret_value()
        return key, key[::-1], base64.b64encode(key.encode()).decode().rstrip("=")[:-1]

    @contextlib.contextmanager
    def _borrow_client(self, tls: ssl.SSLContext) -> Iterator[httpx.AsyncClient]:
        """Take a client for one exchange, which nobody else uses meanwhile.

        A single client for all would keep its connections in one pool, which httpx searches with every request: with
        200 requests in flight this took three quarters of the process's time.
        """
        if self._idle:
            client = self._idle.pop()  # the one used last: its connection is the likeliest to be still open
        else:
            client = self._make_client(tls)
            self._clients.append(client)
        try:
            yield client
        finally:
            self._idle.append(client)

    def _make_client(self, tls: ssl.SSLContext) -> httpx.AsyncClient:
        headers = {
            "User-Agent": f"midb-agent/{__version__}",
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",  # a small response must not unpack to a large one
        }
        if self._key:
            headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        host = httpx.URL(self.url).host
        # A proxy that the environment names cannot reach this machine.
        local = {f"all://[{host}]" if ":" in host else f"all://{host}"} if is_loopback(self.url) else ()
        return httpx.AsyncClient(
            headers=headers,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # none is kept, so none is sent
            follow_redirects=False,  # the key and the corpus go to the host that the user named, and to no other
            # Only a silence has a limit, and the whole, in ChatCall: a reply that comes slowly is still coming.
            timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
            limits=httpx.Limits(max_keepalive_connections=1, keepalive_expiry=_IDLE_SECONDS),
            verify=tls,
            mounts=dict.fromkeys(local),
        )

    def _check(self, answer: ChatResponse) -> None:
        """Raise what a status means for every request alike."""
        status = answer.status
        if status in (401, 403):
            what = "refuses the key" if self._key else "wants a key"
            raise EngineDown(
                f"{self.url} {what} (HTTP {status}){self._quote(answer)}",
                hint=f"The key is read from the environment variable {self._key_variable}.",
            )
        if 300 <= status < 400:
            raise EngineDown(
                f"{self.url} sends elsewhere (HTTP {status}), where neither key nor corpus is sent.",
                hint=f"It names {self._read_target(answer)}; if that is right, give it as the address.",
            )
        complaint = chat_api.read_complaint(status, answer.body) if status >= 400 else None
        if complaint is None or complaint.context_exceeded:
            return
        if complaint.quota_used_up:
            raise EngineDown(f"the quota at {self.url} is used up{self._quote(answer)}")
        if status in _BUSY or (status >= 500 and status != _NOT_IMPLEMENTED):
            wait = chat_api.read_retry_after(answer.headers.get("retry-after"), self._now(), _LONGEST_RETRY_AFTER)
            raise TransientFailure(f"http-{status}", f"HTTP {status}{self._quote(answer)}", wait)

    def _quote(self, answer: ChatResponse) -> str:
        """The end of a sentence: what the server says, if it says something."""
        sentence = self.redact(chat_api.read_complaint(answer.status, answer.body).sentence)
        return f": {sentence}" if sentence else "."

    def _read_target(self, answer: ChatResponse) -> str:
        """Read where a redirect leads, without what may be a key in it."""
        try:
            target = httpx.URL(self.url).join(answer.headers.get("location", ""))
        except httpx.InvalidURL:
            return "an address that is none"
        return self.redact(str(target.copy_with(userinfo=b"", query=None, fragment=None)))


async def _read_body(response: httpx.Response, largest: int, listen: Listener | None = None) -> bytes:
    """Read a body that is not compressed, ``largest`` bytes at most; of a complaint only the beginning."""
    complains = response.status_code >= 400
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        if complains:
            return b""
        raise TransientFailure("bad-reply", f"a reply that is compressed ({chat_api.shorten(coding, 20)}), unasked.")
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if complains:
            if len(body) >= _READ_OF_COMPLAINT:
                return bytes(body[:_READ_OF_COMPLAINT])
        elif len(body) > largest:
            raise too_long(largest)
        elif listen and not listen(response.headers, piece):
            break
    return bytes(body)


def _read_key(variable: str, environment: Mapping[str, str]) -> SecretStr | None:
    """Read the key from a variable; None if it is not set. Raises UsageError for a key that no header can carry."""
    key = environment.get(variable, "").strip()
    if not all("!" <= character <= "~" for character in key):
        raise UsageError(
            f"the key in the environment variable {variable} has blanks or characters that are not ASCII.",
            hint="Was more than the key put into it?",
        )
    return SecretStr(key) if key else None
