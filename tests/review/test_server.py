"""The review page: who may come in, how hostile texts are shown, and that verdicts are in the log before it goes on."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")

from review_fixtures import HOSTILE, candidates_of
from small_runs import write_lines
from starlette.testclient import TestClient

from midb.audit.log import AuditLog
from midb.audit.reader import AuditReader
from midb.audit.verdicts import find_by_reviewer
from midb.corpus.formats.containers import open_container
from midb.corpus.opened import open_corpus
from midb.review import desk as desk_module
from midb.review.desk import Desk, Said
from midb.review.originals import Originals
from midb.review.server import COOKIE, ReviewSite

HOST = "127.0.0.1:9999"
OWN = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}


@pytest.fixture
def site(log: Path) -> ReviewSite:
    with AuditReader(log) as reader:
        desk = Desk(log, reader.run(1), sleep=lambda _: None)
    return ReviewSite(desk, list(candidates_of(log).values()), "Ana", host=HOST)


@pytest.fixture
def browser(site: ReviewSite) -> Iterator[TestClient]:
    """Somebody who has opened the address."""
    with TestClient(site.make_app(), base_url=f"http://{HOST}", follow_redirects=False) as client:
        assert client.get(site.address).status_code == 303
        yield client


def place_of(site: ReviewSite, name: str) -> int:
    return site.candidates.index(candidates_of(site.desk.path)[name])


def say(browser: TestClient, site: ReviewSite, name: str, verdict: str, **more: str) -> str:
    """Press a button; returns where the browser is sent."""
    form = {"item": candidates_of(site.desk.path)[name].item.name, "verdict": verdict, **more}
    answer = browser.post("/say", data=form, headers=OWN)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def said_by(log: Path, reviewer: str = "Ana") -> dict[str, tuple[str, str | None, str]]:
    with AuditReader(log) as reader:
        rows = find_by_reviewer(reader, 1).get(reviewer, {})
    return {item: (row.verdict, row.text, row.note) for item, row in rows.items()}


# -- who may come in ---------------------------------------------------------------------------------------------------


def test_without_the_token_there_is_nothing(site: ReviewSite) -> None:
    with TestClient(site.make_app(), base_url=f"http://{HOST}", follow_redirects=False) as stranger:
        for path in ("/", "/item/0", "/progress", "/?token=wrong", "/item/0?token=" + site.token):
            answer = stranger.get(path)
            assert (answer.status_code, "Grüße" in answer.text) == (403, False), path
        stranger.cookies.set(COOKIE, "wrong")
        assert stranger.get("/item/0").status_code == 403
        assert stranger.post("/say", data={"item": "e-1-0", "verdict": "accept"}, headers=OWN).status_code == 403
    assert said_by(site.desk.path) == {}


def test_the_cookie_is_for_this_page_alone(site: ReviewSite) -> None:
    with TestClient(site.make_app(), base_url=f"http://{HOST}", follow_redirects=False) as client:
        cookie = client.get(site.address).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert site.token not in client.get("/item/0").text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": f"http://{HOST}", "sec-fetch-site": "cross-site"},
        OWN | {"host": "evil.example:9999"},
    ],
)
def test_other_pages_give_no_verdicts(headers: dict[str, str], browser: TestClient, site: ReviewSite) -> None:
    form = {"item": candidates_of(site.desk.path)["one mojibake"].item.name, "verdict": "reject"}
    assert browser.post("/say", data=form, headers=headers).status_code == 403
    assert said_by(site.desk.path) == {}


def test_a_name_that_was_pointed_here_is_refused(browser: TestClient) -> None:
    assert browser.get("/item/0", headers={"host": "evil.example"}).status_code == 403


# -- what it shows -----------------------------------------------------------------------------------------------------


def test_hostile_texts_stay_texts(browser: TestClient, site: ReviewSite) -> None:
    for name in ("hostile mojibake", "hostile invisible-character"):
        answer = browser.get(f"/item/{place_of(site, name)}")
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "&lt;script&gt;alert" in answer.text
        shown = re.sub(r"<textarea.*?</textarea>", "", answer.text, flags=re.DOTALL)
        assert "\u202e" not in shown, "what steers is made visible, but in the field whose text goes back"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert policy.count("'sha256-") == 2


def test_a_right_text_goes_out_and_comes_back_as_it_is(browser: TestClient, site: ReviewSite) -> None:
    place = place_of(site, "hostile invisible-character")
    field = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", browser.get(f"/item/{place}").text, re.DOTALL)
    assert field is not None
    assert field[1] in HOSTILE
    say(browser, site, "hostile invisible-character", "change", text="zwei\r\nZeilen")
    assert [text for _, text, _ in said_by(site.desk.path).values()] == ["zwei\nZeilen"]


def test_all_of_an_edit_is_shown(browser: TestClient, site: ReviewSite) -> None:
    text = browser.get(f"/item/{place_of(site, 'two decimal-separator')}").text
    for part in ("<del>.</del>", "<ins>,</ins>", "3.5", "German (de)", "decimal-separator", "Wie groß?"):
        assert part in text
    assert (
        "2 edits that stand or fall together" in browser.get(f"/item/{place_of(site, 'quotes quotation-marks')}").text
    )


# -- what people say ---------------------------------------------------------------------------------------------------


def test_a_sitting(browser: TestClient, site: ReviewSite) -> None:
    """Each verdict is in the log before the next page comes, and the end is told."""
    log = site.desk.path
    names = list(candidates_of(log))
    assert say(browser, site, names[0], "accept") == "/item/1"
    assert said_by(log)[site.candidates[0].item.name] == ("accept", None, "")
    assert say(browser, site, names[1], "skip") == "/item/2"
    assert site.candidates[1].item.name not in said_by(log)
    assert say(browser, site, names[2], "reject", note="=wrong") == "/item/3"
    assert "You said: <b>reject</b>" in browser.get("/item/2").text
    assert say(browser, site, names[2], "withdraw") == "/item/2"
    assert site.candidates[2].item.name not in said_by(log)
    for name in names[2:]:
        say(browser, site, name, "reject")
    assert say(browser, site, names[1], "accept") == f"/item/{len(names)}", "nothing is left"
    assert "All is reviewed" in browser.get(f"/item/{len(names)}").text
    assert f"{len(names)} of {len(names)} edits and findings reviewed" in browser.get("/item/0").text
    assert browser.get(site.address).headers["location"] == f"/item/{len(names)}"


def test_slips_are_asked_again_with_what_was_typed(browser: TestClient, site: ReviewSite) -> None:
    form = {"item": candidates_of(site.desk.path)["one mojibake"].item.name, "verdict": "change", "note": "why <b>"}
    answer = browser.post("/say", data=form | {"text": "x\x07"}, headers=OWN)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "control character" in answer.text
    assert 'value="why &lt;b&gt;"' in answer.text
    assert said_by(site.desk.path) == {}


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"item": "e-999-9", "verdict": "accept"}, 404),
        ({"verdict": "accept"}, 404),
        ({"item": "e-1-0", "verdict": "delete"}, 422),
        ({"item": "e-1-0", "verdict": "accept", "note": "x" * 300_000}, 413),
        ("é" * 10, 400),
    ],
)
def test_what_is_no_verdict(data: object, status: int, browser: TestClient, site: ReviewSite) -> None:
    sent = {"content": data.encode()} if isinstance(data, str) else {"data": data}
    assert browser.post("/say", headers=OWN, **sent).status_code == status
    assert said_by(site.desk.path) == {}


def test_while_another_writes_it_is_asked_again(
    browser: TestClient, site: ReviewSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "PATIENCE", 0.0)
    form = {"item": site.candidates[0].item.name, "verdict": "accept"}
    with AuditLog(site.desk.path):
        answer = browser.post("/say", data=form, headers=OWN)
    assert (answer.status_code, "in use" in answer.text) == (422, True)
    assert browser.post("/say", data=form, headers=OWN).status_code == 303


def test_progress_and_agreement(browser: TestClient, site: ReviewSite) -> None:
    found = candidates_of(site.desk.path)
    for number, one in enumerate(found.values()):
        site.desk.say("Bo <b>", one, Said("accept" if number % 2 else "reject"))
    for name in list(found)[:4]:
        say(browser, site, name, "accept")
    text = browser.get("/progress").text
    assert "Bo &lt;b&gt;" in text
    assert re.search(r"<td>0\.00</td><td>4</td>", text), "half of four agree, and by chance half would"
    assert re.search(r"German \(de\)</th><td>mojibake</td><td>2</td><td>2</td>", text)


def test_a_real_browser_runs_it_without_an_error(site: ReviewSite, tmp_path: Path) -> None:
    """The page keeps its own rules: a browser that refuses a style or a script says so."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no chromium")
    with TestClient(site.make_app(), base_url=f"http://{HOST}", follow_redirects=False) as client:
        client.get(site.address)
        answer = client.get(f"/item/{place_of(site, 'hostile mojibake')}")
    policy = answer.headers["content-security-policy"].replace("form-action 'self'; frame-ancestors 'none'", "")
    page = tmp_path / "page.html"
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}"><meta charset="utf-8">'
    page.write_text(answer.text.replace('<meta charset="utf-8">', meta), encoding="utf-8")
    command = [
        program, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0",
        f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "Refused to" not in done.stderr
    assert "CONSOLE" not in done.stderr, done.stderr
    assert 'id="verdict"' in done.stdout


def test_a_text_that_is_gone_is_shown_as_nothing(cli: Callable[..., Any], tmp_path: Path) -> None:
    record = {
        "id": "gone", "instruction": "Nenne drei Farben.", "input": "<noinput>", "output": "Rot, Blau und Grün.",
        "source": {"instruction": "Name three colours.", "input": "<noinput>", "output": "Red, blue and green."},
    }  # fmt: skip
    corpus = write_lines(tmp_path / "n.jsonl", record)
    assert cli("run", corpus, "--language", "de", "--quiet").code == 0
    log = tmp_path / "n.boosted.jsonl.audit.db"
    with AuditReader(log) as reader:
        site = ReviewSite(Desk(log, reader.run(1)), list(candidates_of(log).values()), "Ana", host=HOST)
    with TestClient(site.make_app(), base_url=f"http://{HOST}", follow_redirects=False) as client:
        client.get(site.address)
        text = client.get("/item/0").text
    assert "<del>&lt;noinput&gt;</del>" in text
    assert text.count("(nothing)") == 1


def test_the_english_original_is_shown_or_it_is_said_why_not(site: ReviewSite, log: Path) -> None:
    opened = open_corpus(open_container(log.with_name("c.jsonl")), identify=False)
    originals = Originals.read(opened, range(6))
    with AuditReader(log) as reader:
        desk = Desk(log, reader.run(1))
    for given, told in ((originals, True), (Originals("the corpus has <changed>"), False)):
        shown = ReviewSite(desk, list(candidates_of(log).values()), "Ana", host=HOST, originals=given)
        with TestClient(shown.make_app(), base_url=f"http://{HOST}", follow_redirects=False) as client:
            client.get(shown.address)
            page = client.get(f"/item/{place_of(shown, 'two decimal-separator')}").text
            other = client.get(f"/item/{place_of(shown, 'one mojibake')}").text
        assert ("The tower is 3.5 meters tall" in page) is told
        assert ("How tall?" in page) is told, "the whole pair, too"
        assert ("No English original: the corpus has &lt;changed&gt;." in page) is not told
        assert ("No English original: this record has none." in other) is told


def test_a_browser_that_goes_away_in_the_middle_leaves_nothing(site: ReviewSite, log: Path) -> None:
    """Half a form and then nobody: no verdict, no error that somebody would have to read."""
    sent: list[dict[str, Any]] = []
    parts: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": b"item=e-1-0&verd", "more_body": True}, {"type": "http.disconnect"}]
    )
    headers = {"host": HOST, "cookie": f"{COOKIE}={site.token}", **OWN}
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/say", "raw_path": b"/say",
        "query_string": b"",
        "scheme": "http", "server": ("127.0.0.1", 9999), "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return next(parts, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(site.make_app()(scope, receive, send))
    assert [message["status"] for message in sent if "status" in message] in ([], [400])
    assert said_by(log) == {}
