"""What students learn: the same pairs of a corpus as it was, boosted and edited at random; and what is held out."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from midb.agent.engines.protocol import Message
from midb.agent.engines.tokens import RequestRefused
from midb.domain.errors import UsageError
from midb.domain.pairs import InstructionPair
from midb.evaluation.data.examining import PairExaminer
from midb.evaluation.data.sides import PairSides
from midb.evaluation.intervals import LEAST_ROWS
from midb.evaluation.models.questions import Question, QuestionSet
from midb.evaluation.pairwise.aligning import Alignment
from midb.evaluation.pairwise.judging import JudgedPair
from midb.evaluation.pairwise.sampling import choose_pairs
from midb.training.examples.plain import join_task, make_chat

#: Names of the corpora that students learn from, in this order.
RAW, BOOSTED, CONTROL = "raw", "boosted", "control"

#: Held-out texts whose loss is measured: those that no run changed and in which no detector finds anything; and of the
#: pairs that differ the text of either side.
SAME, OLD, NEW = "same", "raw", "boosted"


class TaskEncoder(Protocol):
    """What is needed of a base's tokenizer; ``ChatTokenizer`` is one."""

    def encode_chat(self, messages: Sequence[Message]) -> list[int]: ...
    def encode_reference(self, text: str) -> list[int]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofPair:
    """One pair in all corpora.

    :param versions: by corpus. ``room``: tokens of the longest of them, as a chat.
    """

    name: str
    language: str
    row: str
    versions: Mapping[str, InstructionPair]
    room: int = 0

    @property
    def differs(self) -> bool:
        """Whether the booster changed it."""
        return self.versions[RAW] != self.versions[BOOSTED]

    def as_chat(self, side: str) -> dict[str, Any]:
        """What a student of that corpus learns of it, or is measured by."""
        return make_chat(self.versions[side], language=self.language, row=self.row, name=self.name, room=self.room)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """What is learnt and what is held out: the same pairs in the same order for every student.

    :param pairs: of the corpus; ``differing``: those of them that the booster changed.
    :param left_out: pairs that serve for nothing, by the reason.
    """

    train: Sequence[ProofPair]
    held_out: Sequence[ProofPair]
    pairs: int
    differing: int
    left_out: Counter[str] = field(default_factory=Counter)
    notes: Sequence[str] = ()

    def describe(self) -> dict[str, Any]:
        """Their numbers, for the figures."""
        return {
            "pairs": self.pairs,
            "differing": self.differing,
            "train": len(self.train),
            "train_differing": sum(pair.differs for pair in self.train),
            "train_rows": len({pair.row for pair in self.train}),
            "held_out": len(self.held_out),
            "held_out_differing": sum(pair.differs for pair in self.held_out),
            "held_out_rows": len({pair.row for pair in self.held_out}),
            "languages": dict(sorted(Counter(pair.language for pair in self.train).items())),
            "left_out": dict(self.left_out.most_common()),
        }


def make_lessons(
    boosted: Alignment,
    control: Alignment | None,
    encoder: TaskEncoder,
    *,
    longest: int,
    sample: int = 0,
    holdout: float = 0.2,
    seed: int = 0,
) -> Lessons:
    """Choose what is learnt and what is held out, by whole rows.

    :param boosted: the corpus and its boosted side, ``control`` the corpus and its control, each with every pair kept.
    :param longest: tokens of an example; a pair that is longer in any corpus is in none.
    :param sample: pairs that are used, as many of each language; 0: all.
    :raises UsageError: where too few rows are left, or no pair to be learnt differs.
    """
    left_out: Counter[str] = Counter()
    others = control.every if control else [(0, None)] * len(boosted.every)
    usable: dict[int, ProofPair] = {}
    candidates: list[JudgedPair] = []
    for (number, pair), (_, other) in zip(boosted.every, others, strict=True):
        versions = {RAW: pair.versions[0][1], BOOSTED: pair.versions[1][1]}
        if other is not None:
            versions[CONTROL] = other.versions[1][1]
        if number:
            left_out["a later turn, or another answer, of its record"] += 1
            continue
        if not all(join_task(one) and (one.response or "").strip() for one in versions.values()):
            left_out["without a task or an answer on one side"] += 1
            continue
        candidates.append(pair)
        usable[id(pair)] = ProofPair(name=pair.item, language=pair.language, row=pair.row, versions=versions)
    chosen = []
    for pair in choose_pairs(candidates, sample, seed):
        try:
            room = max(_measure(version, encoder) for version in usable[id(pair)].versions.values())
        except RequestRefused:
            left_out["the base's tokenizer does not take it"] += 1
            continue
        if room > longest:
            left_out[f"longer than {longest:,} tokens on one side"] += 1
            continue
        chosen.append(replace(usable[id(pair)], room=room))
    train, held_out = _hold_out(chosen, holdout, left_out)
    lessons = Lessons(
        train=train, held_out=held_out, pairs=len(boosted.every), differing=len(boosted.differing),
        left_out=left_out, notes=boosted.notes,
    )  # fmt: skip
    if not any(pair.differs for pair in lessons.train):
        raise UsageError(
            f"none of the {len(lessons.train):,} pairs to learn from was changed: both students would be the same.",
            hint=f"Of the whole corpus {lessons.differing:,} of {lessons.pairs:,} pairs were changed. "
            "A larger --sample, or a corpus with more to repair.",
        )
    return lessons


