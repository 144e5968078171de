"""The page: one file that asks nothing of the network, in which no text of a corpus is more than text."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from log_fixtures import RUN, WRITTEN, Story, now, pair, record
from report_fixtures import report_on

from midb.audit.log import AuditLog
from midb.domain.decisions import Pass
from midb.report.page import write_page

#: What a text may try with a page: every way in that a template could leave open.
EVIL = (
    "</p></article></script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "\"' onmouseover='document.title=1' <svg onload=document.title=1> {{ 7 * 7 }} &lt;b&gt; javascript:alert(1)"
)

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Read(HTMLParser):
    """What a page holds: its tags with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(path: Path, run: int = 1) -> str:
    figures, examples = report_on(path, run)
    return write_page(figures, examples, seed=0, most=10, version="1")


@pytest.fixture(scope="module")
def evil_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which everything that a corpus can give is hostile."""
    path = tmp_path_factory.mktemp("evil") / "evil.audit.db"
    story = Story(pair(f"a {EVIL} b"))
    story.rewrite(Pass.CONTENT, "leaked-markup", (EVIL, EVIL + "!"), evidence=EVIL).verified()
    with AuditLog(path, now=now) as log:
        run, checkpoint = log.begin(RUN)
        log.write_batch(run, [record(0, EVIL, "vi", story), record(1, "b", EVIL, story)], [], checkpoint, [], WRITTEN)
    return path


def test_it_asks_nothing_of_the_network(finished_log: Path) -> None:
    read = Read(page_of(finished_log))
    assert not read.named("link") + read.named("img") + read.named("iframe")
    assert all("src" not in attributes for _, attributes in read.tags)
    assert all((attributes["href"] or "").startswith("#") for attributes in read.named("a"))


def test_only_its_own_script_and_style_may_run(finished_log: Path) -> None:
    html = page_of(finished_log)
    (policy,) = [m["content"] or "" for m in Read(html).named("meta") if "http-equiv" in m]
    assert policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        (inline,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_hostile_texts_are_texts(evil_log: Path) -> None:
    read = Read(page_of(evil_log))
    assert len(read.named("script")) == 1
    assert not read.named("img") + read.named("svg")
    assert not any(name.startswith("on") for _, attributes in read.tags for name in attributes)
    assert "<svg onload=document.title=1>" in read.text
    assert "{{ 7 * 7 }}" in read.text


def test_each_text_says_its_language_and_direction(finished_log: Path) -> None:
    texts = [p for p in Read(page_of(finished_log)).named("p") if p.get("class") == "text"]
    assert {(p.get("lang"), p["dir"]) for p in texts} >= {("ar", "rtl"), ("th", "ltr"), ("ja", "ltr")}
    assert all(p["dir"] == "ltr" for p in texts if p.get("lang") != "ar")


def test_people_who_listen_or_type_find_their_way(finished_log: Path) -> None:
    read = Read(page_of(finished_log))
    assert read.named("html") == [{"lang": "en"}]
    assert all(th.get("scope") in ("col", "row") for th in read.named("th"))
    headings = [int(tag[1]) for tag, _ in read.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(section["aria-labelledby"] in ids for section in read.named("section"))
    assert all(div.get("tabindex") == "0" for div in read.named("div") if div.get("class") == "wide")


def test_it_says_that_it_is_a_sample_and_whose_figures_these_are(finished_log: Path) -> None:
    figures = report_on(finished_log)[0]
    text = Read(page_of(finished_log)).text
    assert "At most 10 edits of each kind, drawn by seed 0: 11 of 11." in text
    assert figures["verify"] in text
    assert "The run is interrupted" in Read(page_of(finished_log, 2)).text


def test_the_model_has_a_table_where_there_was_one(finished_log: Path) -> None:
    assert "The model" in Read(page_of(finished_log, 2)).text
    assert "The model" not in Read(page_of(finished_log, 1)).text


def browse(html: str, folder: Path, fragment: str = "") -> tuple[Read, str]:
    """The page as a browser has it after its script has run, and what the browser complained of."""
    if CHROMIUM is None:
        pytest.skip("no chromium here")
    page = folder / "report.html"
    page.write_text(html, encoding="utf-8")
    words = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    words += [f"--user-data-dir={folder / 'profile'}", "--dump-dom", f"{page.as_uri()}{fragment}"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, encoding="utf-8")
    complaints = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return Read(done.stdout), complaints


def shown(read: Read) -> list[tuple[str | None, str | None]]:
    return [(a["data-kind"], a["data-language"]) for a in read.named("article") if "hidden" not in a]


def test_a_browser_filters_the_edits(finished_log: Path, tmp_path: Path) -> None:
    html = page_of(finished_log)
    read, complaints = browse(html, tmp_path)
    assert complaints == ""
    assert "11 of 11 edits" in read.text
    assert all("hidden" not in form for form in read.named("form"))
    read, complaints = browse(html, tmp_path, "#kind=decimal-separator&language=ar")
    assert complaints == ""
    assert shown(read) == [("decimal-separator", "ar")]
    assert "1 of 11 edits" in read.text
    read, _ = browse(html, tmp_path, "#words=%EC%84%9C%EC%9A%B8")  # Seoul, in Korean
    assert shown(read) == [("repeated-words", "ko")]


def test_nothing_runs_in_a_browser(evil_log: Path, tmp_path: Path) -> None:
    read, complaints = browse(page_of(evil_log), tmp_path)
    assert complaints == "", "the policy had nothing to stop: nothing tried"
    assert "Report on corpus.boosted.jsonl" in read.text
    assert "owned" not in read.text.partition("Ledger")[0]
    assert len(shown(read)) == 2


def test_a_hundred_hostile_texts_do_nothing_in_a_browser(hostile_log: Path, tmp_path: Path) -> None:
    figures, examples = report_on(hostile_log, most=500)
    read, complaints = browse(write_page(figures, examples, seed=0, most=500, version="1"), tmp_path)
    assert complaints == ""
    assert "Report on =o'<b>|.jsonl" in read.text
    assert len(read.named("article")) > 100
