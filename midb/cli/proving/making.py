"""What a proof is made of: the boosted corpus, the control, what is learnt, and the students. Each is made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from midb.corpus.formats.containers import open_container
from midb.corpus.layouts import parse_mapping
from midb.corpus.opened import OpenedCorpus, open_corpus
from midb.domain.errors import MidbError, UsageError
from midb.evaluation.proving.folder import ProofFolder
from midb.evaluation.proving.lessons import BOOSTED, CONTROL, RAW, Lessons, ProofPair

if TYPE_CHECKING:
    from midb.agent.engines.adapters import Adapter
    from midb.agent.engines.checkpoint import CheckpointFolder
    from midb.evaluation.pairwise.aligning import Alignment
    from midb.evaluation.proving.measuring import Loss
    from midb.training.tuning.settings import TuningSettings

#: Seconds between two states of a training: one that is killed has to learn so much again.
_SAVE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class CorpusWords:
    """A corpus and how it is read, as the user said it."""

    path: Path
    language: str | None
    map: str | None
    source: Path | None

    def open(self, path: Path | None = None) -> OpenedCorpus:
        """Open it, or another file that is read in the same way."""
        return open_corpus(
            open_container(path or self.path), language=self.language,
            mapping=parse_mapping(self.map) if self.map else None, source=self.source,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MadeCorpora:
    """The corpora that students learn from.

    :param boosted: the corpus and its boosted side with all pairs, ``control`` the same of the control.
    :param described: what there is to say of each, by its side.
    """

    boosted: Alignment
    control: Alignment | None
    described: Mapping[str, dict[str, Any]]
    sha256: str

    @property
    def sides(self) -> list[str]:
        """Those that there are."""
        return [RAW, BOOSTED, *([CONTROL] if self.control else [])]


def boost(words: CorpusWords, folder: ProofFolder) -> Path:
    """Run the corpus by the embedded default, or go on with that run; returns its output.

    :raises MidbError: where it did not come to its end.
    """
    from midb.cli.running import run

    output = folder.corpus(BOOSTED, words.path)
    code = run(
        words.path, output=output, db=folder.log, language=words.language, source=words.source, map=words.map,
        quiet=output.exists() or None,
    )  # fmt: skip
    if code:
        error = MidbError("the run that boosts the corpus did not end.", hint="The same command goes on.")
        error.exit_code = code
        raise error
    return output


def align_corpora(
    words: CorpusWords, given: Path | None, folder: ProofFolder, *, control: bool, seed: int
) -> MadeCorpora:
    """Make what is missing, and match all pairs."""
    from midb.evaluation.pairwise.aligning import align
    from midb.evaluation.proving.control import RandomEdits
    from midb.injectors.corpus import spoil

    path = given or boost(words, folder)
    raw, other = words.open(), words.open(path)
    boosted = align(raw, other, keep=True)
    described: dict[str, dict[str, Any]] = {
        RAW: {"name": words.path.name, "sha256": raw.found.sha256},
        BOOSTED: {
            "name": path.name, "sha256": other.found.sha256, "made": "given" if given else "here",
            "pairs_changed": len(boosted.differing), "edits": _count_edits(boosted),
        },
    }  # fmt: skip
    if not boosted.differing:
        raise UsageError(
            f"{path} is the same as {words.path}, pair by pair: there is nothing to prove.",
            hint="Boost the corpus first, or name another --boosted.",
        )
    against = None
    if control:
        place, key = folder.corpus(CONTROL, words.path), folder.control_key
        if not place.exists():
            key.unlink(missing_ok=True)  # of an attempt that was stopped between both
            spoil(words.open(), place, key, RandomEdits(boosted.every, seed))
        made = words.open(place)
        against = align(words.open(), made, keep=True)
        described[CONTROL] = {
            "name": place.name, "sha256": made.found.sha256, "made": "random",
            "pairs_changed": len(against.differing), "edits": _count_places(key),
        }  # fmt: skip
    return MadeCorpora(boosted=boosted, control=against, described=described, sha256=other.found.sha256)


def _count_edits(alignment: Alignment) -> int:
    from midb.text.diffs import find_edits

    return sum(
        len(find_edits(text, pair.versions[1][1].text(field) or "", field))
        for pair in alignment.differing
        for field, text in pair.versions[0][1].texts()
    )


def _count_places(key: Path) -> int:
    return sum(len(orjson.loads(line)["places"]) for line in key.read_bytes().splitlines())


def write_lessons(lessons: Lessons, corpora: MadeCorpora, folder: ProofFolder, seed: int) -> None:
    """Write the examples of each side, unless they lie there.

    :raises UsageError: where other ones lie there: what students learnt would not be what the page says.
    """
    from midb.agent.engines.adapter_manifest import CHAT
    from midb.training.session import is_example_folder, read_examples
    from midb.training.writing import write_chats

    for side in corpora.sides:
        place = folder.examples(side)
        train = [pair.as_chat(side) for pair in lessons.train]
        held_out = [pair.as_chat(side) for pair in lessons.held_out]
        if not is_example_folder(place):
            write_chats(place, train, held_out, {"prompt_style": CHAT, "seed": seed, "data": [corpora.described[side]]})
            continue
        there = read_examples(place)
        if (there.train, there.held_out) != (train, held_out):
            raise UsageError(
                f"{place} holds other examples than are made of these corpora, perhaps by another version.",
                hint="Choose another -o, and begin anew.",
            )


def teach(
    folder: ProofFolder, side: str, seed: int, base: str, recipe: Mapping[str, Any], device: str | None,
    seconds: float,
) -> bool:  # fmt: skip
    """Train a student, or go on with its training; False where its time was over before it ended.

    :param recipe: options of ``midb-agent train``.
    :param seconds: that it may take now; 0: as long as it takes.
    """
    from midb.cli.learning.training import train
    from midb.training.session import StoppedError

    if folder.find_student(side, seed):
        return True
    place = folder.student(side, seed)
    with_name = place.parent
    with_name.mkdir(exist_ok=True)
    try:
        train(
            [folder.examples(side)], base=base, output=str(place), seed=seed, device=device, measure=0,
            save_seconds=_SAVE_SECONDS, max_seconds=seconds or None, resume=folder.has_begun(side, seed), **recipe,
        )  # fmt: skip
    except StoppedError as error:
        error.hint = "The same command goes on from there."
        raise
    return folder.find_student(side, seed) is not None


def describe_training(folder: ProofFolder, side: str, seed: int, adapter: Adapter) -> dict[str, Any]:
    """What a student took, by what its adapter says of itself."""
    manifest = folder.find_student(side, seed)
    assert manifest is not None
    steps = manifest.whole["steps"]
    taken = {name: steps[name] for name in ("tokens", "seconds", "device", "skipped")}
    return {"steps": steps["done"], **taken, "sha256": adapter.sha256}


def find_students(folder: ProofFolder, sides: Sequence[str], seeds: Sequence[int]) -> dict[tuple[str, int], Adapter]:
    """The adapters of all students."""
    from midb.agent.engines.adapters import find_adapter

    return {(side, seed): find_adapter(str(folder.student(side, seed))) for seed in seeds for side in sides}


def measure_losses(
    folder: ProofFolder,
    base: CheckpointFolder,
    encoder: Any,
    students: Mapping[tuple[str, int], Adapter],
    references: Mapping[str, Sequence[ProofPair]],
    device: str | None,
    longest: int,
) -> dict[tuple[str, int], dict[str, list[Loss]]]:
    """The losses of all students and of the base, ("", 0), on each set; each is measured once."""
    from midb.cli.learning.training_lines import say
    from midb.evaluation.proving.folder import hash_chats
    from midb.evaluation.proving.lessons import as_reference
    from midb.training.measuring.losses import LossMeter
    from midb.training.tuning.model import release_memory

    meter = LossMeter(base.folder, base.name, encoder, device or "auto", longest)
    chats = {which: [as_reference(pair, which) for pair in pairs] for which, pairs in references.items()}
    everyone: list[tuple[tuple[str, int], Adapter | None]] = [(("", 0), None), *students.items()]
    found: dict[tuple[str, int], dict[str, list[Loss]]] = {}
    for (side, seed), adapter in everyone:
        name = f"{side}-{seed}" if side else "base"
        about = {
            "adapter": adapter.sha256 if adapter else "",
            **{which: hash_chats(own) for which, own in chats.items()},
        }
        kept = folder.find(name, about)
        if kept is None:
            say(f"measuring the loss of {name} on {sum(map(len, chats.values())):,} held-out texts")
            kept = {which: meter.measure(own, adapter) if own else [] for which, own in chats.items()}
            folder.keep(name, about, kept)
        found[side, seed] = {
            which: [None if loss is None else (float(loss[0]), int(loss[1])) for loss in losses]
            for which, losses in kept.items()
        }
    del meter  # the engine that answers needs its memory
    release_memory()
    return found


def choose_recipe(recipe: Path | None, given: Mapping[str, Any]) -> tuple[TuningSettings, dict[str, Any]]:
    """The settings of all trainings, and the same as options of ``midb-agent train``; raises UsageError."""
    from midb.cli.learning.train_options import TUNING, read_options
    from midb.training.tuning.settings import choose_settings

    options = asdict(read_options(recipe, {name: value for name, value in given.items() if value is not None}))
    told = {name: value for name, value in options.items() if value is not None}
    allowed = {*TUNING, "preset"} - {"seed"}
    if strange := sorted(set(told) - allowed):
        raise UsageError(
            f'{recipe} has the setting "{strange[0]}", which is no part of a recipe.',
            hint=f"A recipe has: {', '.join(sorted(allowed))}.",
        )
    tuning = {name: value for name, value in told.items() if name != "preset"}
    return choose_settings(told.get("preset", "default"), **tuning), told