def _measure(pair: InstructionPair, encoder: TaskEncoder) -> int:
    chat = make_chat(pair, language="", row="", name="")
    asked, answer = chat["messages"]
    return len(encoder.encode_chat([Message("user", asked["content"])])) + len(
        encoder.encode_reference(answer["content"])
    )


def _hold_out(
    pairs: Sequence[ProofPair], share: float, left_out: Counter[str]
) -> tuple[list[ProofPair], list[ProofPair]]:
    """What is learnt, and what is held out: rows by their names alone, and no task that is learnt in another row."""
    rows = sorted({pair.row for pair in pairs}, key=lambda row: hashlib.sha256(row.encode()).digest())
    held = set(rows[: round(share * len(rows))])
    train = [pair for pair in pairs if pair.row not in held]
    learnt = {_fold_task(version) for pair in train for version in pair.versions.values()}
    held_out = []
    for pair in pairs:
        if pair.row in held:
            if any(_fold_task(version) in learnt for version in pair.versions.values()):
                left_out["held out, and its task is learnt in another row"] += 1
            else:
                held_out.append(pair)
    if min(len({pair.row for pair in side}) for side in (train, held_out)) < LEAST_ROWS:
        needed = math.ceil(round(LEAST_ROWS / min(share, 1 - share), 6))
        why = "; ".join(f"{number:,} {reason}" for reason, number in left_out.most_common(3))
        raise UsageError(
            f"the corpus is too small: {len(rows):,} rows can be used, and {LEAST_ROWS} that are learnt and "
            f"{LEAST_ROWS} that are held out are the least of which an interval is given.",
            hint=f"With --holdout {share:g} that takes {needed:,} rows; translations of one row are one."
            + (f" Left out: {why}." if why else ""),
        )
    return train, held_out


def _fold_task(pair: InstructionPair) -> str:
    return " ".join(join_task(pair).casefold().split())


def list_references(lessons: Lessons) -> dict[str, list[ProofPair]]:
    """The held-out pairs of each set whose loss is measured.

    What is the same on both sides favours neither student, if it is clean: else a student of faults would be praised
    for expecting them.
    """
    examiner = PairExaminer(_select_kinds())
    same = [pair for pair in lessons.held_out if not pair.differs and _is_clean(pair, examiner)]
    differing = [pair for pair in lessons.held_out if pair.differs]
    return {SAME: same, OLD: differing, NEW: differing}


def as_reference(pair: ProofPair, which: str) -> dict[str, Any]:
    """The chat whose answer is the reference of that set."""
    return pair.as_chat(BOOSTED if which == NEW else RAW)


def _is_clean(pair: ProofPair, examiner: PairExaminer) -> bool:
    examined = examiner.examine(show_alone(pair.name, pair.row, pair.language, pair.versions[RAW]))
    return not examined.left and not examined.findings_before


def show_alone(name: str, row: str, language: str, pair: InstructionPair) -> PairSides:
    """A pair for the examiner that has only one side."""
    return PairSides(
        key=name, number=0, row=row, language=language, before=pair, after=pair, source=None, shared={}, demands=(),
        size=sum(len(text) for _, text in pair.texts()),
    )  # fmt: skip


def list_questions(lessons: Lessons) -> list[Question]:
    """Held-out tasks that are the same in the corpus and in its boosted side, as questions of one turn."""
    return [
        Question(pair.name, pair.language, pair.row, (join_task(pair.versions[RAW]),))
        for pair in lessons.held_out
        if join_task(pair.versions[RAW]) == join_task(pair.versions[BOOSTED])
    ]


def take_questions(lessons: Lessons, given: QuestionSet | None) -> tuple[list[Question], list[str]]:
    """What students may be asked, and what a reader has to know of it: given questions in the languages that were
    learnt, else held-out tasks.

    :raises UsageError: where there is none.
    """
    if given is not None:
        learnt = {pair.language for pair in lessons.train}
        questions = [one for one in given.questions if one.language in learnt]
        notes = list(given.notes)
        if left := len(given.questions) - len(questions):
            notes.append(f"{left:,} questions are left out: nothing was learnt in their language.")
        if not questions:
            raise UsageError(
                "no question is in a language that was learnt.", hint=f"Learnt are: {', '.join(sorted(learnt))}."
            )
        return questions, notes
    questions = list_questions(lessons)
    left = len(lessons.held_out) - len(questions)
    if not questions:
        raise UsageError(
            "there is nothing to ask: every held-out instruction was changed by the boosting.",
            hint="--questions FILE names questions of your own.",
        )
    return questions, [f"{left:,} held-out instructions were changed by the boosting, and are not asked."] * bool(left)


def _select_kinds() -> Any:
    from midb.detectors import KindSelection

    return KindSelection.parse(())
