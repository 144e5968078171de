"""The page of a proof: everything an auditor asks for is on it, no name can do anything, and nothing is fetched."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from proofs import make_figures

from midb.evaluation.proving.page import list_tables, plot_effects, write_markdown, write_page

VERIFY = "midb-agent audit verify --db proof/proof.audit.db"


class Texts(HTMLParser):
    """The texts of a page, and what its tags are."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("write", [write_page, write_markdown])
def test_the_sentence_and_all_that_it_rests_on(write: object) -> None:
    small = make_figures(parameters=134_515_008)
    assert callable(write)
    page = write(small, VERIFY)
    assert "It proves the plumbing, not the claim." in page
    assert "It says something" not in page
    for told in (
        "134,515,008 parameters", "ef" * 32, "cd" * 32, "12" * 32, "boosted against control", "n = ", "3,000", "cpu",
        "midb-agent 0", "2026-01-02T03:04:05", "lr 0.001", "0, 1, 2", VERIFY, "own tiny", "tiny on cpu",
    ):  # fmt: skip
        assert told in page, told
    assert "It says something" in write(make_figures(), VERIFY)
    assert "It proves the plumbing" not in write(make_figures(), VERIFY)


def test_the_page_asks_nothing_of_anybody_and_runs_nothing() -> None:
    page = write_page(make_figures(), VERIFY)
    read = Texts(page)
    assert not {tag for tag, _ in read.tags} & {"script", "img", "link", "iframe", "form", "object"}
    assert not [given for _, given in read.tags if {"src", "href", "style", "onload"} & given.keys()]
    assert "default-src 'none'" in page
    assert "c|<b>.jsonl" in "".join(read.texts), "a name is text"
    assert not any(tag == "b" for tag, _ in read.tags)
    assert "c\\|\\<b\\>.jsonl" in write_markdown(make_figures(), VERIFY)


def test_where_a_judge_is_served_is_nobodys_business() -> None:
    judge = {"described": "j at http://10.0.0.7:8000/v1", "engine": "openai j http://10.0.0.7:8000/v1", "warnings": []}
    for write in (write_page, write_markdown):
        page = write(make_figures(judge=judge), VERIFY)
        assert "openai j" in page
        assert "10.0.0.7" not in page


def test_intervals_are_drawn_where_they_lie() -> None:
    effects = make_figures()["conclusion"]["effects"]
    drawn = plot_effects(effects)
    assert [one.label for one in drawn] == ["boosted against raw", "control against raw", "boosted against control"]
    for one, effect in zip(drawn, effects.values(), strict=True):
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.value <= one.high
        assert (one.value > 260) == (effect["value"] > 0)
    assert max(one.high or 0 for one in drawn) <= 520
    none = {"boosted_raw": {**effects["boosted_raw"], "low": None, "high": None}, "control_raw": None}
    assert [(one.low, one.high) for one in plot_effects(none)] == [(None, None)]
    assert plot_effects({"boosted_raw": None}) == []


def test_every_table_is_whole() -> None:
    for table in list_tables(make_figures()):
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}
    lines = write_markdown(make_figures(), VERIFY).splitlines()
    for line in lines:
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) > 4
