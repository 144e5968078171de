"""Clues of a pattern: short strings without which no text matches it.

To look for them takes a small part of the time of a search with many alternatives, and hardly any text has them. They
are read off the pattern itself, so that nobody has to keep them beside it; a pattern that is not understood has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import regex

#: Characters of a clue beyond which a longer one is not better: words of that length are rare enough.
_LONG_ENOUGH = 5

#: Characters of a word that many texts have by chance, and how many others are looked for instead of it.
_MANY_HAVE = 3
_COST_OF_SHORT = 3

#: How often groups are chosen anew, each in view of those chosen for the others: hardly any changes after that.
_ROUNDS = 2

#: One item of a pattern: what begins or ends a group, a class, a quantifier, an escape, or a plain character. What is
#: written otherwise (flags, references, characters by number, classes in classes) is not understood.
_ITEM = regex.compile(
    r"(?P<open>\((?:\?(?:[:=!]|<[=!]|P<\w+>))?+(?!\?))|(?P<close>\))|(?P<or>\|)"
    r"|(?P<class>\[(?!\[)\^?\]?+(?:\\.|[^\]\\\[])*\])|(?P<times>(?:[?*+]|\{\d+(?:,\d*)?\})[?+]?)"
    r"|(?P<edge>\\[bB]|[\^$])|(?P<any>\\(?:[wWsSdDnrt]|[pP]\{[^}]*\})|\.|\s)|(?P<plain>\\[^\w\s]|[^\\()\[\]{}|])",
)

#: Groups that look at what stands around.
_AROUND = ("(?=", "(?!", "(?<=", "(?<!")


def fold_case(text: str) -> str:
    """A text in which whatever a search regardless of case takes for the same is the same.

    >>> fold_case("İSTEMİ Straße")
    'istemi strasse'
    """
    return text.casefold().replace("i\N{COMBINING DOT ABOVE}", "i").replace("ı", "i")


#: Groups of strings of which a text must hold one each, the most telling group first.
Groups = tuple[tuple[str, ...], ...]


class Clues:
    """What a text must hold for one of some patterns to match it, in either case.

    ``parts`` are the groups of each pattern, none where nothing is known of it. ``signs`` are a few strings: a text
    without any of them lacks a group of every pattern that is known.
    """

    def __init__(self, parts: Sequence[Groups]) -> None:
        self.parts = parts
        known = [(n, groups) for n, groups in enumerate(parts) if groups]
        self._unknown = [n for n, groups in enumerate(parts) if not groups]
        self._chosen = list(zip(known, _choose_groups([groups for _, groups in known]), strict=True))
        self.signs = drop_longer(word for _, chosen in self._chosen for word in chosen)
        self._by_sign: dict[str, list[tuple[int, Groups]]] = {}
        self._plain = tuple(filter(str.isascii, self.signs))
        self._others = tuple(sign for sign in self.signs if not sign.isascii())

    def may_match(self, folded: str) -> bool:
        """Whether one of the patterns may match a text of which this is ``fold_case``."""
        return any(True for _ in self.find(folded))

    def find(self, folded: str) -> Iterator[int]:
        """Which of the patterns may match a text of which this is ``fold_case``, in no order, some more than once."""
        yield from self._unknown
        for signs in (self._plain,) if folded.isascii() else (self._plain, self._others):
            for sign in signs:
                if sign in folded:
                    for n, groups in self._find_patterns(sign):
                        if holds_each(folded, groups):
                            yield n

    def _find_patterns(self, sign: str) -> list[tuple[int, Groups]]:
        """The patterns that may match where a sign is there. Most signs are never met."""
        if sign not in self._by_sign:
            self._by_sign[sign] = [known for known, chosen in self._chosen if any(sign in word for word in chosen)]
        return self._by_sign[sign]


def _choose_groups(parts: Sequence[Groups]) -> list[tuple[str, ...]]:
    """A group of each pattern, so that all of them together have few words: each is looked for in every text."""
    chosen = [groups[0] for groups in parts]
    for _ in range(_ROUNDS):
        for n, groups in enumerate(parts):
            chosen[n] = _choose(groups, [word for group in (*chosen[:n], *chosen[n + 1 :]) for word in group])
    return chosen


def _choose(groups: Groups, others: Sequence[str]) -> tuple[str, ...]:
    """The group that is looked for with the least work, where others are looked for anyway."""

    def cost(word: str) -> int:
        return 0 if holds(word, others) else 1 if len(word) > _MANY_HAVE else _COST_OF_SHORT

    return min(groups, key=lambda group: sum(map(cost, group)))


def holds_each(text: str, groups: Groups) -> bool:
    """Whether a word of each group stands in a text."""
    for group in groups:  # noqa: SIM110  (as in holds)
        if not holds(text, group):
            return False
    return True


def holds(text: str, words: Sequence[str]) -> bool:
    """Whether one of some words stands in a text, wherever it begins."""
    for word in words:  # noqa: SIM110  (a plain loop, for this is asked a hundred times a text)
        if word in text:
            return True
    return False


def drop_longer(words: Iterable[str]) -> tuple[str, ...]:
    """The words that hold no other: a text without one of these holds none at all.

    >>> drop_longer(["rules", "rule", "your"])
    ('rule', 'your')
    """
    kept: list[str] = []
    for word in sorted(set(words), key=lambda word: (len(word), word)):
        if not holds(word, kept):
            kept.append(word)
    return tuple(sorted(kept))


def find_clues(patterns: Iterable[str]) -> Clues:
    """The clues of some patterns.

    >>> clues = find_clues([r"\\b(?:ignore|forget) (?:all )?(?:your )?rules", r"system ?prompt"])
    >>> clues.signs
    ('rules', 'system')
    >>> clues.may_match("ignore your rules"), clues.may_match("there are rules")
    (True, False)
    """
    every = [_PatternReader(pattern).read() for pattern in patterns]
    return Clues([tuple(tuple(sorted(group)) for group in groups) for groups in every])


class _PatternReader:
    """Reads one pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._items = list(_ITEM.finditer(pattern))
        self._next = 0
        self._understood = sum(len(item[0]) for item in self._items) == len(pattern)

    def read(self) -> list[frozenset[str]]:
        """Groups of clues of the whole pattern, the most telling first; empty where there are none."""
        if not self._understood:
            return []
        groups = self._read_choice()
        return groups if self._next == len(self._items) else []

    def _read_choice(self) -> list[frozenset[str]]:
        """Alternatives, up to the end of their group: several have only the best of each in common."""
        every = [self._read_sequence()]
        while self._peek() == "or":
            self._next += 1
            every.append(self._read_sequence())
        if len(every) == 1:
            return every[0]
        return [frozenset().union(*(groups[0] for groups in every))] if all(every) else []

    def _read_sequence(self) -> list[frozenset[str]]:
        """What parts that follow each other all ask for."""
        groups: list[frozenset[str]] = []
        run = ""
        while (kind := self._peek()) not in ("or", "close", ""):
            item = self._items[self._next]
            self._next += 1
            if kind == "edge":
                continue
            if kind == "plain" and not self._is_optional():
                run += item[0][-1]
                if self._peek() != "times":
                    continue
            groups += _group(run)
            run = ""
            if kind == "open":
                inside = self._read_choice()
                self._next += 1  # its end
                if not (item[0] in _AROUND or self._is_optional()):
                    groups += inside
        return sorted([*groups, *_group(run)], key=_value, reverse=True)

    def _peek(self) -> str:
        """The kind of the next item; empty at the end."""
        return (self._items[self._next].lastgroup or "") if self._next < len(self._items) else ""

    def _is_optional(self) -> bool:
        """Whether what was just read may be missing."""
        return self._peek() == "times" and self._items[self._next][0].startswith(("?", "*", "{0"))


def _group(run: str) -> list[frozenset[str]]:
    """Plain characters in a row, as a group of clues."""
    return [frozenset({fold_case(run)})] if run else []


def _value(clues: frozenset[str]) -> tuple[int, int]:
    """How telling some clues are: rare, and few to look for."""
    return min(_LONG_ENOUGH, *(len(clue) for clue in clues)), -len(clues)
