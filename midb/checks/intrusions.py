"""Do no harm, for what leads out of a text or hides in it: nothing of the kind may be new in a rewrite of a model.

An address, a contact or a hidden character that stands in neither the pair before nor its English source is refused in
every pass, in whatever spelling. Of a pair that steers its reader nothing counts as known but the field itself and its
source: what such a pair wants to have written stands in the pair.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator

import regex

from midb.domain.decisions import Reason, Violation
from midb.domain.pairs import InstructionPair
from midb.text.inspection import FieldText, Inspection
from midb.text.protection import find_protected_spans
from midb.text.smuggling.addresses import KnownAddresses, find_addresses
from midb.text.smuggling.contacts import KnownContacts, find_contacts
from midb.text.smuggling.hidden import count_hidden, describe
from midb.text.spans import Protected
from midb.text.steering import find_steering_passage

#: Characters of a thing that a message shows, and things that it names.
_SHOWN = 60
_NAMED = 4


#: Words of pairs that are about programs, or about what is written for a machine.
_PROGRAMS = regex.compile(
    r"(?<![\p{L}])(?:python|java|javascript|typescript|sql|html|css|bash|linux|unix|shell|regex|json|xml|yaml|php|ruby|rust"
    r"|golang|kotlin|swift|matlab|latex|markdown|excel|docker|github|c\+\+|c#|terminal|algorithm\w*|algorit\w*|program\w*"
    r"|cod(?:e|ice|igo|es|ed|ing)|kod\w*|kód\w*|código\w*|script\w*|skript\w*|funktion\w*|function\w*|función\w*|fonction\w*"
    r"|fungsi|fungsional|lập trình|hàm|mã)(?![\p{L}])"
    r"|алгоритм|программ|скрипт|код|функци|κώδικ|πρόγραμμα|αλγόριθμ|برنامج|كود|شيفرة|خوارزمية|دالة|コード|プログラム|関数|アルゴリズム"
    r"|코드|프로그램|함수|알고리즘|โค้ด|โปรแกรม|ฟังก์ชัน|อัลกอริทึม",
    regex.IGNORECASE,
)

#: How a block of code begins.
_FENCES = ("```", "~~~")


class Known:
    """What the pair before and its source have of all this, found when something new turns up."""

    def __init__(self, inspection: Inspection) -> None:
        self._inspection = inspection

    @functools.cached_property
    def _text(self) -> str:
        pairs = (self._inspection.pair, self._inspection.source or InstructionPair())
        return "\n".join(text for pair in pairs for _, text in pair.texts())

    @functools.cached_property
    def addresses(self) -> KnownAddresses:
        """Their addresses."""
        return KnownAddresses(self._text)

    @functools.cached_property
    def contacts(self) -> KnownContacts:
        """Their contacts."""
        return KnownContacts(self._text)

    @functools.cached_property
    def steers(self) -> bool:
        """Whether one of their texts tries to steer its reader."""
        return find_steering_passage(self._text, self._inspection.locale) is not None

    def find_steering(self, text: str) -> str | None:
        """The passage by which a text steers, where nothing before did."""
        found = find_steering_passage(text, self._inspection.locale)
        return found if found is not None and not self.steers else None

    @functools.cached_property
    def technical(self) -> bool:
        """Whether they are about programs, so that ``run.sh`` is a file, and a block of code no surprise."""
        coded = any(span.reason is Protected.CODE for span in find_protected_spans(self._text))
        return coded or _PROGRAMS.search(self._text) is not None


def check_intrusions(old: FieldText, new: FieldText, known: Known) -> Iterator[Violation]:
    """What the field leads to, or hides, that nothing before did. ``known`` is what was there before."""
    found = [key for key in find_addresses(new.text) if key not in known.addresses]
    if found and known.technical:
        found = [key for key in find_addresses(new.text, technical=True) if key not in known.addresses]
    yield from _refuse(new, Reason.NEW_ADDRESS, "new address", found)
    contacts = [key for key in find_contacts(new.text) if key not in known.contacts]
    yield from _refuse(new, Reason.NEW_CONTACT, "new contact", contacts)
    blocks = [block for block in _find_code(new) if block.startswith(_FENCES)]
    if blocks and not known.technical:
        yield from _refuse(new, Reason.NEW_CODE, "a block of code in a pair about no program:", blocks)
    if passage := known.find_steering(new.text):
        yield from _refuse(new, Reason.NEW_STEERING, "it would try to steer its reader:", [passage])
    if hidden := count_hidden(new.text):
        hidden -= count_hidden(old.text)
    yield from _refuse(new, Reason.HIDDEN_CHARACTER, "hidden character put in:", map(describe, hidden))


def _find_code(new: FieldText) -> Iterator[str]:
    return (new.text[span.start : span.end] for span in new.code)


def check_insertions(old: FieldText, new: FieldText) -> Iterator[Violation]:
    """Addresses and contacts that stand in the field more often than before, and more often than in its source."""
    for reason, find in ((Reason.NEW_ADDRESS, find_addresses), (Reason.NEW_CONTACT, find_contacts)):
        before = Counter(find(old.text)) | Counter(find(old.source or ""))
        what = "address" if reason is Reason.NEW_ADDRESS else "contact"
        yield from _refuse(new, reason, f"{what} put in:", Counter(find(new.text)) - before)


def _refuse(new: FieldText, reason: Reason, words: str, found: Iterable[str]) -> Iterator[Violation]:
    if named := [one[:_SHOWN] for one in dict.fromkeys(found)][:_NAMED]:
        yield Violation(reason, f"{new.field}: {words} {', '.join(named)}", new.field)
