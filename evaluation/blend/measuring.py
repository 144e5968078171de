"""Scores of one or two models on BLEnD, by country and language; differences of two are paired by question."""

from __future__ import annotations

import functools
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from midb import __version__
from midb.domain.intervals import CONFIDENCE
from midb.evaluation.blend.benchmark import COUNTRIES, AskedIn, AskedQuestion, BlendSet, CountryQuestion
from midb.evaluation.blend.lemmas import Lemmatizer, describe_lemmatizer, open_lemmatizer
from midb.evaluation.blend.scoring import ReplyScore, score_reply
from midb.evaluation.intervals import LEAST_ROWS, GroupedBootstrap, find_group
from midb.evaluation.models.answering import AnswerTurns

#: Says how the JSON is laid out; names are added to it, never renamed or removed.
FORM = 1

#: The scores of a reply, by the names of ReplyScore.
SCORES = ("exact", "soft", "weighted")


@dataclass(frozen=True, slots=True)
class ScoredReply:
    """A model's reply to a question with one of the prompts; ``score`` is None where the call failed."""

    role: str
    asked: AskedQuestion
    reply: str
    finish: str
    score: ReplyScore | None

    def describe(self) -> dict[str, Any]:
        """By name, for a line of a file."""
        about = self.asked.about
        score = asdict(self.score) if self.score else dict.fromkeys((*SCORES, "matched"))
        return {
            "country": about.country, "language": about.language, "id": about.id, "prompt": self.asked.prompt,
            "model": self.role, "question": about.text, "reply": self.reply, "finish": self.finish, **score,
        }  # fmt: skip


def score_answers(
    asked: Sequence[AskedQuestion],
    answers: Mapping[str, Sequence[AnswerTurns]],
    find_lemmatizer: Callable[[str], Lemmatizer] = open_lemmatizer,
) -> list[ScoredReply]:
    """The score of every reply.

    :param answers: by role, to the questions in the order of ``asked``.
    """
    find = functools.cache(find_lemmatizer)
    scored = []
    for role, given in answers.items():
        for one, answered in zip(asked, given, strict=True):
            if not answered.turns:
                scored.append(ScoredReply(role, one, "", answered.failure, None))
                continue
            said = answered.turns[0]
            scored.append(ScoredReply(role, one, said.text, said.finish.value, score_reply(one, said.text, find)))
    return scored


def measure_blend(
    scored: Sequence[ScoredReply],
    read: BlendSet,
    *,
    asked_in: AskedIn,
    about: Mapping[str, Any],
    notes: Sequence[str] = (),
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, Any]:
    """The figures, as JSON has them. The score of a question is the mean of those of its prompts.

    :param asked_in: in which languages models were asked, which decides what is told of all countries together.
    :param about: what names the models and the prompts in the figures.
    """
    roles = tuple(dict.fromkeys(one.role for one in scored))
    measured = [_Measured(question, scores) for question, scores in _sort_by_question(scored)]
    groups = []
    for country, language in dict.fromkeys(one.question.group for one in measured):
        own = [one for one in measured if one.question.group == (country, language)]
        described = _describe(own, roles, seed, resamples)
        left = read.left_out.get((country, language), Counter())
        groups.append({"country": country, "language": language, **described, "left_out": dict(left)})
    for language in (AskedIn.OWN, AskedIn.ENGLISH):
        own = [one for one in measured if _belongs(one.question, language)]
        if asked_in in (language, AskedIn.BOTH) and len({one.question.country for one in own}) > 1:
            pooled = {"country": None, "language": language.value}
            groups.append({**pooled, **_describe(own, roles, seed, resamples), "left_out": {}})
    languages = sorted({code for one in measured for answer in one.question.answers for code, _ in answer.spellings})
    return {
        "form": FORM, "evaluates": "blend", "midb_agent": __version__, **about, "replies": len(scored),
        "questions": len(measured),
        "words": {code: describe_lemmatizer(code) for code in languages},
        "intervals": {
            "confidence": CONFIDENCE, "clusters": "question", "resamples": resamples, "seed": seed,
            "least_rows": LEAST_ROWS,
        },
        "groups": groups,
        "notes": [*read.notes, *notes, *_write_notes(scored, groups, roles)],
    }  # fmt: skip


