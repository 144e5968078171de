"""Audit logs made by hand: nine languages, hostile texts, everything that can become of a record."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import orjson
import pytest
from cli_fixtures import Called

from midb.audit.evaluating.log import EvaluationLog
from midb.audit.evaluating.rows import LoggedJudgement
from midb.audit.log import AuditLog
from midb.audit.run_rows import Run, Written
from midb.audit.verdict_rows import Item, ReviewVerdict
from midb.domain.decisions import (
    Action,
    Decision,
    LoggedFinding,
    Outcome,
    PairResult,
    Pass,
    Reason,
    Violation,
    decide,
    pair_outcome,
    record_outcome,
)
from midb.domain.defects import DefectFamily, Finding, FindingStatus, Severity
from midb.domain.edits import Edit, apply
from midb.domain.generations import Generation, GenerationKey
from midb.domain.hashing import digest
from midb.domain.pairs import Field, InstructionPair
from midb.domain.results import RecordResult, RejectedLine

#: A key and a text that try everything a text can try with a terminal, a query, a spreadsheet or markup.
HOSTILE = "\x1b[31m\x1b]0;owned\x07\u202edesrever\u2066[red]x[/red]'; DROP TABLE records;--\r\n=1+1\x00\u200b\x9b2J"


#: What of this may never reach a terminal. Isolates are the program's own, and are checked apart.
STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\ufeff]")


def pair(response: str, instruction: str = "?", given: str | None = None) -> InstructionPair:
    """A pair of which mostly the response matters."""
    return InstructionPair(instruction=instruction, input=given, response=response)


@dataclass
class Story:
    """One pair on its way through the passes, told step by step."""

    original: InstructionPair
    decisions: list[Decision] = field(default_factory=list)
    findings: list[LoggedFinding] = field(default_factory=list)
    current: InstructionPair = field(init=False)

    def __post_init__(self) -> None:
        self.current = self.original

    def edits(self, kind: str, *changes: tuple[str, str], of: Field = Field.RESPONSE) -> list[Edit]:
        """Edits that replace the first place of each text that is given."""
        text = self.current.text(of) or ""
        return [
            Edit(of, text.index(before), text.index(before) + len(before), before, after, kind)
            for before, after in changes
        ]

    def rewrite(
        self,
        pass_: Pass,
        kind: str,
        *changes: tuple[str, str],
        of: Field = Field.RESPONSE,
        violations: Sequence[Violation] = (),
        evidence: str = "seen",
        severity: Severity = Severity.MAJOR,
    ) -> Story:
        """A pass with its edits; each repairs a finding, unless it is taken back."""
        edits = self.edits(kind, *changes, of=of)
        after = apply(self.current, edits)
        attempt = 1 + sum(decision.pass_ is pass_ for decision in self.decisions)
        self.decisions.append(decide(pass_, self.current, after, edits, violations, attempt=attempt))
        status = FindingStatus.OPEN if violations else FindingStatus.REPAIRED
        for edit in edits:
            found = Finding(
                kind, DefectFamily(pass_.value), severity, of, edit.start, edit.end, evidence, (), "handmade"
            )
            index = None if violations else len(self.decisions) - 1
            self.findings.append(LoggedFinding(found, status, index))
        self.current = self.current if violations else after
        return self

    def found(self, kind: str, text: str, evidence: str, status: FindingStatus = FindingStatus.OPEN) -> Story:
        """A finding that nothing repairs."""
        start = (self.current.response or "").index(text)
        found = Finding(
            kind,
            DefectFamily.CONTENT,
            Severity.MINOR,
            Field.RESPONSE,
            start,
            start + len(text),
            evidence,
            (),
            "handmade",
        )
        self.findings.append(LoggedFinding(found, status))
        return self

    def verified(self, *violations: Violation) -> Story:
        """The verification: accepted, or back to the original."""
        if violations:
            decision = decide(Pass.VERIFICATION, self.current, self.original, (), violations)
            self.decisions.append(replace(decision, after_hash=self.original.content_hash()))
            self.current = self.original
            self.findings = [replace(f, status=FindingStatus.DISMISSED, decision=None) for f in self.findings]
            return self
        digest = self.current.content_hash()
        self.decisions.append(
            Decision(
                pass_=Pass.VERIFICATION,
                action=Action.APPLIED,
                reason=Reason.ACCEPTED,
                before_hash=digest,
                after_hash=digest,
            )
        )
        return self

    def undone(self, kind: str, *changes: tuple[str, str]) -> Story:
        """Edits of a run that a person undoes: the story begins with what the run left."""
        edits = tuple(self.edits(kind, *changes))
        after = apply(self.current, edits)
        self.decisions.append(
            Decision(
                pass_=Pass.REVERT,
                action=Action.APPLIED,
                reason=Reason.REVERT_REQUESTED,
                detail=f"kind {kind}",
                before_hash=self.current.content_hash(),
                after_hash=after.content_hash(),
                edits=edits,
            )
        )
        self.current = after
        return self

    def skipped(self, reason: Reason = Reason.NOTHING_FOUND) -> Story:
        """No pass is needed."""
        digest = self.current.content_hash()
        self.decisions.append(
            Decision(pass_=Pass.ROUTE, action=Action.SKIPPED, reason=reason, before_hash=digest, after_hash=digest)
        )
        return self

    def result(self) -> PairResult:
        """What the state machine would hand back."""
        outcome = pair_outcome(self.original, self.current, self.decisions)
        return PairResult(self.original, self.current, outcome, tuple(self.decisions), tuple(self.findings))


def record(position: int, key: str, language: str, *stories: Story) -> RecordResult:
    """One record of as many pairs as there are stories."""
    pairs = tuple(story.result() for story in stories)
    outcome = record_outcome([found.outcome for found in pairs])
    return RecordResult(position, position + 1, key, language, outcome, pairs, None)


NUMBER = Violation(Reason.NUMBER_CHANGED, "response: numbers differ: -20, +18")


def tale() -> list[RecordResult]:
    """The records of the first run; positions 3 and 9 are left to rejected lines."""
    german = Story(pair("wenn (20 > 18): Der Wert ist 2.5 Meter. Thanksgiving!", "Schreibe Code"))
    german.rewrite(
        Pass.TRANSLATION, "translated-code", ("wenn", "if"), severity=Severity.CRITICAL, evidence="code block differs"
    )
    german.rewrite(
        Pass.LOCALIZATION, "decimal-separator", ("2.5", "2,5"), severity=Severity.MINOR, evidence="de writes a comma"
    )
    german.verified().found("culture-bound-reference", "Thanksgiving", "a US holiday")
    japanese = Story(pair("東京は日本の首都で 、人口は1400万人です 。", "東京について"))
    japanese.rewrite(Pass.LOCALIZATION, "space-before-punctuation", (" 、", "、"), (" 。", "。")).verified()
    arabic = Story(pair("السعر هو 2.5 دولار ؟ شكرا لك", "كم السعر"))
    arabic.rewrite(Pass.LOCALIZATION, "decimal-separator", ("2.5", "2٫5")).verified()
    thai = Story(pair("กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย <br>สวัสดี", "เมืองหลวง"))
    thai.rewrite(Pass.TRANSLATION, "leaked-markup", ("<br>", "\n")).verified()
    korean = Story(pair("서울은 한국의 수도 입니다 입니다.", "수도는"))
    korean.rewrite(Pass.CONTENT, "repeated-words", ("입니다 입니다", "입니다")).verified()
    russian = Story(pair("Ей 20 лет , а ему 30 .", "Возраст"))
    russian.rewrite(Pass.LOCALIZATION, "space-before-punctuation", (" ,", ","), violations=[NUMBER])
    greek = Story(pair("Η Αθήνα; Καλημέρα. ΣΊΣΥΦΟΣ", "Πού"))
    greek.rewrite(Pass.CONTENT, "false-equation", ("Αθήνα;", "Αθήνα")).verified(NUMBER)
    greek.rewrite(Pass.CONTENT, "false-equation", ("Καλημέρα.", "Καλημέρα!")).verified()
    hostile = Story(pair(f"before {HOSTILE} after", HOSTILE, HOSTILE))
    hostile.rewrite(Pass.TRANSLATION, "leaked-markup", (HOSTILE, f"{HOSTILE}!"), evidence=HOSTILE)
    hostile.verified().found("untranslated-text", "after", HOSTILE)
    turns = [Story(pair("bir 1.5")), Story(pair("İki 2.5 ISPARTA"))]
    turns[0].skipped()
    turns[1].rewrite(Pass.LOCALIZATION, "decimal-separator", ("2.5", "2,5")).verified()
    gone = Story(pair("xx yy")).rewrite(Pass.CONTENT, "repeated-words", ("yy", "zz")).verified()
    gone.found("leaked-markup", "xx", "gone with another", FindingStatus.DISMISSED)
    return [
        record(0, "de-0417", "de", german),
        record(1, "ja-1", "ja", japanese),
        record(2, "ar-1", "ar", arabic),
        record(4, "th-1", "th", thai),
        record(5, "ko-1", "ko", korean),
        record(6, "ru-1", "ru", russian),
        record(7, "el-1", "el", greek),
        record(8, HOSTILE, "vi", hostile),
        record(10, "tr-1", "tr", *turns),
        record(11, "twice", "id", gone),
        record(12, "twice", "id", Story(pair("tidak apa-apa")).skipped()),
        RecordResult(13, 14, "#13", "und", Outcome.UNCHANGED, (), None),
        record(14, "17", "cs", Story(pair("nic")).skipped()),
    ]


REJECTED = [
    RejectedLine(3, 4, 300, 9, "ab" * 32, "not-json", "not valid JSON (unterminated string at column 8)"),
    RejectedLine(9, 10, 900, 9, "cd" * 32, "no-text", f"no text: {HOSTILE}"),
]

RUN = Run(
    id=0,
    kind="run",
    parent_run=None,
    started_at="2026-01-01T00:00:00+00:00",
    finished_at=None,
    status="running",
    corpus="corpus.jsonl",
    corpus_sha256="12" * 32,
    corpus_bytes=1000,
    output="corpus.boosted.jsonl",
    output_sha256=None,
    rejected="corpus.boosted.jsonl.rejected.jsonl",
    config=orjson.dumps({"limit": None}).decode(),
    config_hash=digest({"limit": None}),
    engine="embedded 0",
    versions="{}",
)


#: What the files of a run hold.
WRITTEN = Written(output_sha256="9a" * 32, rejected_sha256="bc" * 32)


def now() -> str:
    """A clock that stands still."""
    return "2026-01-01T00:00:00+00:00"


#: A reply, as a run with a model would log one.
REPLY = Generation(
    key=GenerationKey(prompt_hash="ef" * 32, engine="tiny", sampling="greedy"), pass_="translation",
    messages=(("user", "translate"),), completion="übersetzt", finish_reason="stop", prompt_tokens=3,
    completion_tokens=4, seconds=0.5,
)  # fmt: skip


def write_log(path: Path) -> Path:
    """Two runs: the first finished, the second interrupted, with other texts for some records of the first."""
    with AuditLog(path, now=now) as log:
        run, checkpoint = log.begin(RUN)
        records = tale()
        checkpoint = log.write_batch(
            run, records[:5], REJECTED[:1], replace(checkpoint, position=6), [("warning", "slow")], WRITTEN
        )
        checkpoint = log.write_batch(
            run, records[5:], REJECTED[1:], replace(checkpoint, position=15), [("warning", HOSTILE)], WRITTEN
        )
        log.set_status(run, "finished", output_sha256="56" * 32, finished=True)
        run, checkpoint = log.begin(RUN)
        german = Story(pair("wenn (20 > 18): Der Wert ist 2.5 Meter. Thanksgiving!", "Schreibe Code"))
        german.rewrite(Pass.TRANSLATION, "translated-code", ("wenn", "if")).verified()
        again = [record(0, "de-0417", "de", german), *records[1:3]]
        log.write_batch(run, again, REJECTED[:1], replace(checkpoint, position=4), [("warning", "slow")], WRITTEN)
        log.add_generations(run, [REPLY])
        log.set_status(run, "interrupted")
    return path


def write_revert(path: Path) -> Path:
    """A revert of the first run of `write_log`, as its third run: an edit of two records is undone."""
    german = Story(pair("if (20 > 18): Der Wert ist 2,5 Meter. Thanksgiving!", "Schreibe Code"))
    arabic = Story(pair("السعر هو 2٫5 دولار ؟ شكرا لك", "كم السعر"))
    records = [
        record(0, "de-0417", "de", german.undone("decimal-separator", ("2,5", "2.5"))),
        record(1, "ja-1", "ja", Story(pair("東京は日本の首都で、人口は1400万人です。", "東京について"))),
        record(2, "ar-1", "ar", arabic.undone("decimal-separator", ("2٫5", "2.5"))),
    ]
    with AuditLog(path, now=now) as log:
        run, checkpoint = log.begin(replace(RUN, kind="revert", parent_run=1, output="less.jsonl"))
        log.write_batch(run, records, REJECTED[:1], replace(checkpoint, position=4))
        log.set_status(run, "finished", output_sha256="78" * 32, finished=True)
    return path


def write_review(path: Path) -> Path:
    """Two reviews of the first run of `write_log`: all sorts of verdicts, one of them taken back."""
    said = {
        "Ana": [
            ReviewVerdict(1, Item(1, 0), "accept"), ReviewVerdict(1, Item(2, 0), "reject", note="as it was"),
            ReviewVerdict(8, Item(None, 13), "change", "right"),
        ],
        "Bo": [ReviewVerdict(1, Item(1, 0), "reject"), ReviewVerdict(1, Item(1, 0), "withdraw", note=HOSTILE)],
    }  # fmt: skip
    for reviewer, verdicts in said.items():
        with AuditLog(path, now=now) as log:
            (first, *_) = log.db.execute("SELECT * FROM runs WHERE id = 1").fetchall()
            run = Run(**{name: first[name] for name in Run.__dataclass_fields__})
            log.add_verdicts(log.open_review(run, reviewer), reviewer, verdicts)
    return path


def write_evaluation(path: Path) -> Path:
    """A pairwise evaluation of the first run of `write_log`: one pair judged in both orders, by one reply."""
    wanted = replace(
        RUN, kind="evaluation", parent_run=1, engine="judge 1", output="", rejected="",
        config='{"evaluates":"pairwise"}', config_hash=digest({"evaluates": "pairwise"}),
    )  # fmt: skip
    key = GenerationKey("ef" * 32, "judge 1", "{}")
    with EvaluationLog(path, now=now) as log:
        run = log.begin_evaluation(wanted)
        (asked,) = log.add_generations(
            run,
            [
                Generation(
                    key=key, pass_="evaluation", messages=(("system", "Judge."), ("user", "A or B?")), completion="A",
                    finish_reason="stop", prompt_tokens=3, completion_tokens=1,
                )
            ],
        )  # fmt: skip
        said = [
            LoggedJudgement("de-0417", "de", "raw", "boosted", "B is right.", asked.id),
            LoggedJudgement("de-0417", "de", "boosted", "", "no reply", None),
        ]
        log.finish_evaluation(run, "pairwise", said, {"pairs": 1, "net_win": None})
    return path


@pytest.fixture(scope="session")
def evaluated_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of `write_log` and `write_evaluation`; not to be changed."""
    return write_evaluation(write_log(tmp_path_factory.mktemp("evaluated") / "corpus.boosted.jsonl.audit.db"))


