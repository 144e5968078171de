"""What was found out about a corpus, in a file: its shards are read by that instead of by what each of them looks like.

The file holds no text of the corpus: the usual layout is told by the columns and roles of one record.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from midb import __version__
from midb.corpus.layouts import LayoutFinder, RecordError
from midb.corpus.layouts.conversations import ASSISTANTS, USERS
from midb.corpus.opened import MALFORMED, OpenedCorpus, PinnedSurvey
from midb.corpus.records import load_object
from midb.domain.errors import UsageError

#: What the file says it is, and in which form.
_FORM = "midb-agent survey 1"

#: Texts of a record that its layout depends on.
_ROLES = USERS | ASSISTANTS | {"system", "tool", "function", "developer"}

#: What stands for any other text.
_TEXT = "x"


def pin(opened: OpenedCorpus) -> bytes | None:
    """The file's content for a whole corpus; None where its usual layout cannot be told without its texts."""
    found = opened.found
    finder = LayoutFinder(opened.rules.mapping)
    for example in found.examples:
        try:
            record = load_object(example)
            outline = _outline(record)
            if finder.find(record) == found.usual == LayoutFinder().find(outline):
                break
        except RecordError:
            continue
    else:
        return None
    plan = found.languages
    told = {
        "form": _FORM, "version": __version__, "corpus": opened.container.path.name, "sha256": found.sha256,
        "records": found.records, "ascii_only": found.ascii_only, "sourceless": opened.rules.sourceless,
        "languages": {"usual": plan.usual, "by_prefix": plan.by_prefix, "described": plan.described},
        "usual": outline,
    }  # fmt: skip
    return json.dumps(told, indent=2, ensure_ascii=False).encode() + b"\n"


def read_pinned(path: Path) -> dict[str, Any]:
    """Read such a file, as ``PinnedSurvey.parse`` takes it; raises UsageError where it is none of this version."""
    told: Any
    try:
        told = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", hint="midb-agent split writes one.") from error
    except ValueError:
        told = None
    if not isinstance(told, dict) or told.get("form") != _FORM:
        raise UsageError(f"{path} is no survey of a corpus.", hint="midb-agent split writes one beside the shards.")
    if told.get("version") != __version__:
        raise UsageError(
            f"{path} was written by midb-agent {told.get('version')}, and this is {__version__}.",
            hint="Use the same version on all machines, or split the corpus again.",
        )
    try:
        PinnedSurvey.parse(told)
    except MALFORMED as error:
        raise UsageError(f"{path} is not whole.", hint="Split the corpus again.") from error
    return told


def _outline(value: Any) -> Any:
    """A record with its keys and the roles of its turns, and without its texts.

    >>> _outline({"messages": [{"role": "user", "content": "Hello"}], "score": 3, "input": ""})
    {'messages': [{'role': 'user', 'content': 'x'}], 'score': 0, 'input': ''}
    """
    if isinstance(value, str):
        return value if not value or value in _ROLES else _TEXT
    if isinstance(value, dict):
        return {key: _outline(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_outline(inner) for inner in value]
    return value if value is None or isinstance(value, bool) else 0
