"""A hundred hostile texts through everything that shows a text: report, review, sheets, exports, screens. Nothing runs.

(tests/report/test_page.py opens a hostile report in a real browser, tests/review/test_server.py the review page.)
"""

from __future__ import annotations

import csv
import itertools
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest
from cli_fixtures import Cli
from hostile_texts import LONG, OWNED, REVIEWER, TEXTS
from log_fixtures import STEERING

from midb.audit.reader import AuditReader
from midb.review.choosing import ReviewChoice, choose
from midb.review.desk import Desk
from midb.review.sheets import read_sheet

#: What no page shows as it is: what turns text round, hides, or ends lines; and no control character but line ends.
HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200d\u2028-\u202e\u2060\ufeff]")

#: Cells that a spreadsheet would run.
FORMULA = re.compile("[=+\\-@\t\r\n＝＋－＠]")


class Shape(HTMLParser):
    """The tags of a page with the names of their attributes, and where it leads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[tuple[str, tuple[str, ...]]] = set()
        self.links: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add((tag, tuple(name for name, _ in attrs)))
        self.links |= {value or "" for name, value in attrs if name in ("href", "src", "action", "formaction")}


def check_page(html: str, package: str) -> None:
    """No tag and no attribute comes from a text, and nothing in it hides or turns round what is read."""
    shape = Shape(html)
    template = (files(package) / "page.html").read_text(encoding="utf-8")
    assert {tag for tag, _ in shape.tags} <= set(re.findall(r"<(\w+)", template))
    assert not [name for _, attributes in shape.tags for name in attributes if name.startswith("on") or name == "src"]
    assert all(link.startswith(("#", "/")) and not link.startswith("//") for link in shape.links)
    # What a person edits is exact: a text in its field is raw, and stays in there.
    read = re.sub('<textarea.*?</textarea>|(?<= value=)"[^"]*"', "", html, flags=re.DOTALL)
    found = HIDDEN.search(read)
    assert found is None, (found.start(), read[max(found.start() - 60, 0) : found.end() + 20])
    assert html.count("<script") == html.count("</script") == 1
    assert html.count("<style") == html.count("</style") == 1


def test_there_are_a_hundred() -> None:
    assert len(set(TEXTS)) == len(TEXTS) > 120


def test_the_report_as_a_page(cli: Cli, hostile_log: Path) -> None:
    done = cli("report", "--db", hostile_log, "-o", "r.html", "--examples", "500")
    assert done.code == 0, done.err
    html = Path("r.html").read_text(encoding="utf-8")
    assert OWNED.replace("'", "&#39;") in html, "it is there, as text"
    check_page(html, "midb.report")


def test_the_report_as_a_card(cli: Cli, hostile_log: Path) -> None:
    assert cli("report", "--db", hostile_log, "-o", "card.md").code == 0
    card = Path("card.md").read_text(encoding="utf-8")
    head, *body = card.removeprefix("---\n").split("\n---\n")
    assert len(body) == 1, "no text ends the head, or begins another"
    assert all(re.fullmatch(r'[a-z_]+:|- "?[\w<>-]+"?', line) for line in head.splitlines()), head
    assert "license" not in head
    assert HIDDEN.search(card) is None
    lines = body[0].splitlines()
    for line in lines:
        assert not re.search(r"<\w|\]\(|!\[", line), line
    for before, line in itertools.pairwise(lines):
        if before.startswith("|") and line.startswith("|"):
            assert before.count("|") == line.count("|"), line


def test_the_report_as_json(cli: Cli, hostile_log: Path) -> None:
    assert cli("report", "--db", hostile_log, "-o", "r.json").code == 0
    text = Path("r.json").read_text(encoding="utf-8")
    assert HIDDEN.search(text) is None
    assert set(json.loads(text)["switched_off"]) == set(TEXTS[::7])


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_sheets(ending: str, cli: Cli, hostile_log: Path) -> None:
    if ending == "xlsx":
        pytest.importorskip("openpyxl")
    done = cli("review", "sheet", "--db", hostile_log, "--what", "both", "-o", f"s.{ending}")
    assert done.code == 0, done.err
    rows = read_sheet(Path(f"s.{ending}"))
    assert len(rows) == 2 * len(TEXTS)
    assert [cell for row in rows for cell in row.values() if FORMULA.match(cell)] == []
    controls = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
    assert [cell for row in rows for cell in row.values() if controls.search(cell)] == []
    assert max(len(cell) for row in rows for cell in row.values()) < 32_767, "what a cell of Excel holds"
    if ending == "xlsx":
        import openpyxl

        for row in openpyxl.load_workbook("s.xlsx")["review"].iter_rows():
            assert all(cell.data_type in ("s", "inlineStr", "n") and cell.hyperlink is None for cell in row)
            assert all(cell.value is None for cell in row if cell.data_type == "n")


def test_a_sheet_comes_back(cli: Cli, hostile_log: Path, tmp_path: Path) -> None:
    """What was made harmless is still what was reviewed, and nothing of it is taken for a change."""
    log = tmp_path / "c.boosted.jsonl.audit.db"
    log.write_bytes(hostile_log.read_bytes())
    assert cli("review", "sheet", "--db", log, "--what", "both", "-o", "s.csv").code == 0
    rows = read_sheet(Path("s.csv"))
    for row in rows:
        row["verdict"], row["note"] = "accept", row["evidence"][:1000]
    with Path("t.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    done = cli("review", "apply", "t.csv", "--reviewer", REVIEWER, "--db", log)
    assert done.code == 0, done.err
    assert not STEERING.search(done.err)
    assert cli("audit", "verify", "--db", log, "--log-only").code == 0


@pytest.mark.parametrize("what", ["edits", "findings", "decisions", "records"])
def test_exports(what: str, cli: Cli, hostile_log: Path) -> None:
    for form in ("csv", "jsonl"):
        assert (
            cli("audit", "export", "--db", hostile_log, "--what", what, "--format", form, "-o", f"e.{form}").code == 0
        )
    limit = csv.field_size_limit(10**7)
    with Path("e.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    csv.field_size_limit(limit)
    assert [cell for cell in cells if FORMULA.match(cell) and not re.fullmatch(r"-?\d+", cell)] == []
    lines = Path("e.jsonl").read_text(encoding="utf-8").split("\n")
    assert not any(map(HIDDEN.search, lines))
    rows = [json.loads(line) for line in lines if line]
    assert {row["record_key"] for row in rows} == {text[:500] for text in TEXTS}, "and it is exact"


@pytest.mark.parametrize(
    "words",
    [
        ("find", "--limit", "500"), ("find", "--json", "--limit", "500"), ("diff", "--limit", "500"), ("summary",),
        ("summary", "--json"), ("find", "--text", "\x1b[31mred"), ("show", TEXTS[0]), ("show", "\x1b]0;x\x07"),
        ("verify", "--log-only"), ("show", "#0", "--full"), ("export", "--format", "jsonl"),
        ("datasette", "-o", "m.json"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_screens(words: tuple[str, ...], cli: Cli, hostile_log: Path) -> None:
    command, *more = words
    done = cli("audit", command, *more, "--db", hostile_log)
    shown = done.out + done.err
    assert shown
    assert not STEERING.search(shown)
    assert "Traceback" not in shown


def test_each_record_on_its_screen(cli: Cli, hostile_log: Path) -> None:
    for number in range(0, len(TEXTS) - len(LONG), 3):  # find and diff show all of them
        done = cli("audit", "show", f"#{number}", "--db", hostile_log)
        assert done.code == 0, done.err
        assert not STEERING.search(done.out), TEXTS[number]


def test_the_review_page(hostile_log: Path) -> None:
    pytest.importorskip("starlette")
    from starlette.testclient import TestClient

    from midb.review.server import ReviewSite

    with AuditReader(hostile_log) as reader:
        run = reader.run(1)
        candidates = choose(reader, 1, ReviewChoice())
    assert len(candidates) == 2 * len(TEXTS)
    site = ReviewSite(Desk(hostile_log, run), candidates, REVIEWER, host="127.0.0.1:9999")
    with TestClient(site.make_app(), base_url="http://127.0.0.1:9999", follow_redirects=False) as client:
        client.get(site.address)
        for place in range(len(candidates)):
            page = client.get(f"/item/{place}")
            assert page.status_code == 200
            check_page(page.text, "midb.review")
        check_page(client.get("/progress").text, "midb.review")
