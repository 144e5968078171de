"""Runs mappers of data-juicer over texts, in the Python that has it installed: it wants a folder of its own.

python bench/neighbours/juicer.py < request > reply

The request is a JSON object: ``mappers`` by name in their order, ``texts``. So is the reply: the ``texts`` after them,
the ``seconds`` of processor time that they took, and the ``version`` of data-juicer.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import time
from importlib.metadata import version
from typing import Any

#: Texts that a mapper is given at once, as data-juicer does it.
BATCH = 1_000


def load_mapper(name: str) -> Any:
    """The mapper of a name such as ``fix_unicode_mapper``, with its defaults."""
    module = importlib.import_module(f"data_juicer.ops.mapper.{name}")
    return getattr(module, "".join(part.capitalize() for part in name.split("_")))()


def run_mappers(mappers: list[Any], texts: list[str]) -> list[str]:
    """The texts after every mapper, in order."""
    done: list[str] = []
    for start in range(0, len(texts), BATCH):
        samples = {"text": texts[start : start + BATCH]}
        for mapper in mappers:
            samples = mapper.process_batched(samples)
        done += samples["text"]
    return done


def main() -> None:
    """Answer the one request on stdin; what data-juicer prints goes to stderr."""
    request = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        mappers = [load_mapper(name) for name in request["mappers"]]
        run_mappers(mappers, ["Warm-up."])
        started = time.process_time()
        texts = run_mappers(mappers, request["texts"])
        seconds = time.process_time() - started
    json.dump({"texts": texts, "seconds": seconds, "version": version("py-data-juicer")}, sys.stdout)


if __name__ == "__main__":
    main()
