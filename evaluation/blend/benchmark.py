"""BLEnD's files (Myung et al., 2024): what people of a country answered, and how a model is asked.

Nothing of it is here: the texts come from a folder that the user names. As the benchmark's repository has them, that is
``annotations/`` with a JSON file and ``prompts/`` with a CSV file for each country.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from midb.domain.errors import UsageError
from midb.evaluation.models.questions import Question
from midb.evaluation.pairwise.sampling import share_out

#: The language in which people of a country were asked, by its name in the names of files.
COUNTRIES = {
    "Algeria": "ar", "Assam": "as", "Azerbaijan": "az", "China": "zh", "Ethiopia": "am", "Greece": "el",
    "Indonesia": "id", "Iran": "fa", "Mexico": "es", "North_Korea": "ko", "Northern_Nigeria": "ha", "South_Korea": "ko",
    "Spain": "es", "UK": "en", "US": "en", "West_Java": "su",
}  # fmt: skip

#: The prompts of its main figures.
PROMPTS = ("inst-4", "pers-3")

#: Votes from which on a question is not valid: for "no answer" or "not applicable" together, and for "I do not know".
_MOST_REFUSED, _MOST_UNKNOWN = 3, 5

_ANNOTATIONS, _PROMPTS = "_data.json", "_prompts.csv"


class AskedIn(StrEnum):
    """In which language a model is asked: that of the country, English, or each of them."""

    OWN = "own"
    ENGLISH = "english"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class PeoplesAnswer:
    """One answer of people, and how many gave it.

    :param spellings: what it is called, each with its language, that of the country first; none where it is called
        nothing in the language in which the question is asked.
    """

    spellings: tuple[tuple[str, str], ...]
    votes: int


@dataclass(frozen=True, slots=True)
class CountryQuestion:
    """A valid question about a country, in one language, and what people answered.

    :param id: which its versions about other countries share.
    :param language: in which it is asked: the country's, or ``en``.
    :param answers: the most frequent first.
    """

    id: str
    country: str
    language: str
    text: str
    answers: tuple[PeoplesAnswer, ...]

    @property
    def group(self) -> tuple[str, str]:
        """Country and language, by which figures are told."""
        return self.country, self.language


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question as a model is asked it: the name of a prompt, and its wording with the question in it."""

    about: CountryQuestion
    prompt: str
    wording: str

    def as_question(self) -> Question:
        """For those who ask models."""
        name = f"{self.about.country} {self.about.id} {self.prompt}"
        return Question(name, self.about.language, self.about.id, (self.wording,))


@dataclass(slots=True)
class BlendSet:
    """What was read.

    :param prompts: by country, name and whether it is the English one.
    :param left_out: questions that are not asked, by country, language and reason.
    :param notes: what a reader of the figures has to know of the files.
    """

    questions: list[CountryQuestion] = field(default_factory=list)
    prompts: dict[tuple[str, str, bool], str] = field(default_factory=dict)
    left_out: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    notes: list[str] = field(default_factory=list)


def read_blend(folder: Path, countries: Sequence[str] = (), asked_in: AskedIn = AskedIn.OWN) -> BlendSet:
    """Read the benchmark from a folder that has its files, at whatever depth.

    :param countries: names as those of the files; none: all that there are.
    :raises UsageError: where a file is missing or is not what it should be, or a country is unknown.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}.", hint=_HINT)
    files = _find_files(folder, _ANNOTATIONS)
    if not files:
        raise UsageError(f"{folder} holds no file of BLEnD's annotations (COUNTRY{_ANNOTATIONS}).", hint=_HINT)
    for name in countries:
        if name not in files or name not in COUNTRIES:
            have = ", ".join(sorted(files.keys() & COUNTRIES))
            raise UsageError(f"there is no {name}{_ANNOTATIONS} that can be read.", hint=f"There are {have}.")
    found = BlendSet()
    if unknown := sorted(files.keys() - COUNTRIES):
        found.notes.append(f"Files that are left out, as their language is not known: {', '.join(unknown)}.")
    for country in sorted(set(countries) or files.keys() & COUNTRIES):
        for language in _list_languages(country, asked_in):
            _read_annotations(files[country], country, language, found)
    for country, path in _find_files(folder, _PROMPTS).items():
        _read_prompts(path, country, found)
    if not found.questions:
        raise UsageError(f"there is no valid question in {folder}.", hint=_HINT)
    return found


_HINT = "Name a clone of github.com/nlee0212/BLEnD, or a copy of its folder data/."


def _find_files(folder: Path, ending: str) -> dict[str, Path]:
    """The first file of each country: a hub's copy has the annotations in two forms."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob(f"*{ending}")):
        found.setdefault(path.name.removesuffix(ending), path)
    return found


def _list_languages(country: str, asked_in: AskedIn) -> list[str]:
    own = COUNTRIES[country]
    wanted = {AskedIn.OWN: [own], AskedIn.ENGLISH: ["en"], AskedIn.BOTH: [own, "en"]}[asked_in]
    return list(dict.fromkeys(wanted))


