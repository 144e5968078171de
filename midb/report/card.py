"""The report as a card for a data set: Markdown with a YAML head as hubs of data sets read it. It holds no text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import regex

from midb.audit.evaluating.rows import KIND as EVALUATION
from midb.locales import LANGUAGES, load
from midb.report.evaluated import make_tables
from midb.text.terminal import visible

#: What Markdown or HTML could take for markup.
_MARKUP = regex.compile(r"[\\`*_{}\[\]#+!|<>&~$]")

_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))

#: Where a model server is: nobody's business who reads a card.
_ADDRESS = regex.compile(r"@?\w+://\S+")

#: Settings that a card names, as `run` has them.
_TOLD_SETTINGS = {
    "language": "--language", "trust_language": "--trust-language", "passes": "--passes", "typography": "--typography",
    "limit": "--limit", "kinds": "kinds that were looked for",
}  # fmt: skip

#: Kinds that the table of known limitations lists.
_LISTED = 30


def escape_markdown(text: object) -> str:
    r"""A word from the log as Markdown shows it, with nothing in it that is markup.

    >>> print(escape_markdown("a|b <i>"))
    a&#124;b &lt;i&gt;
    """
    named = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
    return _MARKUP.sub(lambda match: named.get(match[0], f"&#{ord(match[0])};"), visible(str(text)))


def size_category(records: int) -> str:
    """How a hub calls this many records.

    >>> size_category(51_760), size_category(10**8)
    ('10K<n<100K', 'n>10M')
    """
    return next((name for most, name in _SIZES if records < most), "n>10M")


def is_evaluation(report: Mapping[str, Any]) -> bool:
    """Whether it is about figures alone: an evaluation has no corpus of its own, and changed nothing."""
    return bool(report["run"]["kind"] == EVALUATION)


def find_title(report: Mapping[str, Any]) -> str:
    """What a report is about."""
    return report["output"]["name"] or report["corpus"]["name"] or "evaluations"


def write_card(report: Mapping[str, Any]) -> str:
    """The card of a report's figures; of an evaluation only its tables, as there is no data set."""
    if is_evaluation(report):
        verified = ("## How to verify", "", "The log is proved by:", "", f"    {visible(report['verify'])}")
        title = f"# {escape_markdown(find_title(report))}"
        return "\n".join([title, "", *_list_evaluated(report), *verified, ""])
    return "\n".join([*_head(report), "", *_body(report), ""])


def say_not_counted(report: Mapping[str, Any]) -> str:
    """The sentence that stands where a run that looked for nothing has no findings to count."""
    kind = {"revert": "A revert", "apply": "An apply"}.get(report["run"]["kind"], "This run")
    return (
        f"{kind} looks for no findings, so none are counted here. What was found in these texts, before what was done "
        f"since, is in the report of run {report['examined_by_run']} (--run {report['examined_by_run']})."
    )


def _head(report: Mapping[str, Any]) -> Iterator[str]:
    yield "---"
    if known := [language for language in sorted(report["languages"]) if language in LANGUAGES]:
        yield "language:"
        yield from (f'- "{language}"' for language in known)
    written = report["ledger"]["read"] - report["ledger"]["rejected"]
    yield from ("size_categories:", f"- {size_category(written)}", "task_categories:", "- text-generation", "tags:")
    yield from ("- instruction-tuning", "- midb-agent", "---")


def _table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(f'{c:,}' if isinstance(c, int | float) else escape_markdown(c) for c in row)} |"


