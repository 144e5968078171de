"""What was decided about a pair, and how decisions add up to outcomes. Pure data and pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from midb.domain.defects import DefectFamily, Finding, FindingStatus
from midb.domain.edits import Edit
from midb.domain.pairs import Field, InstructionPair


class Pass(StrEnum):
    """The steps that take decisions. ``ROUTE`` decides only that no pass is needed. ``REVERT`` and ``REVIEW`` are a
    person's: the former, named after the command, decides that edits are undone, the latter does what a review said.
    ``EVALUATION`` decides nothing: it only asks a judge."""

    ROUTE = "route"
    CONTENT = "content"
    TRANSLATION = "translation"
    LOCALIZATION = "localization"
    VERIFICATION = "verification"
    REVERT = "revert"
    REVIEW = "review"
    EVALUATION = "evaluation"

    @property
    def family(self) -> DefectFamily:
        """The defects a rewriting pass repairs; ValueError for the other steps."""
        return DefectFamily(self.value)


REWRITING_PASSES = (Pass.CONTENT, Pass.TRANSLATION, Pass.LOCALIZATION)


def rewrite_kind(pass_: Pass) -> str:
    """What an edit of a model is called where no rule had found anything: ``content-rewrite`` and the like."""
    return f"{pass_.value}-rewrite"


class Action(StrEnum):
    """``APPLIED``: the edits stand (for verification: the pair was accepted). ``REJECTED``: they were taken back."""

    SKIPPED = "skipped"
    APPLIED = "applied"
    REJECTED = "rejected"


class Outcome(StrEnum):
    """What became of a pair or record; with the rejected lines these balance the ledger.

    ``REVERTED``: every rewrite was taken back, by a check or by verification. Where there was none, because no reply of
    a model could be used, the pair is unchanged, for the reason ``no-usable-reply``. ``UNDONE``: a person undid, with
    `midb-agent revert`. ``CORRECTED``: what a review said was done, with `midb-agent apply`.
    """

    UNCHANGED = "unchanged"
    IMPROVED = "improved"
    REVERTED = "reverted"
    UNDONE = "undone"
    CORRECTED = "corrected"


#: The ledger of a run: read = unchanged + improved + reverted + rejected.
RUN_OUTCOMES = (Outcome.UNCHANGED, Outcome.IMPROVED, Outcome.REVERTED)

#: The ledger of a revert, which starts from what a run left: read = unchanged + undone + rejected.
REVERT_OUTCOMES = (Outcome.UNCHANGED, Outcome.UNDONE)

#: The ledger of what a review said, likewise: read = unchanged + corrected + rejected.
APPLY_OUTCOMES = (Outcome.UNCHANGED, Outcome.CORRECTED)


def list_outcomes(run_kind: str) -> tuple[Outcome, ...]:
    """The outcomes that the ledger of a kind of run (``runs.kind``) has."""
    return {"revert": REVERT_OUTCOMES, "apply": APPLY_OUTCOMES}.get(run_kind, RUN_OUTCOMES)


class Reason(StrEnum):
    """Machine reasons of decisions: why a pass was skipped, why a rewrite stands or was taken back."""

    NOTHING_FOUND = "nothing-found"
    NOTHING_REPAIRABLE = "nothing-repairable"
    REPAIRED = "repaired"
    ACCEPTED = "accepted"
    INTERNAL_ERROR = "internal-error"
    TOO_SLOW = "too-slow"
    OTHER_LANGUAGE = "other-language"
    UNEXAMINED = "unexamined"
    TOO_MANY_FINDINGS = "too-many-findings"
    REVERT_REQUESTED = "revert-requested"
    REVIEWED = "reviewed"
    LANGUAGE_CHANGED = "language-changed"
    PROTECTED_SPAN_CHANGED = "protected-span-changed"
    NUMBER_CHANGED = "number-changed"
    FIELD_EMPTIED = "field-emptied"
    LENGTH_CHANGED = "length-changed"
    NEW_FINDING = "new-finding"
    NOT_IDEMPOTENT = "not-idempotent"

    # With a model. Why it left a pair alone, or was not asked.
    REWRITTEN = "rewritten"
    LEFT_ALONE = "left-alone"
    # The reply could not be used.
    TRUNCATED = "truncated"
    LOOPED = "looped"
    WITHHELD = "withheld"
    EMPTY_REPLY = "empty-reply"
    CHATTER = "chatter"
    MISSING_SECTION = "missing-section"
    UNKNOWN_SECTION = "unknown-section"
    ANSWERED = "answered-instruction"
    BAD_SCHEMA = "bad-schema"
    PROMPT_LEAKED = "prompt-leaked"
    # There was no reply.
    ENGINE_FAILED = "engine-failed"
    CONTEXT_EXCEEDED = "context-exceeded"
    # What became of the pair then: nothing.
    NO_USABLE_REPLY = "no-usable-reply"
    # The rewrite is no edit of the text, or says what nobody said.
    TOO_LITTLE_KEPT = "too-little-kept"
    STRUCTURE_CHANGED = "structure-changed"
    NEW_ADDRESS = "new-address"
    NEW_CONTACT = "new-contact"
    HIDDEN_CHARACTER = "hidden-character"
    NEW_STEERING = "new-steering"
    NEW_NAME = "new-name"
    NEW_CODE = "new-code"
    # The model's own verdict.
    NOT_PREFERRED = "not-preferred"
    VERDICT_UNUSABLE = "verdict-unusable"


#: Why a record stays as it is without having been examined to the end.
LEFT_ALONE_REASONS = (
    Reason.INTERNAL_ERROR, Reason.TOO_SLOW, Reason.OTHER_LANGUAGE, Reason.UNEXAMINED, Reason.TOO_MANY_FINDINGS,
    Reason.NO_USABLE_REPLY,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Violation:
    """A do-no-harm check that a rewrite failed: the reason, what exactly was seen, and in which field."""

    reason: Reason
    detail: str
    field: Field | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision about one pair; ``edits`` are relative to the text with ``before_hash``.

    The edits of a rejected decision were tried and do not stand. Where a model was asked, ``prompt_hash`` says what and
    ``generation`` is the row of its reply; without a reply there is only the former.
    """

    pass_: Pass
    action: Action
    reason: Reason
    detail: str = ""
    attempt: int = 1
    before_hash: str
    after_hash: str
    edits: tuple[Edit, ...] = ()
    prompt_hash: str | None = None
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class LoggedFinding:
    """A finding and what became of it; ``decision`` is the index of the decision that repaired it.

    The span of a repaired or dismissed finding refers to the text it was found in, that of an open one to the final
    text.
    """

    finding: Finding
    status: FindingStatus
    decision: int | None = None


