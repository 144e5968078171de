"""Puts a defect of a pass's family into a clean pair, for examples in which exactly that is to be taken out again."""

from __future__ import annotations

import random

from midb.detectors import kinds
from midb.domain.decisions import Pass
from midb.domain.pairs import InstructionPair
from midb.injectors import CleanPair, Expectation, inject, injectors
from midb.locales import load


def put_in(
    pair: InstructionPair, language: str, source: InstructionPair | None, pass_: Pass, seed: int
) -> tuple[str, InstructionPair] | None:
    """A kind of the pass's family, and the pair with a defect of that kind; None where the pair has no place for any.

    Only defects whose repair can be known from what is left are put in: exact ones, and with a source what translation
    broke, for the source says what it was. Nobody should learn to invent an answer. Conventions of print are left out:
    they are no defects unless somebody asks for them.
    """
    locale, clean = load(language), CleanPair(pair, language, source)
    names = [
        name
        for name in injectors()
        if (kind := kinds()[name]).family is pass_.family and not kind.convention and kind.abstention(locale) is None
    ]
    random.Random(seed).shuffle(names)
    for name in names:
        injection = inject(name, clean, seed, typography=False)
        known = source is not None and pass_ is Pass.TRANSLATION
        if injection is None or not (known or injection.expected is Expectation.REPAIRED):
            continue
        if (damaged := injection.applied(pair)) != pair:
            return name, damaged
    return None
