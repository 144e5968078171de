"""Replaying one record: from its original text through its decisions to its final text, with no model and no detector.

Says what does not fit, and goes on as far as it can. What the hashes of the log say is not looked at here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from midb.audit.rows import DecisionRow, LoggedRecord, outcome_before
from midb.audit.texts import parse_texts, texts_hash
from midb.domain.decisions import Action, Outcome, Pass, Reason, pair_outcome, record_outcome
from midb.domain.defects import DefectFamily, FindingStatus, Severity
from midb.domain.edits import apply
from midb.domain.errors import ReplayError
from midb.domain.hashing import digest
from midb.domain.pairs import Field, InstructionPair


def _words(**columns: type[StrEnum]) -> dict[str, frozenset[str]]:
    return {column: frozenset(word.value for word in words) for column, words in columns.items()}


#: The words a column may hold, by attribute of its row.
_WORDS = {
    "records": _words(outcome=Outcome),
    "decisions": _words(pass_=Pass, action=Action, reason=Reason),
    "edits": _words(field=Field),
    "findings": _words(field=Field, family=DefectFamily, severity=Severity, status=FindingStatus),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it was written: the table, the row's id, the record it belongs to, and what is wrong."""

    table: str
    row: str
    record: str
    message: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A decision with the text it read and the text it left; ``fits`` is False where its edits cannot be applied."""

    row: DecisionRow
    before: InstructionPair
    after: InstructionPair
    fits: bool


@dataclass(frozen=True, slots=True)
class Replay:
    """A record, replayed. Texts and stages are empty where the log holds no text of it (nothing was found in it)."""

    originals: tuple[InstructionPair, ...]
    finals: tuple[InstructionPair, ...]
    stages: tuple[Stage, ...]
    problems: tuple[Problem, ...]

    @property
    def edits(self) -> int:
        """How many edits were applied."""
        return sum(len(stage.row.edits) for stage in self.stages if stage.row.action == Action.APPLIED and stage.fits)


def replay(record: LoggedRecord) -> Replay:
    """Replay a record, of a run or of a revert."""
    problems: list[Problem] = list(_unknown_words(record))
    if record.row.original_text is None:
        problems += _check_untold(record)
        return Replay((), (), (), tuple(problems))

    def wrong(message: str, table: str = "records", row: object = record.row.id) -> None:
        problems.append(Problem(table, str(row), record.row.record_key, message))

    originals = finals = ()  # type: tuple[InstructionPair, ...]
    try:
        originals = finals = parse_texts(record.row.original_text)
    except ReplayError as error:
        wrong(f"original_text {error}")
        return Replay((), (), (), tuple(problems))
    try:
        if record.row.final_text is not None:
            finals = parse_texts(record.row.final_text)
            if finals == originals:
                wrong("final_text is the same as original_text and should not be there")
    except ReplayError as error:
        wrong(f"final_text {error}")
    if texts_hash(originals) != record.row.original_hash:
        wrong("original_text does not have the hash in original_hash")
    if texts_hash(finals) != record.row.final_hash:
        wrong("the final text does not have the hash in final_hash")
    if not len(originals) == len(finals) == record.row.pairs:
        wrong(f"{record.row.pairs} pairs, but texts of {len(originals)} and {len(finals)}")
    stages, reached = _replay_pairs(record, originals, problems)
    if reached != finals:
        wrong("the edits do not lead from original_text to the final text")
    problems += _check_sums(record, originals, finals)
    problems += _check_findings(record, finals)
    return Replay(originals, finals, tuple(stages), tuple(problems))


def _replay_pairs(
    record: LoggedRecord, originals: Sequence[InstructionPair], problems: list[Problem]
) -> tuple[list[Stage], tuple[InstructionPair, ...]]:
    """Every decision as a stage, and the texts at which the edits arrive."""
    current = list(originals)
    stages: list[Stage] = []
    for row in record.decisions:
        if not 0 <= row.pair < len(originals):
            problems.append(_wrong(record, row, f"there is no pair {row.pair}"))
            continue
        stage, messages = _replay_decision(row, current[row.pair], originals[row.pair])
        problems += [_wrong(record, row, message) for message in messages]
        stages.append(stage)
        current[row.pair] = stage.after
    return stages, tuple(current)


def _wrong(record: LoggedRecord, row: DecisionRow, message: str) -> Problem:
    return Problem("decisions", str(row.id), record.row.record_key, message)


def _replay_decision(row: DecisionRow, before: InstructionPair, original: InstructionPair) -> tuple[Stage, list[str]]:
    """One decision: a failed verification takes the pair back to its original, other rejections change nothing."""
    messages: list[str] = []
    after, fits = before, True
    try:
        decision = row.decision()
        tried = apply(before, decision.edits)
    except ValueError:
        return Stage(row, before, before, False), []  # reported as an unknown word
    except ReplayError as error:
        messages.append(f"{error.message} (table edits)")
        tried, fits = before, False
    if decision.before_hash != before.content_hash():
        messages.append("before_hash is not that of the text this decision read")
    if decision.action is Action.APPLIED:
        after = tried
    elif decision.action is Action.REJECTED and decision.pass_ is Pass.VERIFICATION:
        after = original
    if fits and decision.after_hash != after.content_hash():
        messages.append("after_hash is not that of the text its edits (table edits) lead to")
    if decision.action is Action.SKIPPED and decision.edits:
        messages.append("it was skipped and yet has edits (table edits)")
    return Stage(row, before, after, fits), messages


def _check_untold(record: LoggedRecord) -> Iterator[Problem]:
    """A record of which no text was kept: nothing was found in it, nothing changed, and its hashes agree."""
    row = record.row
    firsts: dict[int, str] = {}
    for decision in record.decisions:
        if decision.edits:
            yield _wrong(record, decision, "it has edits (table edits), but the record has no original_text")
        if decision.before_hash != firsts.setdefault(decision.pair, decision.before_hash):
            yield _wrong(record, decision, "before_hash is not that of the decision before it")
        if decision.after_hash != decision.before_hash:
            yield _wrong(record, decision, "after_hash differs from before_hash, but nothing was edited")
    messages = []
    if row.final_text is not None:
        messages.append("it has a final_text but no original_text")
    if row.final_hash != row.original_hash:
        messages.append("final_hash differs from original_hash, but no text was kept")
    if set(firsts) == set(range(row.pairs)) and firsts:
        if digest(*(firsts[pair] for pair in range(row.pairs))) != row.original_hash:
            messages.append("original_hash is not that of the texts its decisions read")
    elif firsts:
        messages.append(f"{row.pairs} pairs, but decisions on {len(firsts)}")
    if row.outcome == Outcome.IMPROVED:
        messages.append("its outcome is improved, but nothing was edited")
    if record.findings or row.open_findings:
        messages.append("it has findings, but no original_text")
    for message in messages:
        yield Problem("records", str(row.id), row.record_key, message)


def _check_sums(
    record: LoggedRecord, originals: Sequence[InstructionPair], finals: Sequence[InstructionPair]
) -> Iterator[Problem]:
    """The columns that sum up the rest: outcome and the number of open findings."""
    row = record.row
    try:
        decisions = [(found.pair, found.decision()) for found in record.decisions]
    except ValueError:
        return
    outcomes, before = [], []
    for number, (original, final) in enumerate(zip(originals, finals, strict=False)):
        own = [decision for pair, decision in decisions if pair == number]
        outcomes.append(pair_outcome(original, final, own))
        before.append(outcome_before(outcomes[-1], own))
    expected = record_outcome(outcomes)
    if row.outcome not in (expected, record_outcome(before)):
        message = f"its outcome is {row.outcome}, but its texts and decisions say {expected}"
        yield Problem("records", str(row.id), row.record_key, message)
    standing = sum(finding.status == FindingStatus.OPEN for finding in record.findings)
    if standing != row.open_findings:
        message = f"open_findings is {row.open_findings}, but {standing} of its findings are open"
        yield Problem("records", str(row.id), row.record_key, message)


def _check_findings(record: LoggedRecord, finals: Sequence[InstructionPair]) -> Iterator[Problem]:
    """Findings lie within the text they speak of, and a repaired one names the applied decision that repaired it."""
    applied = {row.id: row for row in record.decisions if row.action == Action.APPLIED}
    for finding in record.findings:
        messages = []
        if not 0 <= finding.start <= finding.end or not 0 <= finding.pair < len(finals):
            messages.append("its place is none")
        elif finding.status == FindingStatus.OPEN and finding.field in _WORDS["findings"]["field"]:
            text = finals[finding.pair].text(Field(finding.field))
            if text is None or finding.end > len(text):
                messages.append("its place lies outside the final text")
        if (finding.status == FindingStatus.REPAIRED) != (finding.decision_id is not None):
            messages.append(f"its status is {finding.status}, but its decision_id is {finding.decision_id}")
        elif finding.decision_id is not None and (
            finding.decision_id not in applied or applied[finding.decision_id].pair != finding.pair
        ):
            messages.append(f"decision {finding.decision_id} applied nothing to its pair")
        for message in messages:
            yield Problem("findings", str(finding.id), record.row.record_key, message)


def _unknown_words(record: LoggedRecord) -> Iterator[Problem]:
    edits = [edit for decision in record.decisions for edit in decision.edits]
    for table, rows in (
        ("records", [record.row]), ("decisions", record.decisions), ("edits", edits), ("findings", record.findings),
    ):  # fmt: skip
        for row in rows:
            for name, words in _WORDS[table].items():
                if (value := getattr(row, name)) not in words:
                    column = "pass" if name == "pass_" else name
                    message = f'{column} is "{value}", which is no such word'
                    yield Problem(table, row.label, record.row.record_key, message)
