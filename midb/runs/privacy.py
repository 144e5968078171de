"""What a corpus says stays on the machine: other libraries' tracing and telemetry are off, whatever asks for them.

Imports nothing, so that it can be called before anything else is loaded.
"""

from __future__ import annotations

import os

#: Variables by which LangChain's tracers are told to send every text that passes through a graph to a service.
TRACING = (
    "LANGCHAIN_COMET_TRACING", "LANGCHAIN_HANDLER", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2",
    "LANGCHAIN_WANDB_TRACING", "LANGSMITH_TRACING", "LANGSMITH_TRACING_V2",
)  # fmt: skip

#: Variables that switch telemetry off: of the hub's client, of whoever honours a general wish, and pydantic's plugins,
#: by which a tracer may see what is validated.
TELEMETRY_OFF = {"HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1", "PYDANTIC_DISABLE_PLUGINS": "__all__"}


#: Where the names of TRACING that were set are kept, for `midb-agent doctor` to show.
_REFUSED = "MIDB_TRACING_REFUSED"


def turn_off_telemetry() -> None:
    """Switch tracing and telemetry off for this process and for those it starts.

    For processes of our own. Within another program, `midb.agent.untraced` keeps its graph's runs from tracers.
    """
    asked = [name for name in TRACING if os.environ.pop(name, "").lower() not in ("", "0", "false")]
    if asked:
        os.environ[_REFUSED] = " ".join(asked)
    os.environ.update(TELEMETRY_OFF)


def refused_tracing() -> list[str]:
    """The variables that asked for tracing when this process, or the one that started it, began."""
    return os.environ.get(_REFUSED, "").split()
