"""The nodes that rewrite nothing: what is routed, verified, taken back and recorded."""

from __future__ import annotations

import scripted
from scripted import Answer
from scripted_pairs import PAIR, Through, rewrite_in

from midb.agent.engines.protocol import TextRequest
from midb.domain.decisions import Outcome
from midb.domain.pairs import Field


def test_provable_repairs_stand_when_the_model_fails(through: Through) -> None:
    pair = PAIR.replaced({Field.RESPONSE: "Gern:\n1. Rot.\n2. Blau.\n2. Grün.\n4. Gelb."})
    result = through(pair, lambda _: "Quatsch")
    assert result.outcome is Outcome.IMPROVED
    assert result.final.response == "Gern:\n1. Rot.\n2. Blau.\n3. Grün.\n4. Gelb."


ZERO = "\N{ZERO WIDTH SPACE}"
HIDDEN = f"{PAIR.response} Mehr steht auf https://example{ZERO}.org/pfad im Netz."


def test_a_repair_stands_beside_a_rewrite(through: Through) -> None:
    """What is repaired without a model is repaired with one as well: an address that the repair brings to light."""
    pair = PAIR.replaced({Field.RESPONSE: HIDDEN})
    result = through(pair, rewrite_in("content", HIDDEN.replace("grün", "rot"), prefers="wird rot"))
    assert result.final.response == HIDDEN.replace(ZERO, "").replace("grün", "rot")


def test_a_repair_stands_when_the_verdict_refuses_the_rewrite(through: Through) -> None:
    """Also where each rewrite brought more of what is repaired, round after round."""

    def refusing(request: TextRequest) -> Answer:
        if scripted.pass_of(request) == "verification":
            return scripted.prefer(request, "grün")
        return scripted.reply(request, response=scripted.shown(request)["response"].replace("grün", f"r{ZERO}ot"))

    pair = PAIR.replaced({Field.RESPONSE: HIDDEN})
    assert through(pair, refusing).final.response == HIDDEN.replace(ZERO, "")