@dataclass(frozen=True, slots=True)
class PairResult:
    """Everything the state machine has to say about one pair."""

    original: InstructionPair
    final: InstructionPair
    outcome: Outcome
    decisions: tuple[Decision, ...]
    findings: tuple[LoggedFinding, ...]


def decide(
    pass_: Pass,
    before: InstructionPair,
    after: InstructionPair,
    edits: Sequence[Edit],
    violations: Sequence[Violation],
    *,
    attempt: int = 1,
) -> Decision:
    """Whether a pass's rewrite stands: it does only if no check was violated. The first violation names the reason."""
    rejected = bool(violations)
    kinds = sorted({edit.kind for edit in edits})
    return Decision(
        pass_=pass_,
        action=Action.REJECTED if rejected else Action.APPLIED,
        reason=violations[0].reason if rejected else Reason.REPAIRED,
        detail="; ".join(violation.detail for violation in violations) if rejected else ", ".join(kinds),
        attempt=attempt,
        before_hash=before.content_hash(),
        after_hash=before.content_hash() if rejected else after.content_hash(),
        edits=tuple(edits),
    )


class DecisionLike(Protocol):
    """What tells whether a decision stands: of a decision as it was taken, or of a row of the log."""

    @property
    def pass_(self) -> str: ...

    @property
    def action(self) -> str: ...

    @property
    def edits(self) -> Sequence[object]: ...


_Decided = TypeVar("_Decided", bound=DecisionLike)


def standing(decisions: Iterable[_Decided]) -> list[tuple[int, _Decided]]:
    """The decisions on one pair whose edits stand, with their indexes.

    They were applied, and no verification failed after them: one that fails takes the pair back to its original, and
    passes may then try again without what did harm. This is the one place that says so; the SQL of the audit log
    (`midb.audit.questions.filters.STANDS`, the view `standing_decisions`) is held against it by a test.
    """
    found: list[tuple[int, _Decided]] = []
    for index, decision in enumerate(decisions):
        if decision.pass_ == Pass.VERIFICATION and decision.action == Action.REJECTED:
            found.clear()
        elif decision.action == Action.APPLIED and decision.edits:
            found.append((index, decision))
    return found


def pair_outcome(original: InstructionPair, final: InstructionPair, decisions: Iterable[Decision]) -> Outcome:
    """Improved if the text changed; reverted if it did not because every rewrite was taken back; else unchanged.

    What counts is how each pass ended: a reply that could not be used, followed by one that leaves the pair alone,
    is no rewrite that was taken back; nor is one that no other followed. Undone or corrected where a person decided so,
    whatever became of the text.
    """
    decided = list(decisions)
    if any(decision.pass_ is Pass.REVIEW for decision in decided):
        return Outcome.CORRECTED
    if any(decision.pass_ is Pass.REVERT for decision in decided):
        return Outcome.UNDONE
    if final != original:
        return Outcome.IMPROVED
    failed = find_failed_passes(decided)
    tried = any(decision.pass_ in failed and _took_back(decision) for decision in decided)
    return Outcome.REVERTED if tried else Outcome.UNCHANGED


def find_failed_passes(decisions: Iterable[Decision]) -> tuple[Pass, ...]:
    """The passes whose last attempt came to nothing: a rewrite was taken back, or no reply could be used."""
    last = {decision.pass_: decision.action for decision in decisions}
    return tuple(pass_ for pass_, action in last.items() if action is Action.REJECTED)


def _took_back(decision: Decision) -> bool:
    """Whether a decision took back a rewrite: its own edits, or as verification those of the passes."""
    return decision.action is Action.REJECTED and (decision.pass_ is Pass.VERIFICATION or bool(decision.edits))


def record_outcome(outcomes: Sequence[Outcome]) -> Outcome:
    """A record is improved if any of its pairs is, else reverted if any is, else undone or corrected if any is.

    >>> record_outcome([Outcome.UNCHANGED, Outcome.REVERTED]).value
    'reverted'
    """
    for outcome in (Outcome.IMPROVED, Outcome.REVERTED, Outcome.UNDONE, Outcome.CORRECTED):
        if outcome in outcomes:
            return outcome
    return Outcome.UNCHANGED
