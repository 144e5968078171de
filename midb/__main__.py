"""`midb-agent`, and `python -m midb`: the very first lines of the command.

Before anything else is loaded, tracing and telemetry of other libraries are switched off; and Ctrl-C while the rest is
loaded is an interruption like any other, not a traceback.
"""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run the command line; returns the exit code."""
    try:
        from midb.runs.privacy import turn_off_telemetry

        turn_off_telemetry()
        from midb.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        print("error: interrupted.", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to be interrupted


if __name__ == "__main__":
    sys.exit(main())
