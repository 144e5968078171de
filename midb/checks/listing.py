"""Which checks there are, by the reasons for which each takes a rewrite back: what a run's log says it was held to.

A decision that stands has passed all of them: one that fails any is taken back, with that reason. Tests hold these
lists against the modules that make the checks.
"""

from __future__ import annotations

from midb.domain.decisions import Reason

#: Of provable repairs, each against its own input and again of the whole pair (`midb.checks.verification`). What the
#: kind of a repair may change by its nature, such as the number in a decimal separator, is left out there.
OF_REPAIRS = (
    Reason.LANGUAGE_CHANGED, Reason.PROTECTED_SPAN_CHANGED, Reason.NUMBER_CHANGED, Reason.LENGTH_CHANGED,
    Reason.FIELD_EMPTIED, Reason.NEW_FINDING,
)  # fmt: skip

#: Of what a model wrote, against the pair before it and its English source (`midb.checks.model_checks`).
OF_REWRITES = (
    *OF_REPAIRS, Reason.STRUCTURE_CHANGED, Reason.TOO_LITTLE_KEPT, Reason.NEW_NAME, Reason.NEW_CODE, Reason.NEW_ADDRESS,
    Reason.NEW_CONTACT, Reason.HIDDEN_CHARACTER, Reason.NEW_STEERING,
)  # fmt: skip

#: Of a whole pair with a model's edits in it, after all passes.
OF_REWRITTEN_PAIRS = (Reason.LANGUAGE_CHANGED, Reason.NEW_FINDING)

#: Of every pair that was changed, at the end: another round of repairs would change nothing.
AT_THE_END = Reason.NOT_IDEMPOTENT

#: What each check looks at, in words for people.
WORDS = {
    Reason.LANGUAGE_CHANGED: "language",
    Reason.PROTECTED_SPAN_CHANGED: "protected spans",
    Reason.NUMBER_CHANGED: "numbers",
    Reason.LENGTH_CHANGED: "length",
    Reason.FIELD_EMPTIED: "no field emptied",
    Reason.NEW_FINDING: "no new grave finding",
    Reason.STRUCTURE_CHANGED: "lines",
    Reason.TOO_LITTLE_KEPT: "words kept",
    Reason.NEW_NAME: "no new names",
    Reason.NEW_CODE: "no new code",
    Reason.NEW_ADDRESS: "no new addresses",
    Reason.NEW_CONTACT: "no new contacts",
    Reason.HIDDEN_CHARACTER: "no hidden characters",
    Reason.NEW_STEERING: "no new orders to readers",
    Reason.NOT_IDEMPOTENT: "a second round would change nothing",
}


def list_checks() -> dict[str, list[str]]:
    """The checks of this version as the settings of a run hold them: reasons, by what is checked."""
    return {
        "repairs": [reason.value for reason in OF_REPAIRS],
        "repaired_pairs": [reason.value for reason in (*OF_REPAIRS, AT_THE_END)],
        "rewrites": [reason.value for reason in OF_REWRITES],
        "rewritten_pairs": [reason.value for reason in (*OF_REWRITTEN_PAIRS, AT_THE_END)],
    }


def describe_check(reason: str) -> str:
    """What a check looks at; of one that this version does not know its reason.

    >>> describe_check("number-changed"), describe_check("new-in-0.9")
    ('numbers', 'new-in-0.9')
    """
    known = {one.value: words for one, words in WORDS.items()}
    return known.get(reason, reason)
