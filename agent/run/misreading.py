"""A corpus that seems to be read wrongly: the same grave fault in each record is one of the reading, not of texts."""

from __future__ import annotations

from collections import Counter

from midb.agent.run.examine import Examiner, ExaminerSettings, explain_left_alone, explain_unexamined
from midb.corpus.layouts import Columns
from midb.corpus.opened import OpenedCorpus
from midb.corpus.survey import MANY
from midb.detectors import KindSelection
from midb.domain.defects import Severity
from midb.domain.errors import CorpusError
from midb.domain.results import RecordResult

#: Seconds of processor time that a record may take to be tried: nobody waits here for what a run gives its time to.
TRIAL_SECONDS = 2.0
#: Records that take longer, after which the trial ends. The first may have had to load what all need.
MOST_SLOW = 2


def refuse_misread(corpus: OpenedCorpus, selection: KindSelection) -> None:
    """Raise CorpusError where every example of a corpus shows the same critical kind, and nobody said what its columns
    are. A few examples say nothing."""
    columns = corpus.found.usual
    if corpus.rules.mapping is not None or not isinstance(columns, Columns):
        return  # the user has said it, or it is a talk, whose turns say who speaks
    results = _examine(corpus, selection) if len(corpus.found.examples) >= MANY else []
    shown: Counter[str] = Counter()
    for result in results:
        found = (logged.finding for pair in result.pairs for logged in pair.findings)
        shown.update({finding.kind for finding in found if finding.severity is Severity.CRITICAL})
    kind, count = next(iter(shown.most_common(1)), ("", 0))
    if count == len(results) >= MANY:
        named = (("instruction", columns.instruction), ("input", columns.input), ("response", columns.response))
        read = ",".join(f"{name}={column}" for name, column in named if column)
        raise CorpusError(
            f"each of {count} records of {corpus.container.path} that were tried has a critical finding, {kind}: are "
            "the columns read as they should be?",
            hint=f"Say which columns hold what; they are read as --map {read}, which also says that this is right. "
            f"Or leave the kind out: --kinds=-{kind}.",
        )


def _examine(corpus: OpenedCorpus, selection: KindSelection) -> list[RecordResult]:
    """The results of those examples that can be examined; none where they take too long."""
    settings = ExaminerSettings(rules=corpus.rules, selection=selection, rewrite=False, record_seconds=TRIAL_SECONDS)
    examiner = Examiner(settings)
    results: list[RecordResult] = []
    slow = 0
    for raw in corpus.found.examples:
        (result,) = examiner.examine_batch([(raw, None)])
        if not isinstance(result, RecordResult) or explain_unexamined(result):
            continue
        if not explain_left_alone(result):
            results.append(result)
        elif (slow := slow + 1) == MOST_SLOW:
            return []
    return results
