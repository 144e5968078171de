"""Finds and repairs defects in multilingual instruction data, pair by pair, and can show every change and its reason.

>>> import midb
>>> result = midb.boost([{"instruction": "Grüße!", "output": "SchÃ¶n, dich zu sehen."}], language="de")
>>> result.records[0]["output"], result.edits[0].kind
('Schön, dich zu sehen.', 'mojibake')

The names in ``__all__`` are the library: they keep their meaning within a version. Everything below them may change.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from midb.domain.errors import MidbError
    from midb.library.boosting import boost, check
    from midb.library.pairs import fix_pair, kinds
    from midb.library.results import (
        BoostResult,
        CheckResult,
        EditInfo,
        FindingInfo,
        FixedPair,
        KindInfo,
        RejectedInfo,
    )

__version__ = "0.2.0"

# A Python that is started in a checkout finds this folder before what is installed, and with it only a part of the
# package: the others stand beside it there.
if not os.path.isdir(os.path.join(__path__[0], "agent")):
    __path__.append(os.path.dirname(os.path.abspath(__path__[0])))

__all__ = [
    "BoostResult",
    "CheckResult",
    "EditInfo",
    "FindingInfo",
    "FixedPair",
    "KindInfo",
    "MidbError",
    "RejectedInfo",
    "boost",
    "check",
    "fix_pair",
    "kinds",
]

#: Where a public name stands. Loaded with its first use: `import midb` must cost nothing to `midb.kernels`.
_HOMES = {
    "MidbError": "midb.domain.errors",
    "boost": "midb.library.boosting",
    "check": "midb.library.boosting",
    "fix_pair": "midb.library.pairs",
    "kinds": "midb.library.pairs",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES.get(name, "midb.library.results")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