@pytest.fixture(scope="session")
def undone_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of `write_log` and `write_revert`; not to be changed."""
    return write_revert(write_log(tmp_path_factory.mktemp("undone") / "corpus.boosted.jsonl.audit.db"))


@pytest.fixture(scope="session")
def finished_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of `write_log`; not to be changed."""
    return write_log(tmp_path_factory.mktemp("log") / "corpus.boosted.jsonl.audit.db")


def begin_run(path: Path) -> AuditLog:
    """Begin a run and leave it open, as one that goes on meanwhile."""
    log = AuditLog(path, now=now)
    run, checkpoint = log.begin(RUN)
    log.write_batch(run, tale()[:5], REJECTED[:1], replace(checkpoint, position=6))
    return log


def execute(path: Path, *statements: str) -> None:
    """Change a file by SQL, as somebody with `sqlite3` would change it."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA foreign_keys = OFF")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def rows_of(path: Path, query: str) -> list[tuple[object, ...]]:
    """What plain `sqlite3` says, leaving no file behind."""
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


class Tamper(Protocol):
    """Changes a copy of the log of `write_log` by SQL; returns the copy."""

    def __call__(self, *statements: str) -> Path: ...


@pytest.fixture
def tampered(finished_log: Path, tmp_path: Path) -> Tamper:
    """See `Tamper`; a second call begins anew."""

    def change(*statements: str) -> Path:
        copy = tmp_path / "tampered.audit.db"
        copy.write_bytes(finished_log.read_bytes())
        execute(copy, *statements)
        return copy

    return change


#: A log of version 0.1.0 as SQL: a run and a revert of it.
BEFORE_UNDONE = Path(__file__).resolve().parents[1] / "audit" / "logs" / "before_undone.sql"


@pytest.fixture(scope="session")
def old_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that version 0.1.0 wrote, before there was the outcome `undone`; not to be changed."""
    path = tmp_path_factory.mktemp("old") / "c.boosted.jsonl.audit.db"
    connection = sqlite3.connect(path)
    connection.executescript(BEFORE_UNDONE.read_text(encoding="utf-8"))
    connection.close()
    return path


class AuditCommand(Protocol):
    """Calls `midb-agent audit` with some words, on the log of `write_log` unless another one, or none, is named."""

    def __call__(self, *words: object, db: Path | None = ...) -> Called: ...


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], finished_log: Path) -> AuditCommand:
    """See `AuditCommand`; it runs in this process."""
    from midb.cli.main import main

    def run(*words: object, db: Path | None = finished_log) -> Called:
        arguments = ["audit", *map(str, words), *(["--db", str(db)] if db else [])]
        capfd.readouterr()
        code = main(arguments)
        captured = capfd.readouterr()
        return Called(code, captured.out, captured.err)

    return run
