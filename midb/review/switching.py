"""What verdicts switch off: kinds that people found wrong too often in a language, so that the next run leaves them.

Repairs and findings are told apart. Where people gave another text instead of a repair there was something to find:
then only the repair is switched off, and what is found is flagged. Where they undid it, or said that it is a false
alarm, nothing is reported. A model's rewrites count together for each pass, and only for the model that wrote them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from midb.audit.proof.verify import verify
from midb.audit.reader import AuditReader
from midb.audit.rows import VERIFY_HINT
from midb.audit.run_rows import Run
from midb.audit.verdicts import find_standing
from midb.domain.decisions import Pass, rewrite_kind
from midb.domain.defects import SwitchedOff, SwitchedPart
from midb.domain.errors import AuditError, UsageError
from midb.review.agreement import Precision, list_judged
from midb.review.sheets import name_log

#: What a file with a decision says it is, and in which form.
_FORM = "midb-agent reviews 1"

#: What is said of a part that is switched off.
_SAID = {
    SwitchedPart.REPAIRS: "flagged, not repaired",
    SwitchedPart.REPAIRABLE: "neither repaired nor flagged",
    SwitchedPart.FINDINGS: "not flagged",
    SwitchedPart.REWRITES: "the model is not asked",
}

#: What a verdict is counted under: kind, language, what it is, and of a model's edits the model.
_Name = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Bound:
    """When a kind is switched off: its share of right ones is below ``precision``, of ``verdicts`` or more."""

    precision: float
    verdicts: int


@dataclass(frozen=True)
class SwitchedByReview:
    """What is switched off, and in words why.

    :param logs: names of the runs that were reviewed: what was said of them is what this rests on.
    :param reasons: a sentence for each that is off, and of which model's rewrites it speaks; empty: of none.
    :param figures: all that was reviewed; a model's edits by the pass that asked for them.
    :param undecided: the same for what is below the bound, but was reviewed too seldom to tell.
    """

    bound: Bound
    logs: tuple[str, ...]
    off: frozenset[SwitchedOff] = frozenset()
    reasons: tuple[tuple[str, str], ...] = ()
    undecided: tuple[tuple[str, str], ...] = ()
    figures: tuple[Precision, ...] = ()

    def describe(self) -> dict[str, Any]:
        """As the settings of a run hold it. The same decision is the same setting, however many verdicts led to it."""
        return {
            "logs": list(self.logs),
            "min_precision": self.bound.precision,
            "min_verdicts": self.bound.verdicts,
            "off": sorted(one.describe() for one in self.off),
        }

    def as_json(self) -> bytes:
        """The decision as a file, which stands for the logs that it rests on (see ``read_decision``)."""
        told = {"form": _FORM, **self.describe(), "reasons": self.reasons, "undecided": self.undecided}
        return orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n"

    def choose(self, engine: str) -> frozenset[SwitchedOff]:
        """What is off in a run with an engine: what another model wrote says nothing of this one."""
        return frozenset(one for one in self.off if one.engine in ("", engine))

    def explain(self, engine: str) -> tuple[str, ...]:
        """What is said of it at the beginning and at the end of a run with an engine, and kept in its log."""
        reasons, undecided = (
            [said for whose, said in sentences if whose in ("", engine)] for sentences in (self.reasons, self.undecided)
        )
        if not reasons:
            share = f"{100 * self.bound.precision:g} %"
            reasons = [f"nothing: no kind is below {share} right in {self.bound.verdicts:,} or more verdicts"]
        return (*reasons, *undecided)


def read_decision(path: Path) -> SwitchedByReview | None:
    """What ``as_json`` wrote; None for any other file, such as a log with verdicts.

    :raises UsageError: where it is such a file, and not whole.
    """
    try:
        with path.open("rb") as file:
            if file.read(1) != b"{":
                return None
            file.seek(0)
            told = orjson.loads(file.read())
        if told["form"] != _FORM:
            raise ValueError(told["form"])
        reasons, undecided = (
            tuple((str(whose), str(said)) for whose, said in told[n]) for n in ("reasons", "undecided")
        )
        off = frozenset(map(SwitchedOff.parse, told["off"]))
        return SwitchedByReview(
            Bound(told["min_precision"], told["min_verdicts"]), tuple(told["logs"]), off, reasons, undecided
        )
    except OSError:
        return None  # who reads it as a log says what is wrong
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{path} is no audit log, and does not say what reviews switched off.",
            hint="--reviewed names an audit log.",
        ) from error


def name_reviews(paths: Iterable[Path]) -> tuple[str, ...]:
    """What tells reviewed runs apart, whatever was said of them; raises UsageError where a log has no verdicts."""
    names: set[str] = set()
    for path in paths:
        with AuditReader(path) as reader:
            runs = list(_list_reviewed(reader))
        if not runs:
            raise UsageError(f"nobody has reviewed anything in {path}.", hint="midb-agent review shows it to a person.")
        names |= {name_log(run) for run in runs}
    return tuple(sorted(names))


def _list_reviewed(reader: AuditReader) -> Iterator[Run]:
    """The runs of a log of whose edits or findings anything was said."""
    for run in reader.runs():
        if run.kind == "run" and find_standing(reader, run.id):
            yield run


def decide_switches(paths: Iterable[Path], bound: Bound) -> SwitchedByReview:
    """Read the verdicts of logs and decide what they switch off.

    Each log is proved first; raises AuditError where one was changed. A run that lies in several logs counts once.
    """
    counted: dict[_Name, Counter[str]] = {}
    seen: set[str] = set()
    for path in paths:
        proof = verify(path)
        if proof.problem_count:
            first = proof.problems[0]
            raise AuditError(f"{path} was changed: {first.table}: {first.message}.", hint=VERIFY_HINT)
        with AuditReader(path) as reader:
            for run in _list_reviewed(reader):
                if (name := name_log(run)) not in seen:
                    seen.add(name)
                    _count(reader, run, counted)
    return weigh_verdicts(counted, bound, tuple(sorted(seen)))


def _count(reader: AuditReader, run: Run, counted: dict[_Name, Counter[str]]) -> None:
    standing = find_standing(reader, run.id)
    for one in list_judged(reader, run.id):
        row = standing.get(one.item.name)
        if row is None:
            continue
        kind, engine = (rewrite_kind(Pass(one.pass_)), run.engine) if one.modelled else (one.kind, "")
        counted.setdefault((kind, one.language, one.what, engine), Counter())[row.verdict] += 1


def weigh_verdicts(
    counted: Mapping[_Name, Mapping[str, int]], bound: Bound, logs: tuple[str, ...] = ()
) -> SwitchedByReview:
    """Decide by counts of verdicts, by kind, language, what was reviewed, and of a model's edits the model."""
    off: set[SwitchedOff] = set()
    reasons: list[tuple[str, str]] = []
    undecided: list[tuple[str, str]] = []
    figures: list[Precision] = []
    for (kind, language, what, engine), verdicts in sorted(counted.items()):
        told = verdicts.get("change", 0)
        right = verdicts.get("accept", 0) + (told if what == "findings" else 0)
        figure = Precision(kind, language, what, right, told, sum(verdicts.values()))
        figures.append(figure)
        if figure.share >= bound.precision:
            continue
        said = f"{kind} in {language}: {_describe_figure(figure)}"
        if figure.reviewed < bound.verdicts:
            undecided.append((engine, f"{said}; too few to tell, it stays on"))
            continue
        part = _choose_part(figure, bound)
        off.add(SwitchedOff(kind, language, part, engine))
        reasons.append((engine, f"{said}; {_SAID[part]}"))
    return SwitchedByReview(bound, logs, frozenset(off), tuple(reasons), tuple(undecided), tuple(figures))


def _choose_part(figure: Precision, bound: Bound) -> SwitchedPart:
    """What of a kind goes, given that it is below the bound."""
    if figure.what == "findings":
        return SwitchedPart.FINDINGS
    if figure.what == "model edits":
        return SwitchedPart.REWRITES
    found = (figure.right + figure.changed) / figure.reviewed
    return SwitchedPart.REPAIRS if found >= bound.precision else SwitchedPart.REPAIRABLE


def _describe_figure(figure: Precision) -> str:
    low, high = figure.interval
    interval = f"{100 * figure.share:.0f} %, interval {100 * low:.0f}-{100 * high:.0f} %"
    changed = f", {figure.changed:,} with another text" if figure.changed and figure.what != "findings" else ""
    return f"{figure.right:,} of {figure.reviewed:,} reviewed {figure.what} right{changed} ({interval})"
