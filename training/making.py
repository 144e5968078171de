"""From files of revisions to examples on two sides: the steps of `midb-agent examples`, which `train` takes too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from midb.domain.decisions import REWRITING_PASSES, Pass
from midb.domain.errors import UsageError
from midb.domain.hashing import file_sha256
from midb.prompts import parse_prompts
from midb.training.data.choosing import Sides, drop_duplicates, parse_selection, refuse_leaks, select, split
from midb.training.data.files import list_files, read_revisions
from midb.training.data.revision import Revision
from midb.training.examples.building import Built, ExampleBuilder, parse_mix
from midb.training.examples.damaging import put_in

#: The mix unless another is asked for, as it is written.
DEFAULT_MIX_TEXT = "revision:0.4,unchanged:0.3,defect:0.3"

#: Reasons for leaving something out that are named in an error; the manifest has all.
_NAMED_REASONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class MakingOptions:
    """What examples are made of, and how; every text as a user writes it.

    :param data: files and folders of revisions; ``held_out`` those to measure on, else a share of the rows is.
    :param languages: codes; none: all of the project's.
    :param prompts: full, short, or a folder; None is full.
    :param most: examples to train on; 0: all.
    """

    data: Sequence[Path]
    held_out: Sequence[Path] = ()
    holdout: float = 0.1
    languages: Sequence[str] = ()
    passes: str | None = None
    selection: str = "all"
    mix: str = DEFAULT_MIX_TEXT
    most: int = 0
    prompts: str | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Examples of both sides.

    :param revisions: all that were read; ``doubled`` more stood there twice.
    :param settings: how they were made, for a manifest.
    """

    train: Built
    held_out: Built
    revisions: list[Revision] = field(repr=False)
    doubled: int
    settings: dict[str, Any]


def make_examples(options: MakingOptions) -> Made:
    """Make the examples; raises UsageError and CorpusError, each with a sentence."""
    passes = parse_passes(options.passes)
    shares, share = parse_mix(options.mix), parse_selection(options.selection)
    style, prompts = parse_prompts(options.prompts)
    reading = read_revisions(options.data, options.languages)
    revisions, doubled = drop_duplicates(reading.revisions)
    sides = _split(revisions, options)
    builder = ExampleBuilder(prompts, put_in=put_in, passes=passes, seed=options.seed)
    train = builder.build(select(sides.train, share), shares, options.most)
    held_out = builder.build(sides.held_out, shares, round(options.most * options.holdout) if options.most else 0)
    if not train.examples:
        reasons = "; ".join(f"{number:,} {reason}" for reason, number in train.left_out.most_common(_NAMED_REASONS))
        raise UsageError("no example could be made of these revisions.", hint=reasons or "Look at --mix.")
    files = [
        {"name": path.name, "sha256": file_sha256(path)} for path in list_files([*options.data, *options.held_out])
    ]
    settings = {
        "select": options.selection, "mix": {kind.value: value for kind, value in shares.items()}, "seed": options.seed,
        "holdout": None if options.held_out else options.holdout, "passes": [pass_.value for pass_ in passes],
        "most": options.most, "languages": list(options.languages), "prompt_style": style,
        "prompts": prompts.fingerprint(), "data": files,
        "left_out": {
            "read": dict(reading.left_out), "train": dict(train.left_out), "held_out": dict(held_out.left_out),
        },
        "duplicates": doubled,
    }  # fmt: skip
    return Made(train=train, held_out=held_out, revisions=revisions, doubled=doubled, settings=settings)


def parse_passes(text: str | None) -> tuple[Pass, ...]:
    """The passes that a list with commas names; None names all that rewrite. Raises UsageError."""
    if text is None:
        return tuple(REWRITING_PASSES)
    known = {pass_.value: pass_ for pass_ in REWRITING_PASSES}
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in known] or ([text] if not names else []):
        raise UsageError(
            f'there is no pass "{unknown[0]}" to make examples of.', hint=f"Known are: {', '.join(known)}."
        )
    return tuple(known[name] for name in dict.fromkeys(names))


def _split(revisions: Sequence[Revision], options: MakingOptions) -> Sides:
    if not options.held_out:
        return split(revisions, options.holdout)
    held = read_revisions(options.held_out, options.languages).revisions
    refuse_leaks(revisions, held)
    return Sides(list(revisions), held)