def _belongs(question: CountryQuestion, asked_in: AskedIn) -> bool:
    """Where English is the country's own language, it is both."""
    return question.language == ("en" if asked_in is AskedIn.ENGLISH else COUNTRIES[question.country])


@dataclass(frozen=True, slots=True)
class _Measured:
    """A question with the scores of each role, one for each prompt; None among them where a call failed."""

    question: CountryQuestion
    scores: Mapping[str, Sequence[ReplyScore | None]]

    @property
    def whole(self) -> bool:
        """Whether every model replied to every prompt."""
        return not any(score is None for scores in self.scores.values() for score in scores)

    def mean(self, role: str, name: str) -> float:
        """A score over the prompts."""
        return statistics.fmean(getattr(score, name) for score in self.scores[role])


def _sort_by_question(
    scored: Sequence[ScoredReply],
) -> Iterator[tuple[CountryQuestion, dict[str, list[ReplyScore | None]]]]:
    found: dict[tuple[str, str, str], CountryQuestion] = {}
    scores: defaultdict[tuple[str, str, str], dict[str, list[ReplyScore | None]]] = defaultdict(dict)
    for one in scored:
        key = (*one.asked.about.group, one.asked.about.id)
        found[key] = one.asked.about
        scores[key].setdefault(one.role, []).append(one.score)
    for key, question in found.items():
        yield question, scores[key]


def _describe(measured: Sequence[_Measured], roles: Sequence[str], seed: int, resamples: int) -> dict[str, Any]:
    whole = [one for one in measured if one.whole]
    rows = {one.question.id for one in whole}
    bootstrap = GroupedBootstrap(sorted({find_group(row) for row in rows}), len(rows), seed=seed, resamples=resamples)
    below = Counter(find_group(one.question.id) for one in whole)
    sums = {role: {name: _sum(whole, role, name) for name in SCORES} for role in roles}
    described: dict[str, Any] = {"questions": len(measured), "scored": len(whole)}
    for role in roles:
        figures = {name: bootstrap.measure(sums[role][name], below, share=True) for name in SCORES}
        described[role] = {name: figure and figure.as_json() for name, figure in figures.items()}
    if len(roles) == 2:
        before, after = (sums[role] for role in roles)
        changes = {name: bootstrap.compare(after[name], before[name], below) for name in SCORES}
        described["difference"] = {name: figure and figure.as_json() for name, figure in changes.items()}
    return described


def _sum(measured: Sequence[_Measured], role: str, name: str) -> dict[int, float]:
    found: defaultdict[int, float] = defaultdict(float)
    for one in measured:
        found[find_group(one.question.id)] += one.mean(role, name)
    return found


def _write_notes(
    scored: Sequence[ScoredReply], groups: Sequence[Mapping[str, Any]], roles: Sequence[str]
) -> Iterator[str]:
    told = [group for group in groups if group["country"]]
    if few := [
        f"{group['country']} ({group['language']}) {group['scored']:,}"
        for group in told
        if group["scored"] < LEAST_ROWS
    ]:
        yield f"Too few questions for an interval ({LEAST_ROWS} are needed): {', '.join(few)}."
    for role in roles:
        failed = Counter(one.finish for one in scored if one.role == role and one.score is None)
        for code, count in failed.most_common():
            yield f"{count:,} replies of the {role} are missing ({code}): those questions are in no rate."
        cut = sum(one.role == role and one.finish == "length" for one in scored)
        if cut:
            yield f"{cut:,} replies of the {role} reached the bound on their tokens: they are scored as they are."
        if empty := sum(one.role == role and one.score is not None and not one.reply.strip() for one in scored):
            yield f"{empty:,} replies of the {role} are empty, and count as wrong."
    if left := sum((Counter(group["left_out"]) for group in told), Counter()):
        listed = "; ".join(f"{count:,} x {why}" for why, count in left.most_common())
        yield f"Questions that are left out: {listed}."
    if len(roles) == 2 and len(told) > 1:
        yield (
            f"These are {len(told):,} comparisons: by chance alone about one of twenty intervals of a difference lies "
            "beside nought."
        )
