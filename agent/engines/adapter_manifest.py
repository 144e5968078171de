"""What an adapter says of itself: the file that `midb-agent train` puts next to peft's. Knows no tensor.

An adapter has learnt from prompts of one style, for some passes and languages, on one base. Whoever runs it must ask as
it was asked in training: another prompt gets worse replies than the base would give.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from midb.domain.errors import UsageError

#: The file's name, in the adapter's folder.
ADAPTER_MANIFEST = "midb-adapter.json"

#: Version of the file's form. Names are added; a reader that does not know a higher number refuses the file.
FORM = 1

#: Bytes of such a file; real ones have some thousands.
_LARGEST = 16 << 20

#: The style of an adapter that learnt to answer instructions: it knows no prompt of a pass, and revises nothing.
CHAT = "chat"

#: Styles of prompts: those that midb-agent comes with, those of a folder of the user's, and none.
PROMPT_STYLES = ("full", "short", "own", CHAT)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterManifest:
    """What an adapter says of itself.

    :param prompts: style of the prompts that it was trained with: full, short, own (``--prompts FOLDER``), or chat for
        one that answers instructions.
    :param prompt_hashes: SHA-256 of each prompt by its name, as in ``PromptSet.fingerprint``.
    :param base_name: what its base is called; ``base_sha256`` is that of ``checkpoint.hash_files``.
    :param passes: values of the passes that it was trained for; ``languages`` their codes.
    :param whole: all that the file holds.
    """

    prompts: str
    prompt_hashes: Mapping[str, str] = field(default_factory=dict)
    base_name: str = ""
    base_sha256: str = ""
    passes: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    whole: Mapping[str, Any] = field(default_factory=dict, repr=False)


def read_manifest(folder: Path) -> AdapterManifest | None:
    """Read what an adapter says of itself; None where it has no such file, as one that others trained.

    :raises UsageError: for a file that is damaged, or of a newer form.
    """
    path = folder / ADAPTER_MANIFEST
    if not path.exists():
        return None
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            raise UsageError(f"{path} is not the description of an adapter.", hint="Is the adapter's copy complete?")
        whole = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no JSON'}.",
            hint="Is the adapter's copy complete?",
        ) from error
    if not isinstance(whole, dict) or type(whole.get("midb_adapter")) is not int:
        raise UsageError(f"{path} is not the description of an adapter.", hint="midb-agent train writes it.")
    if whole["midb_adapter"] > FORM:
        raise UsageError(f"{path} was written by a newer midb-agent.", hint="Update midb-agent, or train it again.")
    base = whole.get("base")
    base = base if isinstance(base, dict) else {}
    hashes = whole.get("prompt_hashes")
    prompts = whole.get("prompts")
    if prompts not in PROMPT_STYLES:
        raise UsageError(
            f'{path} names prompts that are not known: "{str(prompts)[:40]}".',
            hint=f"Known: {', '.join(PROMPT_STYLES)}.",
        )
    return AdapterManifest(
        prompts=prompts,
        prompt_hashes={str(name): str(value) for name, value in hashes.items()} if isinstance(hashes, dict) else {},
        base_name=str(base.get("name", "")),
        base_sha256=str(base.get("sha256", "")),
        passes=_strings(whole.get("passes")),
        languages=_strings(whole.get("languages")),
        whole=whole,
    )


def write_manifest(folder: Path, whole: Mapping[str, Any]) -> None:
    """Write it, in one step: an adapter that has it is finished. ``whole`` has what ``AdapterManifest`` names, with the
    base as {"name": ..., "sha256": ...}."""
    text = json.dumps({"midb_adapter": FORM, **whole}, indent=2, ensure_ascii=False)
    partial = folder / f".{ADAPTER_MANIFEST}.partial"
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(folder / ADAPTER_MANIFEST)


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()
