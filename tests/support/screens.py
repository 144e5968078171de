"""The live screen as a terminal of some size would show it."""

from __future__ import annotations

import io

from rich.console import Console

from midb.dashboard.screen import draw_screen
from midb.dashboard.state import Progress


def screen(progress: Progress, width: int, height: int) -> list[str]:
    """The live screen as lines of text, nothing cropped by anybody but itself."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, height=height, force_terminal=True, color_system=None)
    console.print(draw_screen(progress, width=width, height=height))
    return stream.getvalue().splitlines()
