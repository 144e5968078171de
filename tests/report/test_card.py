"""The card of a data set: a head that hubs read, figures that add up, no text of the corpus, no markup of others."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from log_fixtures import HOSTILE, STEERING, Tamper
from markdown_it import MarkdownIt
from report_fixtures import report_on

from midb.report.card import escape_markdown, size_category, write_card


def test_the_head_is_yaml_as_hubs_want_it(finished_log: Path) -> None:
    card = write_card(report_on(finished_log)[0])
    head = yaml.safe_load(card.split("---\n")[1])
    assert head["size_categories"] == ["n<1K"]
    assert head["task_categories"] == ["text-generation"]
    assert {"de", "ja", "ar", "th"} <= set(head["language"])
    assert "und" not in head["language"], "it is the language of no one"


@pytest.mark.parametrize(
    ("records", "name"), [(0, "n<1K"), (1000, "1K<n<10K"), (999_999, "100K<n<1M"), (10**7, "n>10M")]
)
def test_sizes_are_those_of_the_hub(records: int, name: str) -> None:
    assert size_category(records) == name


def test_it_says_what_was_done_and_how_to_prove_it(finished_log: Path) -> None:
    figures = report_on(finished_log)[0]
    card = write_card(figures)
    assert "15 read = 3 unchanged + 9 improved + 1 reverted + 2 rejected" in card
    assert "| German (de) | 1 | 1 | 2 | 1 | 3,000.0 | 1,000.0 |" in card
    assert f"    {figures['verify']}" in card


def test_the_address_of_a_server_stays_at_home(tampered: Tamper) -> None:
    path = tampered("UPDATE runs SET engine = 'openai Qwen/Qwen3-8B@http://user:pw@10.0.0.7:8000/v1 vllm'")
    card = write_card(report_on(path, most=0)[0])
    assert "- what rewrote: openai Qwen/Qwen3-8B vllm\n" in card
    assert "10.0.0.7" not in card


def test_an_unfinished_run_says_so(finished_log: Path) -> None:
    assert "**The run is interrupted" in write_card(report_on(finished_log, 2)[0])


def test_words_from_a_log_are_no_markup(tampered: Tamper) -> None:
    evil = "<img src=x onerror=alert(1)>|[a](javascript:x)`\n# owned"
    path = tampered(f"UPDATE edits SET kind = '{evil}'", f"UPDATE runs SET output = '{evil}'")
    card = write_card(report_on(path, most=0)[0])
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(card.split("---\n", 2)[2])
    assert "<img" not in html
    assert "<a " not in html
    assert html.count("<h1>") == 1
    assert STEERING.search(escape_markdown(HOSTILE)) is None


def test_the_settings_that_decide_what_is_looked_for_are_named(finished_log: Path) -> None:
    report = report_on(finished_log)[0]
    report["settings"] = {
        "language": "auto", "passes": ["content", "verification"], "typography": False, "kinds": ["mojibake"],
        "source": "/home/somebody/english.jsonl", "limit": None,
    }  # fmt: skip
    lines = write_card(report).splitlines()
    for line in ("- --language: auto", "- --passes: content, verification", "- --typography: no"):
        assert line in lines
    assert "- kinds that were looked for: mojibake" in lines
    assert not any("somebody" in line or "--limit" in line for line in lines)
