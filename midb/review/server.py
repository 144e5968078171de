"""The review page: a local server for one person and one log. Corpus text is hostile, and so are other pages.

It listens on 127.0.0.1 alone. The address that is opened holds a token once; afterwards a cookie does, which no script
reads and no other site sends. Requests for another host are refused (a name that was pointed at 127.0.0.1), and what
changes anything must come from the page itself.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from midb.audit.reader import AuditReader
from midb.audit.verdicts import find_by_reviewer
from midb.domain.errors import MidbError
from midb.locales import LANGUAGES, load
from midb.review.agreement import compute_kappa
from midb.review.choosing import Candidate
from midb.review.desk import Desk, Said
from midb.review.originals import Originals
from midb.review.showing import Passage, Shown, show_item
from midb.text.rendering import show_change
from midb.text.terminal import visible

#: The cookie with the token.
COOKIE = "midb_review"

#: Most bytes of a form that are read.
MOST_BYTES = 200_000


class ReviewSite:
    """What the page shows and takes.

    :param host: as browsers name it: "127.0.0.1:PORT".
    :param token: what lets a browser in.
    :param originals: the English originals of the candidates' records.
    """

    def __init__(
        self,
        desk: Desk,
        candidates: Sequence[Candidate],
        reviewer: str,
        *,
        host: str,
        token: str | None = None,
        originals: Originals | None = None,
    ) -> None:
        self.desk, self.candidates, self.reviewer, self.host = desk, candidates, reviewer, host
        self._originals = originals or Originals("nobody looked for them")
        self.token = token or secrets.token_urlsafe(24)
        self._places = {one.item.name: place for place, one in enumerate(candidates)}
        self._said = self._read_said()
        self._style, self._script = _read("page.css"), _read("page.js")
        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        environment.filters |= {
            "v": visible, "lines": _by_lines(visible), "change": _by_lines(show_change), "language": _name_language,
        }  # fmt: skip
        self._page = environment.from_string(_read("page.html"))

    @property
    def address(self) -> str:
        """What a person opens."""
        return f"http://{self.host}/?{urlencode({'token': self.token})}"

    def make_app(self) -> Starlette:
        """The application for a server."""
        app = Starlette(
            routes=[
                Route("/", self._enter),
                Route("/item/{place:int}", self._show),
                Route("/say", self._say, methods=["POST"]),
                Route("/progress", self._progress),
            ]
        )
        app.add_middleware(BaseHTTPMiddleware, dispatch=self._guard)
        return app

    # -- who may come in -------------------------------------------------------------------------------------------

    async def _guard(self, request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        refused = self._refuse(request)
        response = PlainTextResponse(refused, status_code=403) if refused else await call(request)
        response.headers.update(
            {
                "Content-Security-Policy": (
                    f"default-src 'none'; style-src {_hash(self._style)}; script-src {_hash(self._script)}; "
                    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
                ),
                "Cache-Control": "no-store",
                "Cross-Origin-Opener-Policy": "same-origin",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Referrer-Policy": "same-origin",
                "X-Content-Type-Options": "nosniff",
                "X-Frame-Options": "DENY",
            }
        )
        return response

    def _refuse(self, request: Request) -> str:
        """Why a request is not served; empty where it is."""
        if request.headers.get("host", "") != self.host:
            return "This page is served for its own address only."
        entering = request.url.path == "/" and "token" in request.query_params
        given = request.query_params["token"] if entering else request.cookies.get(COOKIE, "")
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            return "Open the address that midb-agent review printed."
        if request.method == "POST":
            origin = request.headers.get("origin", "")
            if origin != f"http://{self.host}" or request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
                return "Verdicts are taken from the page itself only."
        return ""

    # -- pages -----------------------------------------------------------------------------------------------------

    async def _enter(self, request: Request) -> Response:
        response = RedirectResponse(f"/item/{self._find_next(-1)}", status_code=303)
        response.set_cookie(COOKIE, self.token, httponly=True, samesite="strict", path="/")
        return response

    async def _show(self, request: Request) -> Response:
        return await run_in_threadpool(self._render, request.path_params["place"])

    async def _say(self, request: Request) -> Response:
        data = b""
        try:
            async for part in request.stream():
                data += part
                if len(data) > MOST_BYTES:
                    return PlainTextResponse("That is too much text.", status_code=413)
        except ClientDisconnect:  # the browser went away in the middle: half a verdict is none
            return PlainTextResponse("That came in half.", status_code=400)
        try:
            form = dict(parse_qsl(data.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=10))
        except ValueError:
            return PlainTextResponse("That is no form of this page.", status_code=400)
        return await run_in_threadpool(self._take, form)

    def _take(self, form: dict[str, str]) -> Response:
        place = self._places.get(form.get("item", ""), -1)
        if place < 0:
            return PlainTextResponse("There is no such edit or finding in this review.", status_code=404)
        verdict, one = form.get("verdict", ""), self.candidates[place]
        if verdict == "skip":
            return RedirectResponse(f"/item/{self._find_next(place)}", status_code=303)
        said = Said(verdict, form.get("text", "") if verdict == "change" else None, form.get("note", ""))
        try:
            self.desk.say(self.reviewer, one, said)
        except MidbError as error:
            return self._render(place, problem=error, typed=form, status=422)
        self._said = self._read_said()
        if verdict == "withdraw":
            return RedirectResponse(f"/item/{place}", status_code=303)
        return RedirectResponse(f"/item/{self._find_next(place)}", status_code=303)

    async def _progress(self, request: Request) -> Response:
        return await run_in_threadpool(self._render_progress)

    def _render(
        self, place: int, *, problem: MidbError | None = None, typed: dict[str, str] | None = None, status: int = 200
    ) -> Response:
        if not 0 <= place < len(self.candidates):
            return self._render_progress()
        try:
            with AuditReader(self.desk.path) as reader:
                shown = show_item(reader, self.candidates[place], self._originals)
        except MidbError as error:
            return PlainTextResponse(f"{visible(error.message)} {visible(error.hint)}", status_code=500)
        said = self._said.get(shown.name)
        return self._answer(
            status, shown=shown, place=place, said=said, problem=problem, typed=typed or {}, sides=_mark(shown),
            missing=self._originals.missing,
            last=max(place - 1, 0), progress=None, following=min(place + 1, len(self.candidates) - 1),
        )  # fmt: skip

    def _render_progress(self) -> Response:
        with AuditReader(self.desk.path) as reader:
            reviews = find_by_reviewer(reader, self.desk.run.id)
        own = reviews.get(self.reviewer, {})
        total = Counter((one.language, one.kind) for one in self.candidates)
        done = Counter((one.language, one.kind) for one in self.candidates if one.item.name in own)
        rows = [(language, kind, done[language, kind], count) for (language, kind), count in sorted(total.items())]
        # Edits that stand or fall together are judged once, and counted once.
        judged = {
            name: {item: row for item, row in said.items() if item in self._places} for name, said in reviews.items()
        }
        mine = judged.get(self.reviewer, {})
        others = [(name, *compute_kappa(mine, said)) for name, said in sorted(judged.items()) if name != self.reviewer]
        return self._answer(
            200, shown=None, progress=rows, others=others, problem=None, place=self._find_next(-1), typed={}
        )

    def _answer(self, status: int, **values: Any) -> HTMLResponse:
        done = sum(one.item.name in self._said for one in self.candidates)
        page = self._page.render(
            reviewer=self.reviewer, done=done, total=len(self.candidates), style=self._style, script=self._script,
            **values,
        )  # fmt: skip
        return HTMLResponse(page, status_code=status)

    # -- what was said ---------------------------------------------------------------------------------------------

    def _read_said(self) -> dict[str, Any]:
        """The verdicts of this reviewer, by the names of the items."""
        with AuditReader(self.desk.path) as reader:
            return find_by_reviewer(reader, self.desk.run.id).get(self.reviewer, {})

    def _find_next(self, place: int) -> int:
        """The next item without a verdict behind a place, from the beginning where there is none; else the end."""
        count = len(self.candidates)
        order = [*range(place + 1, count), *range(max(place + 1, 0))]
        return next((n for n in order if self.candidates[n].item.name not in self._said), count)


def _read(name: str) -> str:
    return (files("midb.review") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """How a content security policy names an inline script or style sheet."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _by_lines(show: Callable[[str], str]) -> Callable[[str], str]:
    """Shows a text line by line: a page has room for them."""
    return lambda text: "\n".join(map(show, text.split("\n")))


def _name_language(code: str) -> str:
    return f"{load(code).name} ({code})" if code in LANGUAGES else visible(code)


def _mark(shown: Shown) -> list[tuple[str, Passage]]:
    """The passages of an item, each with what it is."""
    if shown.after is None:
        return [("found", shown.before)]
    return [("before", shown.before), ("after", shown.after)]
