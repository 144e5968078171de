"""A model server's bad days: it hangs up, takes its time, refuses, fails, or sends what is no reply, a while each."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable

import scripted
from replay_server import Answer, Body, ChatMessage, hang_up, hang_up_in_body, not_json, refused, truncated

from midb.agent.engines.protocol import TextRequest

#: Well most of the time; a run whose server is always down cannot come to an end.
MODES = ("well", "well", "well", "slow", "hangs up", "breaks off", "429", "500", "400", "no JSON", "cut short", "noise")

#: Seconds that a mode lasts at most.
LONGEST = 4.0


class ServerModes:
    """Answers as a model does, or as the mode of the moment has it. ``tick`` is called often and changes the mode."""

    def __init__(self, answer: Callable[[TextRequest], str], seed: int) -> None:
        self._answer = answer
        self._chance = random.Random(seed)
        self._mode, self._until = "well", 0.0
        self.shaky = False
        #: Replies in each mode.
        self.answered: Counter[str] = Counter()

    def tick(self) -> None:
        """Change the mode where its time has come."""
        if time.monotonic() >= self._until:
            self._mode = self._chance.choice(MODES)
            self._until = time.monotonic() + self._chance.uniform(0.2, LONGEST)

    async def __call__(self, messages: list[ChatMessage], body: Body) -> Answer:
        """What is sent back."""
        mode = self._mode if self.shaky else "well"
        self.answered[mode] += 1
        text = self._answer(scripted.request_of(messages, body))
        if mode == "slow":
            await asyncio.sleep(self._chance.uniform(0.05, 1))
        if mode == "hangs up":
            return hang_up()
        if mode == "breaks off":
            return hang_up_in_body(text)
        if mode in ("429", "500", "400"):
            return refused(int(mode), retry_after="0" if mode == "429" else None)
        if mode == "no JSON":
            return not_json()
        if mode == "cut short":
            return truncated(text[: len(text) // 2])
        return "\x00\x1b[31m noise \u202e" if mode == "noise" else text