def _body(report: Mapping[str, Any]) -> Iterator[str]:
    ledger, density, left = report["ledger"], report["density"], report["open"]
    yield f"# {escape_markdown(report['output']['name'])}"
    yield ""
    if report["run"]["status"] not in ("finished", "superseded"):
        status = escape_markdown(report["run"]["status"])
        yield f"**The run is {status}: these figures are of what it has done so far.**"
        yield ""
    if report["filters"]:
        yield f"**Only what fits is counted: {escape_markdown(report['filters'])}.**"
        yield ""
    yield "## What was done to the data"
    yield ""
    version = report["versions"].get("midb-agent")
    yield (
        f"`midb-agent`{f' {escape_markdown(version)}' if version else ''} looked for defects in every record of "
        f"{escape_markdown(report['corpus']['name'])} and repaired what it could prove or a model could mend. "
        "Every decision is in an audit log."
    )
    yield ""
    parts = " + ".join(f"{number:,} {escape_markdown(name)}" for name, number in ledger.items() if name != "read")
    yield f"- records: {ledger['read']:,} read = {parts}"
    yield f"- edits that stand: {report['edits']['total']:,}"
    counted = report["findings_counted"]
    if counted:
        yield f"- findings per 1,000 pairs: {density['before']:,} before, {density['after']:,} after"
    yield ""
    yield "## Languages"
    yield ""
    titles = ["language", "records", "changed records", "edits"]
    titles += ["open findings", "findings per 1,000 pairs before", "after"] if counted else []
    rows = []
    for code, row in sorted(report["languages"].items()):
        name = f"{load(code).name} ({code})" if code in LANGUAGES else code
        found = (row["open"], row["density_before"], row["density_after"]) if counted else ()
        rows.append((name, row["records"], row["changed"], row["edits"], *found))
    yield from _table(titles, rows)
    yield ""
    if report["edits"]["total"]:
        yield "## Edits by kind"
        yield ""
        yield from _table(("kind", "edits"), list(report["edits"]["kinds"].items()))
        yield ""
    if report["reviewed"]:
        yield "## What people said of it"
        yield ""
        yield (
            "Edits and findings that people reviewed, with the 95 % interval of the share that was right "
            "(a finding also where somebody gave the right text for it)."
        )
        yield ""
        said = [
            (row["kind"], row["language"], row["what"], row["right"], row["reviewed"],
             f"{100 * row['precision']:.1f} %", f"{100 * row['low']:.0f} to {100 * row['high']:.0f} %")
            for row in report["reviewed"]
        ]  # fmt: skip
        yield from _table(("kind", "language", "what", "right", "reviewed", "precision", "interval"), said)
        yield ""
    yield from _list_evaluated(report)
    yield "## Known limitations"
    yield ""
    if report["switched_off"]:
        yield "Verdicts of people on earlier runs decided what this run left alone:"
        yield ""
        yield from (f"- {escape_markdown(line)}" for line in report["switched_off"])
        yield ""
    if not counted:
        yield say_not_counted(report)
        yield ""
        yield from _left_alone(report)
        yield from _reproduction(report)
        return
    yield (
        f"{left['total']:,} findings are open: they were found and not repaired ({left['critical']:,} critical, "
        f"{left['major']:,} major, {left['minor']:,} minor). What no detector looks for is not counted."
    )
    if left["total"]:
        yield ""
        yield from _table(("kind", "open findings"), list(left["kinds"].items())[:_LISTED])
    if len(left["kinds"]) > _LISTED:
        yield ""
        yield f"{len(left['kinds']) - _LISTED:,} rarer kinds are not listed here."
    yield ""
    yield from _left_alone(report)
    yield from _reproduction(report)


def _list_evaluated(report: Mapping[str, Any]) -> Iterator[str]:
    """What evaluations found, a table each."""
    for table in make_tables(report["evaluated"]):
        yield f"## {escape_markdown(table.title)}"
        yield ""
        yield from _table(table.columns, table.rows)
        for note in table.notes:
            yield ""
            yield escape_markdown(note)
        yield ""


def _list_settings(settings: Mapping[str, Any]) -> Iterator[str]:
    """The settings that decide what is looked for; none that could hold a path or an address."""
    for name, title in _TOLD_SETTINGS.items():
        value = settings.get(name)
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            yield f"- {title}: {', '.join(escape_markdown(one) for one in value)}"
        elif isinstance(value, bool | str | int):
            told = {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
            yield f"- {title}: {escape_markdown(told)}"


def _left_alone(report: Mapping[str, Any]) -> Iterator[str]:
    """What was not examined, or not read at all."""
    lines = [
        f"- left as they are, and not examined to the end: {row['records']:,} "
        f"{'record' if row['records'] == 1 else 'records'} ({escape_markdown(row['reason'])})"
        for row in report["left_alone"]
    ]
    lines += [
        f"- not read, as they are no records: {row['lines']:,} {'line' if row['lines'] == 1 else 'lines'} "
        f"({escape_markdown(row['reason'])})"
        for row in report["rejected_lines"]
    ]
    if lines:
        yield from (*lines, "")


def _reproduction(report: Mapping[str, Any]) -> Iterator[str]:
    yield "## How to reproduce and verify"
    yield ""
    yield from _list_settings(report["settings"])
    for name, value in (
        ("what rewrote", _ADDRESS.sub("", report["engine"])),
        ("corpus, SHA-256", report["corpus"]["sha256"]),
        ("output, SHA-256", report["output"]["sha256"] or "not finished"),
        ("settings, SHA-256", report["settings_hash"]),
        ("head of the audit log", report["head"] or "none: the log is of an older version"),
    ):
        yield f"- {name}: {escape_markdown(value)}"
    yield ""
    yield "The log is proved, and corpus and output held against it, by:"
    yield ""
    yield f"    {visible(report['verify'])}"
