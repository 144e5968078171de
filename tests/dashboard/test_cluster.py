"""What the screen says of shards, in the room it has."""

from __future__ import annotations

from rich.console import Console

from midb.dashboard.cluster import describe_shards, draw_shards
from midb.domain.events import ShardSeen, ShardsSeen, ShardState


def shard(number: int, state: ShardState, attempts: int = 1, done: int = 0, host: str = "gpu-node") -> ShardSeen:
    return ShardSeen(number=number, state=state, host=host, attempts=attempts, done=done, total=200)


SEEN = ShardsSeen(
    shards=(
        shard(1, "done", done=200),
        *(shard(number, "running", attempts=1 + (number == 3), done=10 * number) for number in range(2, 8)),
        shard(8, "waiting", 0),
        shard(9, "failed", 4),
    )
)


def drawn(width: int, most: int) -> list[str]:
    block = draw_shards(SEEN, width, most)
    console = Console(width=width)
    with console.capture() as captured:
        console.print(block.body)
    lines = captured.get().splitlines()
    assert len(lines) == block.lines <= most
    assert all(len(line) <= width for line in lines)
    return lines


def test_states_are_counted_and_what_was_begun_again_is_told() -> None:
    assert describe_shards(SEEN) == "1 done, 6 running, 1 waiting, 1 failed   2 begun again"
    assert describe_shards(ShardsSeen(shards=(shard(1, "waiting", 0),))) == "1 waiting"


def test_running_shards_are_named_with_their_machines_as_far_as_there_is_room() -> None:
    assert drawn(120, 1) == ["shards  1 done, 6 running, 1 waiting, 1 failed   2 begun again"]
    wide = drawn(120, 4)
    assert len(wide) == 3
    assert "  3   15.0 %  gpu-node ×2  " in wide[1]
    assert len(drawn(40, 4)) == 4


def test_without_shards_or_room_nothing_is_drawn() -> None:
    assert draw_shards(None, 80, 4).lines == draw_shards(SEEN, 80, 0).lines == 0


def test_a_host_cannot_steer_the_terminal() -> None:
    seen = ShardsSeen(shards=(shard(1, "running", host="a\x1b[2Jb\nc"),))
    console = Console(width=80)
    with console.capture() as captured:
        console.print(draw_shards(seen, 80, 3).body)
    assert "\x1b[2J" not in captured.get()
    assert len(captured.get().splitlines()) == 2
