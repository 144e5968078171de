"""Questions for models: files of AlpacaEval's and MT-Bench's form in any language, with their irregularities.

The translated files miss some ids, have one to six turns, and in places translated keys: what holds texts is found by
what it is.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from midb.corpus.formats.containers import open_container
from midb.corpus.layouts import RecordError
from midb.corpus.raw import RawRecord
from midb.corpus.records import declared_language, load_object
from midb.domain.errors import UsageError
from midb.evaluation.pairwise.sampling import share_out
from midb.locales import LANGUAGES
from midb.text.languages import LanguageIdentifier, join_samples
from midb.training.data.files import list_files

#: Keys of a task and of what belongs to it, as AlpacaEval and its translations have them.
_TASKS = ("instruction", "prompt", "question", "istruzione", "anweisung")
_INPUTS = ("input", "context")

#: Keys of a number that translations share.
_IDS = ("question_id", "id", "uid")

#: Questions by which a file's language is judged.
_SAMPLE = 50


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked, turn by turn.

    :param name: for people, and for the log.
    :param row: what it has in common with its translations.
    """

    name: str
    language: str
    row: str
    turns: tuple[str, ...]


@dataclass(slots=True)
class QuestionSet:
    """What was read, and what a reader of the figures has to know of it."""

    questions: list[Question] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_questions(paths: Sequence[Path], languages: Sequence[str] = ()) -> QuestionSet:
    """Read all questions of files and folders.

    :param languages: codes of those wanted; none: all of the project's.
    :raises UsageError: where there is none.
    """
    found, identifier = QuestionSet(), LanguageIdentifier()
    wanted = set(languages or LANGUAGES)
    left: Counter[str] = Counter()
    for path in list_files(paths):
        _read_file(path, identifier, wanted, found, left)
    found.notes += [f"{count:,} questions are left out: {why}." for why, count in left.most_common()]
    if not found.questions:
        why = "; ".join(f"{count:,} x {reason}" for reason, count in left.most_common(3))
        raise UsageError(
            f"there is no question in {', '.join(map(str, paths))}{f' ({why})' if why else ''}.",
            hint='A question has an "instruction" (AlpacaEval) or a list of "turns" (MT-Bench).',
        )
    return found


def _read_file(
    path: Path, identifier: LanguageIdentifier, wanted: set[str], found: QuestionSet, left: Counter[str]
) -> None:
    records = []
    for raw in open_container(path).read():
        if not isinstance(raw, RawRecord):
            continue
        try:
            record = load_object(raw)
        except RecordError as error:
            left[error.message] += 1
            continue
        turns = find_turns(record)
        if turns:
            records.append((raw.position, record, turns))
        else:
            left["no text to ask"] += 1
    votes = Counter(code for _, _, turns in records[:_SAMPLE] if (code := identifier.identify(join_samples(turns))))
    usual = votes.most_common(1)[0][0] if votes else ""
    nameless = 0
    for position, record, turns in records:
        language = declared_language(record) or usual
        if language not in wanted:
            left[f"in another language ({language or 'unknown'})"] += 1
            continue
        number = next((record[name] for name in _IDS if isinstance(record.get(name), int | str)), None)
        nameless += number is None
        # Without an id translations are not known as such: files miss rows, and positions shift.
        row = f"{path.stem} #{position}" if number is None else f"{len(turns) > 1} {number}"
        name = f"{path.stem} {f'#{position}' if number is None else number}"
        found.questions.append(Question(name, language, row, turns))
    if nameless:
        found.notes.append(
            f"{nameless:,} questions of {path.name} have no id: their translations are not known as such, and count "
            "as rows of their own."
        )


def find_turns(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts that are asked one after another; none where there is no text.

    >>> find_turns({"question_id": 81, "Runden": ["Hallo.", " ", "Und nun?"]}), find_turns({"n": 1})
    (('Hallo.', 'Und nun?'), ())
    """
    lists = [value for value in record.values() if isinstance(value, list)]
    texts = [value for value in lists if value and all(isinstance(text, str) for text in value)]
    if len(texts) == 1:
        return tuple(text for text in texts[0] if text.strip())
    names = {name.lower(): value for name, value in record.items() if isinstance(value, str)}
    task = next((names[name] for name in _TASKS if names.get(name, "").strip()), "")
    given = next((names[name] for name in _INPUTS if names.get(name, "").strip()), "")
    return (f"{task}\n\n{given}" if given else task,) if task else ()


def choose_questions(questions: Sequence[Question], count: int, seed: int) -> list[Question]:
    """So many questions, the same number of each language; 0: all. The same seed takes the same ones, and the same rows
    of each language as far as they have them."""
    if not count or len(questions) <= count:
        return list(questions)
    by_language: defaultdict[str, list[Question]] = defaultdict(list)
    for question in questions:
        by_language[question.language].append(question)
    kept: set[int] = set()
    for language, share in share_out({code: len(own) for code, own in by_language.items()}, count, seed).items():
        order = sorted(by_language[language], key=lambda one: hashlib.blake2b(f"{seed} {one.row}".encode()).digest())
        kept |= {id(one) for one in order[:share]}
    return [question for question in questions if id(question) in kept]


def list_languages(questions: Sequence[Question]) -> Iterator[str]:
    """The codes that occur, in alphabetical order."""
    yield from sorted({question.language for question in questions})
