"""What a model is asked about a pair: the requests of the rewriting passes and of the verdict. Sends nothing.

The system part depends on pass and language alone, so that an engine computes it once. Everything that comes from the
corpus stands in sections whose tags carry a nonce.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from midb.agent.engines.protocol import Message, Sampling, TextRequest
from midb.agent.model.sections import lay_out_pair, make_nonce, make_tag, pick_sections
from midb.domain.decisions import Pass
from midb.domain.defects import Finding
from midb.domain.hashing import digest
from midb.domain.pairs import Field, InstructionPair
from midb.locales import Locale, load
from midb.prompts import Prompt, PromptSet
from midb.prompts.guidance import guidance

#: How much longer than the pair a reply may be. Experts make a response 1.8 times as long (median, MEB), which is the
#: content pass's business; the other passes have no reason to lengthen much.
GROWTH = {Pass.CONTENT: 3.0, Pass.TRANSLATION: 1.7, Pass.LOCALIZATION: 1.5, Pass.VERIFICATION: 4.0}

#: The same where a text is in another language: English takes a third of the tokens that Thai or Greek do.
FOREIGN_GROWTH = 4.0

#: Findings a prompt lists: the gravest of the pass's own family.
LISTED_FINDINGS = 12

#: Characters of a finding's passage and evidence that a prompt quotes.
QUOTED = 120


@dataclass(frozen=True, kw_only=True)
class Task:
    """A request, and what its reply has to be held against."""

    pass_: Pass
    request: TextRequest
    nonce: str
    sections: tuple[Field, ...]

    @functools.cached_property
    def prompt_hash(self) -> str:
        """SHA-256 of all that is sent but the sampling. What is to be no longer than so much is another prompt than the
        same for a longer reply: a text that was cut off must not be taken for the whole one."""
        messages = [[message.role, message.content] for message in self.request.messages]
        schema = self.request.schema
        bound = [self.request.room] if self.request.room else []
        return digest("prompt", messages, None if schema is None else orjson.dumps(schema).decode(), *bound)


def rewriting_task(
    prompts: PromptSet,
    pass_: Pass,
    pair: InstructionPair,
    *,
    locale: Locale,
    source: InstructionPair | None = None,
    findings: Sequence[Finding] = (),
    failures: Sequence[str] = (),
    sampling: Sampling = Sampling(),  # noqa: B008  (frozen)
    adapter: str = "",
) -> Task:
    """What a rewriting pass asks. ``failures`` are what was wrong with earlier replies; the last is named.

    :param adapter: name of the adapter that is to answer; see ``TextRequest``.
    """
    sections = pick_sections(pair, pass_)
    original = _describe_source(source)
    nonce = make_nonce(*(text for _, text in pair.texts()), original, *failures[-1:])
    laid_out = lay_out_pair(pair, sections, nonce)
    user = prompts["rewrite.user"].render(
        pair=laid_out,
        source=original,
        findings=[_describe_finding(finding, pair) for finding in _pick_gravest(findings, pass_)],
        failure=failures[-1] if failures else "",
        nonce=nonce,
        sections=[field.value for field in sections],
    )
    system = prompts[f"{pass_}.system"]
    foreign = any(finding.kind in ("untranslated-text", "wrong-language") for finding in findings)
    request = TextRequest(
        messages=(Message("system", render_system(system, locale)), Message("user", user)),
        reference=laid_out,
        growth=max(GROWTH[pass_], FOREIGN_GROWTH if foreign else 0.0),
        sampling=sampling,
        stop=(make_tag("end", nonce),),
        adapter=adapter,
    )
    return Task(pass_=pass_, request=request, nonce=nonce, sections=sections)


def verdict_task(
    prompts: PromptSet,
    version_a: InstructionPair,
    version_b: InstructionPair,
    *,
    locale: Locale,
    source: InstructionPair | None = None,
    failures: Sequence[str] = (),
    sampling: Sampling = Sampling(),  # noqa: B008  (frozen)
) -> Task:
    """What the verdict asks about two versions of one pair."""
    return comparison_task(
        prompts, Pass.VERIFICATION, version_a, version_b, asked_with="verification", locale=locale, source=source,
        failures=failures, sampling=sampling, also={"blamed": "none"},
    )  # fmt: skip


def comparison_task(
    prompts: PromptSet,
    pass_: Pass,
    version_a: InstructionPair,
    version_b: InstructionPair,
    *,
    asked_with: str,
    locale: Locale,
    source: InstructionPair | None = None,
    failures: Sequence[str] = (),
    sampling: Sampling = Sampling(),  # noqa: B008  (frozen)
    also: Mapping[str, Any] = {},
) -> Task:
    """What is asked where two versions of a pair are compared: which one is better, and why.

    :param asked_with: the prompts: those of this name that end in ``.system`` and ``.user``.
    :param also: what a reply has besides its code, its reasons, and the version that is preferred.
    """
    original = _describe_source(source)
    texts = [text for pair in (version_a, version_b) for _, text in pair.texts()]
    nonce = make_nonce(*texts, original, *failures[-1:])
    shown = {field for pair in (version_a, version_b) for field in pick_sections(pair, Pass.VERIFICATION)}
    sections = tuple(field for field in Field if field in shown)  # the same order, whichever version comes first
    user = prompts[f"{asked_with}.user"].render(
        version_a=lay_out_pair(version_a, sections, nonce),
        version_b=lay_out_pair(version_b, sections, nonce),
        source=original,
        failure=failures[-1] if failures else "",
        nonce=nonce,
    )
    system = prompts[f"{asked_with}.system"]
    request = TextRequest(
        messages=(Message("system", render_system(system, locale)), Message("user", user)),
        reference=orjson.dumps({"code": nonce, "reasons": [], "preferred": "A", **also}).decode(),
        growth=GROWTH[Pass.VERIFICATION],
        sampling=sampling,
        schema=system.schema,
    )
    return Task(pass_=pass_, request=request, nonce=nonce, sections=sections)


def render_system(prompt: Prompt, locale: Locale) -> str:
    """The system part of a pass in one language."""
    return _render_in_language(prompt, locale.code)


@functools.cache
def _render_in_language(prompt: Prompt, code: str) -> str:
    locale = load(code)
    return prompt.render(
        language=locale.name, native_name=locale.native_name, code=locale.code, guidance=guidance(locale)
    )


def _describe_source(source: InstructionPair | None) -> str:
    """The English original, its fields named; empty where there is none."""
    if source is None:
        return ""
    return "\n".join(f"{field}: {text.strip()}" for field, text in source.texts() if text.strip())


def _pick_gravest(findings: Iterable[Finding], pass_: Pass) -> list[Finding]:
    own = [finding for finding in findings if finding.family is pass_.family]
    gravest = sorted(own, key=lambda finding: -finding.severity.rank)[:LISTED_FINDINGS]
    return [finding for finding in own if finding in gravest]


def _describe_finding(finding: Finding, pair: InstructionPair) -> Mapping[str, Any]:
    text = pair.text(finding.field) or ""
    return {
        "section": finding.field.value,
        "severity": finding.severity.value,
        "kind": finding.kind,
        "start": finding.start,
        "end": finding.end,
        "quote": _shorten(text[finding.start : finding.end]),
        "evidence": _shorten(finding.evidence),
    }


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= QUOTED else f"{line[: QUOTED - 1]}…"