def _read_annotations(path: Path, country: str, language: str, found: BlendSet) -> None:
    try:
        read = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except (OSError, orjson.JSONDecodeError) as error:
        raise UsageError(f"{path} cannot be read as JSON ({error}).", hint=_HINT) from error
    if isinstance(read, list):  # as a hub's copy has them
        read = dict(_name_question(number, value) for number, value in enumerate(read, start=1))
    if not isinstance(read, dict):
        raise UsageError(f"{path} holds no questions by their ids.", hint=_HINT)
    left = found.left_out[country, language]
    for name, value in read.items():
        made = _make_question(name, value, country, language)
        if isinstance(made, str):
            left[made] += 1
        else:
            found.questions.append(made)


def _name_question(number: int, value: Any) -> tuple[str, Any]:
    """A question of a list by its id; one without an id is none, and is counted as such."""
    name = value.get("ID") if isinstance(value, dict) else None
    return (name, value) if isinstance(name, str) else (f"#{number}", None)


def _make_question(name: str, value: Any, country: str, language: str) -> CountryQuestion | str:
    """A question, or why it is left out."""
    if not isinstance(value, dict) or not isinstance(value.get("annotations"), list):
        return "not of BLEnD's form"
    votes = value.get("idks")
    refused = _count_votes(votes, "no-answer") + _count_votes(votes, "not-applicable")
    if refused >= _MOST_REFUSED:
        return f"{_MOST_REFUSED} people or more said that there is no answer, or that it does not apply"
    if _count_votes(votes, "idk") >= _MOST_UNKNOWN:
        return f"{_MOST_UNKNOWN} people or more did not know"
    own = language == COUNTRIES[country]
    answers = [made for one in value["annotations"] if (made := _make_answer(one, language, own)) is not None]
    if not any(one.spellings for one in answers):
        return "nobody's answer is given"
    text = value.get("question" if own else "en_question")
    if not isinstance(text, str) or not text.strip():
        return "the question is not given"
    answers.sort(key=lambda one: -one.votes)
    return CountryQuestion(name, country, language, text.strip(), tuple(answers))


def _count_votes(votes: Any, name: str) -> int:
    number = votes.get(name, 0) if isinstance(votes, Mapping) else 0
    return number if isinstance(number, int) else 0


def _make_answer(value: Any, language: str, own: bool) -> PeoplesAnswer | None:
    """An answer with what it is called; None where nobody gave it.

    In the country's language its English spellings count as well, as in the benchmark's own scripts.
    """
    if not isinstance(value, dict) or not isinstance(value.get("count"), int) or value["count"] < 1:
        return None
    spellings = [(language, name) for name in _list_names(value.get("answers"))] if own else []
    spellings += [("en", name) for name in _list_names(value.get("en_answers"))]
    return PeoplesAnswer(tuple(dict.fromkeys(spellings)), value["count"])


def _list_names(values: Any) -> Iterator[str]:
    """Texts that say something: one without a letter or digit would be found in every reply."""
    for text in values if isinstance(values, list) else ():
        if isinstance(text, str) and any(character.isalnum() for character in text):
            yield text.strip()


def _read_prompts(path: Path, country: str, found: BlendSet) -> None:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as CSV ({error}).", hint=_HINT) from error
    for row in rows:
        for column, english in (("English", True), ("Translation", False)):
            wording = row.get(column)
            if row.get("id") and wording and "{q}" in wording:
                # Where a name stands twice the first counts, as in the benchmark's own scripts.
                found.prompts.setdefault((country, row["id"], english), wording)


def choose_questions(questions: Sequence[CountryQuestion], count: int, seed: int) -> list[CountryQuestion]:
    """So many questions, the same number of each country and language, and the same ids as far as they have them."""
    if not count or len(questions) <= count:
        return list(questions)
    groups: defaultdict[str, list[CountryQuestion]] = defaultdict(list)
    for question in questions:
        groups[" ".join(question.group)].append(question)
    kept: set[int] = set()
    for name, share in share_out({name: len(own) for name, own in groups.items()}, count, seed).items():
        order = sorted(groups[name], key=lambda one: hashlib.blake2b(f"{seed} {one.id}".encode()).digest())
        kept |= {id(one) for one in order[:share]}
    return [question for question in questions if id(question) in kept]


def word_questions(
    questions: Iterable[CountryQuestion], prompts: Mapping[tuple[str, str, bool], str], names: Sequence[str]
) -> list[AskedQuestion]:
    """Each question with each of the prompts; UsageError where the folder has no such prompt."""
    asked = []
    for question in questions:
        for name in names:
            wording = prompts.get((question.country, name, question.language == "en"))
            if wording is None:
                where = f"{question.country}{_PROMPTS}"
                raise UsageError(
                    f'there is no prompt "{name}" with {{q}} in it for {question.country} in {where}.',
                    hint=f"--ask-with names prompts of prompts/{where}; its own figures are of {', '.join(PROMPTS)}.",
                )
            asked.append(AskedQuestion(question, name, wording.replace("{q}", question.text)))
    return asked
