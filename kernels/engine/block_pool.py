"""KV pages: who holds which, and which hold the KV of which tokens. No torch; it never touches the cache itself.

A full page is known by a hash of its tokens and of all before them, so a sequence with the same beginning finds it. All
pages that a sequence can ever need are set aside when it is admitted: it never has to give any back midway.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

#: A place in the hash chain: hash of the page before, tokens of this one. The first stands on its namespace.
_Key = tuple[int, tuple[int, ...]]


@dataclass(slots=True)
class Page:
    """One page. ``key`` is None until its content is known; ``filled`` says that its KV is computed."""

    index: int
    references: int = 0
    key: _Key | None = None
    filled: bool = False
    writer: BlockTable | None = None


@dataclass(slots=True, eq=False)
class BlockTable:
    """The pages of one sequence in order.

    :param hits: pages at its head that it shares with whoever came first.
    :param hashed: pages at its head whose content is registered; ``chain`` is the hash of the last of them.
    :param settled: pages at its head that are filled, whoever wrote them.
    """

    pages: list[Page]
    hits: int
    hashed: int
    chain: int
    settled: int = 0
    indices: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.indices = [page.index for page in self.pages]


class BlockPool:
    """``num_pages`` pages of ``page_size`` tokens.

    A page is *blank* (in no table, content unknown), *held* (in at least one table, or pinned), or *idle*: in no table,
    its content kept for whoever begins alike, until the page is needed; the longest unused goes first.
    """

    def __init__(self, num_pages: int, page_size: int, *, share: bool = True) -> None:
        self.page_size = page_size
        self.share = share
        self.pages = [Page(index) for index in range(num_pages)]
        self._blank = list(range(num_pages))  # a heap: neighbours are handed out together, which a CPU reads in place
        self._idle: dict[int, None] = {}
        self._by_hash: dict[int, Page] = {}

    @property
    def available(self) -> int:
        """Pages that can be handed out."""
        return len(self._blank) + len(self._idle)

    def pages_for(self, tokens: int) -> int:
        """Pages that so many tokens take."""
        return -(-tokens // self.page_size)

    def allocate(self, tokens: Sequence[int], capacity: int, namespace: int = 0) -> BlockTable | None:
        """Pages for a sequence of at most ``capacity`` tokens that begins with ``tokens``, or None if there are too
        few.

        Its last token is never taken from the cache: it has to be computed for its logits. Full pages that nobody has
        yet are registered at once with this table as their writer; a sequence that comes later may share them as soon
        as they are scheduled, see :meth:`ready`. ``namespace`` separates KV of equal tokens, such as that of adapters.
        """
        keys = list(self._keys(tokens, namespace)) if self.share else []
        hits = [self.pages[index] for index in self.find(tokens[:-1], namespace)] if self.share else []
        needed = self.pages_for(capacity) - len(hits)
        if needed > self.available - sum(page.index in self._idle for page in hits):
            return None
        for page in hits:
            self._hold(page)
        fresh = [self._take() for _ in range(needed)]
        fresh.sort(key=lambda page: page.index)
        table = BlockTable(hits + fresh, len(hits), len(hits), _hash(keys[len(hits) - 1]) if hits else namespace)
        for page, key in zip(fresh, keys[len(hits) :], strict=False):
            if not self._register(page, key, table):
                break
        return table

    def find(self, tokens: Sequence[int], namespace: int = 0) -> list[int]:
        """Pages that hold, or will hold, the full pages of a text; as many as are known from its beginning on."""
        found: list[int] = []
        for key in self._keys(tokens, namespace):
            page = self._find(key)
            if page is None:
                break
            found.append(page.index)
        return found

    def ready(self, table: BlockTable, computed: int) -> int | None:
        """How many tokens of a sequence are computed, now that others may have gone on; None: wait for another one.

        :param computed: how many were before.
        """
        while computed % self.page_size == 0 and (number := computed // self.page_size) < table.hits:
            page = table.pages[number]
            if not page.filled:
                if page.writer is None:  # who was to compute it was cancelled
                    page.writer = table
                return computed if page.writer is table else None
            computed += self.page_size
        return computed

    def scheduled(self, table: BlockTable, tokens: Sequence[int], computed: int) -> None:
        """The KV of the first ``computed`` tokens, none a draft, will be there when the coming step reads it."""
        full = computed // self.page_size
        if self.share:
            while table.hashed < full:
                start = table.hashed * self.page_size
                key = (table.chain, tuple(tokens[start : start + self.page_size]))
                if not self._register(table.pages[table.hashed], key, table):
                    break
        for page in table.pages[table.settled : full]:
            if page.writer is table or (page.writer is None and page.key is not None):
                page.filled, page.writer = True, None
        table.settled = max(table.settled, full)

    def release(self, table: BlockTable) -> None:
        """Give the pages of a table back; those whose content is known stay for others to find."""
        for page in reversed(table.pages):  # the end of a text is the first to be of no more use
            if page.writer is table:
                page.writer = None
            page.references -= 1
            if page.references:
                continue
            if page.filled:
                self._idle[page.index] = None
            else:
                self._forget(page)
                heapq.heappush(self._blank, page.index)

    def forget_idle(self) -> None:
        """Drop all content that nobody holds."""
        for index in self._idle:
            self._forget(self.pages[index])
            heapq.heappush(self._blank, index)
        self._idle.clear()

    def _keys(self, tokens: Sequence[int], namespace: int) -> Iterator[_Key]:
        chain = namespace
        for start in range(0, len(tokens) - self.page_size + 1, self.page_size):
            key = (chain, tuple(tokens[start : start + self.page_size]))
            chain = _hash(key)
            yield key

    def _find(self, key: _Key) -> Page | None:
        page = self._by_hash.get(_hash(key))
        return page if page is not None and page.key == key else None  # a hash alone proves nothing

    def _register(self, page: Page, key: _Key, table: BlockTable) -> bool:
        known = _hash(key)
        if known in self._by_hash:  # the same content, computed side by side: the first stands for both
            table.hashed = len(table.pages)
            return False
        page.key, page.writer = key, table
        self._by_hash[known] = page
        table.hashed += 1
        table.chain = known
        return True

    def _hold(self, page: Page) -> None:
        self._idle.pop(page.index, None)
        page.references += 1

    def _take(self) -> Page:
        if self._blank:
            page = self.pages[heapq.heappop(self._blank)]
        else:
            page = self.pages[next(iter(self._idle))]
            del self._idle[page.index]
            self._forget(page)
        page.references = 1
        return page

    def _forget(self, page: Page) -> None:
        if page.key is not None:
            del self._by_hash[_hash(page.key)]
        page.key, page.filled, page.writer = None, False, None


def _hash(key: _Key) -> int:
    return hash(key)
