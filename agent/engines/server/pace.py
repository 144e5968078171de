"""How many calls a server is sent at once: as many as it says or shows that it serves, fewer where it is too many.

What TCP does with packets: the number grows with replies and is halved by a sign of overload, so that a server with one
slot and one with hundreds are both kept busy, and no call waits in a server's queue until its time is over.
"""

from __future__ import annotations

import asyncio
from collections import deque

#: Calls at once with which a server begins that does not say how many it serves.
FIRST = 4

#: Replies without a sign of overload, in multiples of the limit, after which one more is tried. The number is doubled
#: by each overload, up to this: a server whose measure was found is not tried again and again.
_LONGEST_PATIENCE = 8


class Places:
    """So many places, whose number may change while they are taken; who waits for one is served in order of coming.

    :ivar count: of places. Where more are taken, none is given until fewer are.
    :ivar taken: of them.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """Who waits for a place."""
        return sum(not future.done() for future in self._waiting)

    def resize(self, count: int) -> None:
        """Make it so many places; who waits gets those that are new."""
        self.count = count
        self._admit()

    async def take(self) -> None:
        """Take a place as soon as one is free. Whoever takes one gives it back."""
        if self.taken < self.count and not self.waiting:
            self.taken += 1
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():  # the place had been given, and nobody is there to take it
                self.give_back()
            raise

    def give_back(self) -> None:
        """Give a place back; who waits longest gets it."""
        self.taken -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and (self.taken < self.count or self._waiting[0].done()):
            future = self._waiting.popleft()
            if not future.done():
                self.taken += 1
                future.set_result(None)

    async def __aenter__(self) -> None:
        await self.take()

    async def __aexit__(self, *_: object) -> None:
        self.give_back()


class Pace:
    """The places of one server, which are as many as it serves.

    :param most: calls at once, whatever the server can do.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.places = Places(min(FIRST, most))
        self._begun = 0
        self._slowed_at = 0  # calls that had begun when the limit was last lowered
        self._calm = 0  # replies since the limit was last changed
        self._patience = 0  # 0 until the first overload: each reply makes room for one more

    @property
    def limit(self) -> int:
        """Calls that may be under way at once, now."""
        return self.places.count

    def know(self, slots: int) -> None:
        """The server says how many it serves at once: that is where to begin, and no more make sense."""
        self._most = max(1, min(self._most, slots))
        self.places.resize(self._most)

    async def begin(self) -> int:
        """Wait for a place; returns the call's number, by which an overload is told from an echo of the last one."""
        await self.places.take()
        self._begun += 1
        return self._begun

    def end(self) -> None:
        """Give the place of a call back, however it ended."""
        self.places.give_back()

    def note_reply(self) -> None:
        """A call got its reply, while it had its place: there may be room for one more."""
        if self.places.taken < self.limit or self.limit >= self._most:
            return  # more places than calls tell nothing of what a server can do
        self._calm += 1
        if self._calm > self._patience * self.limit:
            self._calm = 0
            self.places.resize(self.limit + 1)

    def note_overload(self, number: int) -> None:
        """A call waited in vain, or was told that the server is busy: half as many from now on.

        Calls that had begun before the last such note say nothing new: they are of the same overload.
        """
        if number <= self._slowed_at:
            return
        self._slowed_at, self._calm = self._begun, 0
        self._patience = min(max(1, 2 * self._patience), _LONGEST_PATIENCE)
        self.places.resize(max(1, self.limit // 2))
