"""`midb-agent check`: findings only; nothing is written."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from midb.agent.run.batches import Result
from midb.agent.run.examine import ExaminerSettings, explain_left_alone, explain_unexamined
from midb.agent.run.reviewed import read_reviews, switch_off
from midb.agent.run.session import open_configured, worker_count
from midb.agent.run.worker_pool import examine_corpus
from midb.cli import options
from midb.cli.running import corpus_of, settle_corpus
from midb.dashboard.summary import describe_other_languages, describe_unexamined
from midb.dashboard.text import pluralize
from midb.domain.defects import Severity
from midb.domain.errors import UsageError
from midb.domain.events import Event, Warned
from midb.domain.results import RecordResult, RejectedLine
from midb.runs.config import load_config
from midb.text.languages import is_supported
from midb.text.subjects.instruction_forms import FormTally, find_forms, find_regions
from midb.text.terminal import visible, visible_json

#: Findings shown in full before the table only counts.
SHOWN = 20


def check(
    corpus: options.Corpus,
    language: options.Language = None,
    trust_language: options.TrustLanguage = None,
    source: options.Source = None,
    map: options.Map = None,
    kinds: options.Kinds = None,
    only: options.Only = None,
    typography: options.Typography = None,
    reviewed: options.Reviewed = None,
    min_precision: options.MinPrecision = None,
    min_verdicts: options.MinVerdicts = None,
    limit: options.Limit = None,
    workers: options.Workers = None,
    record_seconds: options.RecordSeconds = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="MODEL", help="Also look whether a run could use this model; it is not asked."),
    ] = None,
    adapter: Annotated[
        list[str] | None,
        typer.Option("--adapter", metavar="[PASS=]LORA", help="The same for an adapter of it. Repeatable."),
    ] = None,
    prompts: options.Prompts = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per record on stdout.")] = False,
    fail_on: Annotated[
        str | None,
        typer.Option("--fail-on", metavar="SEVERITY", help="Exit with 1 on findings as grave: minor, major, critical."),
    ] = None,
    config: options.Config = None,
) -> int:
    """Find defects and change nothing. Exits with 1 where --fail-on says so, or most lines cannot be read.

    Example: midb-agent check corpus.jsonl --json | jq 'select(.findings != [])'
    """
    settings = load_config(
        config,
        options.given(
            corpus=corpus, language=language, source=source, map=map, kinds=kinds, only=only, typography=typography,
            limit=limit, workers=workers, model=model, adapter=adapter, prompts=prompts, reviewed=reviewed,
        ) | options.given(
            **{
                "record-seconds": record_seconds, "trust-language": trust_language, "min-precision": min_precision,
                "min-verdicts": min_verdicts,
            }
        ),
    )  # fmt: skip
    settings = settle_corpus(settings, _tell)
    gravest = require_severity(fail_on) if fail_on else None
    if model or adapter:
        from midb.cli.model_files import check_model

        said = check_model(settings, lambda message: print(f"warning: {visible(message)}", file=sys.stderr))
        print(f"model: {visible(said)}", file=sys.stderr)
    report = JsonReport() if json else TableReport()
    tally = FailureTally(gravest)
    review = read_reviews(settings)
    selection = switch_off(settings.selection, review)
    notes = review.explain("") if review else ()
    for note in notes:
        print(f"review: {visible(note)}", file=sys.stderr)
    with corpus_of(settings) as container:
        opened = open_configured(settings, container)
        for warning in opened.found.warnings:
            print(f"warning: {visible(warning)}", file=sys.stderr)
        examiner = ExaminerSettings(
            rules=opened.rules, selection=selection, rewrite=False, record_seconds=settings.record_seconds
        )
        for raw, result in examine_corpus(opened, examiner, worker_count(settings, opened.found.records)):
            if isinstance(result, RejectedLine):
                print(f"line {result.line:,}: {visible(result.message)}", file=sys.stderr)
            elif why := explain_unexamined(result):
                print(f"{visible(raw.place)}: {visible(why)}; it is not examined", file=sys.stderr)
            elif slow := explain_left_alone(result):
                print(f"warning: {slow}", file=sys.stderr)
            report.add(result)
            tally.add(result)
    report.end()
    if review and review.off:
        print(f"{pluralize(len(review.choose('')), 'kind')} switched off by review, see above", file=sys.stderr)
    if reason := tally.explain():
        print(f"failed: {reason}", file=sys.stderr)
        return 1
    return 0


def _tell(event: Event) -> None:
    if isinstance(event, Warned):
        print(f"warning: {visible(event.message)}", file=sys.stderr)


def require_severity(name: str) -> Severity:
    """A severity by its name; raises UsageError for anything else."""
    try:
        return Severity(name)
    except ValueError as error:
        known = ", ".join(Severity)
        raise UsageError(f'unknown severity "{name}".', hint=f"Known are: {known}.") from error


class FailureTally:
    """Whether a check fails: by a finding that is grave enough, or because it could hardly read the corpus."""

    def __init__(self, gravest: Severity | None) -> None:
        self._gravest = gravest
        self._grave = self._records = self._rejected = self._unexamined = 0

    def add(self, result: Result) -> None:
        """Count a record or line in."""
        if isinstance(result, RejectedLine):
            self._rejected += 1
            return
        if explain_unexamined(result):
            self._unexamined += 1
            return
        self._records += 1
        if self._gravest is not None:
            found = (logged.finding for pair in result.pairs for logged in pair.findings)
            self._grave += sum(finding.severity.rank >= self._gravest.rank for finding in found)

    def explain(self) -> str:
        """Why it fails; empty where it does not."""
        lost = self._rejected + self._unexamined
        if lost > self._records:
            how = "cannot be read" if not self._unexamined else "cannot be read, or hold no pair"
            return f"{lost:,} of {pluralize(lost + self._records, 'line')} {how}"
        if self._grave:
            return f"{pluralize(self._grave, 'finding')} of severity {self._gravest} or graver"
        return ""


class JsonReport:
    """One JSON object per record: id, language, findings. Rejected lines are told on stderr only."""

    def add(self, result: Result) -> None:
        if isinstance(result, RecordResult):
            sys.stdout.write(visible_json(orjson.dumps(as_json(result)).decode()) + "\n")

    def end(self) -> None:
        sys.stdout.flush()


def as_json(result: RecordResult) -> dict[str, Any]:
    """A record and its findings; ``pair`` counts the turns of a conversation from 0. ``unexamined`` says why no pair
    was found in it, and is empty where one was."""
    return {
        "id": result.key,
        "language": result.language,
        "unexamined": explain_unexamined(result),
        "findings": [
            {
                "kind": f.kind, "family": f.family.value, "severity": f.severity.value, "field": f.field.value,
                "start": f.start, "end": f.end, "evidence": f.evidence, "repairable": bool(f.fix), "pair": number,
            }
            for number, pair in enumerate(result.pairs)
            for f in (logged.finding for logged in pair.findings)
        ],
    }  # fmt: skip


class TableReport:
    """The first findings in full, then a count per kind."""

    def __init__(self) -> None:
        self._console = Console()
        self._kinds: Counter[tuple[str, str]] = Counter()
        self._repairable: Counter[str] = Counter()
        self._languages: dict[str, set[str]] = defaultdict(set)
        self._others: Counter[str] = Counter()
        self._forms, self._regions = FormTally(), FormTally()
        self._records = self._flagged = self._rejected = self._unexamined = 0

    def add(self, result: Result) -> None:
        if isinstance(result, RejectedLine):
            self._rejected += 1
            return
        self._records += 1
        self._unexamined += bool(explain_unexamined(result))
        if not is_supported(result.language):
            self._others[result.language] += 1
        for pair in result.pairs:
            self._forms.add(find_forms(pair.original.instruction or "", result.language), result.language)
            words = "\n".join(text for _, text in pair.original.texts())
            self._regions.add(find_regions(words, result.language), result.language)
        found = [(pair, logged.finding) for pair in result.pairs for logged in pair.findings]
        self._flagged += bool(found)
        for pair, finding in found:
            if self._kinds.total() < SHOWN:
                span = (pair.original.text(finding.field) or "")[finding.start : finding.end]
                line = Text(f"{visible(result.key)}  {result.language}  ")
                line.append(f"{finding.kind}", style="yellow")
                line.append(f"  {finding.field.value} {finding.start}-{finding.end}  {visible(finding.evidence)}")
                if 0 < len(span) <= 40 and span not in finding.evidence:
                    line.append(f"  «{visible(span)}»")
                self._console.print(line, soft_wrap=True)
            elif self._kinds.total() == SHOWN:
                self._console.print("…  (more: --json)")
            self._kinds[finding.kind, finding.severity.value] += 1
            self._repairable[finding.kind] += bool(finding.fix)
            self._languages[finding.kind].add(result.language)

    def end(self) -> None:
        table = Table(box=None, pad_edge=False)
        for title in ("kind", "severity", "findings", "repairable", "languages"):
            table.add_column(title, justify="right" if title in ("findings", "repairable") else "left")
        for (kind, severity), count in self._kinds.most_common():
            cells = (
                kind,
                severity,
                f"{count:,}",
                f"{self._repairable[kind]:,}",
                " ".join(sorted(self._languages[kind])),
            )
            table.add_row(*map(Text, cells))
        if self._kinds:
            self._console.print()
            self._console.print(table)
        if forms := self._forms.describe():
            self._console.print(Text("\ninstructions ask in several ways, which readers notice:"), soft_wrap=True)
            for line in forms:
                self._console.print(Text(f"  {line}"), soft_wrap=True)
        if regions := self._regions.describe():
            self._console.print(Text("\nwords of several regions, in so many pairs:"), soft_wrap=True)
            for line in regions:
                self._console.print(Text(f"  {line}"), soft_wrap=True)
        if others := describe_other_languages(self._others):
            self._console.print(Text(f"\n{others}"), soft_wrap=True)
        if self._unexamined:
            self._console.print(Text(f"\n{describe_unexamined(self._unexamined)}"), soft_wrap=True)
        rejected = f", {pluralize(self._rejected, 'line')} cannot be read" if self._rejected else ""
        read = pluralize(self._records, "record")
        self._console.print(
            Text(f"\n{read}, {self._flagged:,} with findings ({pluralize(self._kinds.total(), 'finding')}){rejected}")
        )
