"""fix_pair: one pair at a time. kinds: what can be found in one."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

from midb.agent.run.examine import Examiner, ExaminerSettings, explain_unexamined
from midb.corpus.formats.memory import RecordsInMemory
from midb.corpus.language_plan import LanguagePlan
from midb.corpus.layouts import Columns
from midb.corpus.raw import RawRecord
from midb.corpus.reading import ReadingRules
from midb.detectors import KindSelection
from midb.detectors import kinds as known_kinds
from midb.domain.errors import UsageError
from midb.domain.results import RejectedLine
from midb.library.loops import outside_loop
from midb.library.results import FixedPair, KindInfo, edits_of, findings_of, warn_of_left_alone
from midb.library.settings import checked_settings
from midb.locales import LANGUAGES, load


@outside_loop
def fix_pair(
    *,
    instruction: str,
    input: str | None = None,
    response: str | None = None,
    language: str = "auto",
    source: Mapping[str, str] | None = None,
    kinds: Iterable[str] = (),
    typography: bool = False,
) -> FixedPair:
    """Repair one pair, as `boost` would: fast enough for a map over a data set.

    :param source: its English original, with the same names: instruction, input, response.

    >>> fix_pair(instruction="Grüße!", response="SchÃ¶n, dich zu sehen.", language="de").response
    'Schön, dich zu sehen.'
    """
    settings = checked_settings(language, kinds=kinds, typography=typography)
    texts = {"instruction": instruction, "input": input, "response": response}
    given = {name: text for name, text in texts.items() if text is not None}
    columns = Columns("pair", "instruction", "input", "response" if response is not None else None)
    rules = ReadingRules(languages=LanguagePlan(fixed=settings.language_code()), mapping=columns)
    examiner = _examiner(rules, settings.selection)
    raw = RawRecord.alone(RecordsInMemory([given]).body(0))
    original = RecordsInMemory([dict(source)]).body(0) if source else None
    (result,) = examiner.examine_batch([(raw, original)])
    if isinstance(result, RejectedLine):
        raise UsageError(f"the pair cannot be read: {result.message}.")
    if why := explain_unexamined(result):
        raise UsageError(f"the pair cannot be read: {why}.")
    warn_of_left_alone(result)
    final = result.pairs[0].final
    return FixedPair(
        instruction=final.instruction,
        input=final.input,
        response=final.response,
        language=result.language,
        outcome=result.outcome.value,
        edits=tuple(edits_of(result)),
        findings=tuple(findings_of(result)),
    )


@functools.lru_cache(maxsize=64)
def _examiner(rules: ReadingRules, selection: KindSelection) -> Examiner:
    """An examiner for single pairs: the state machine is compiled, and language models are loaded, once."""
    return Examiner(ExaminerSettings(rules=rules, selection=selection))


def kinds() -> tuple[KindInfo, ...]:
    """Every kind of defect that is known, by family and name.

    >>> [kind.family for kind in kinds() if kind.name == "mojibake"]
    ['translation']
    """
    return tuple(
        KindInfo(
            name=kind.name,
            family=kind.family.value,
            severity=kind.severity.value,
            summary=kind.summary,
            repairs=kind.repairs,
            needs_source=kind.needs_source,
            convention=kind.convention,
            languages=tuple(code for code in LANGUAGES if kind.abstention(load(code)) is None),
        )
        for kind in known_kinds().values()
    )
