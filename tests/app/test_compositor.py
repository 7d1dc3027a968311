"""What is painted of a change is what Textual's own compositor would paint of it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pyte
from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region

from tests.app.still_fleet import StillApp, all_up
from tests.app.test_race_pictures import shows, streaming
from tui.app.compositor import FrugalCompositor
from tui.chat.reply import Text

SIZE = (120, 40)


async def test_a_part_of_the_screen_is_painted_as_textual_would() -> None:
    app = StillApp(all_up())
    chance = random.Random(11)
    async with app.run_test(size=SIZE) as pilot:
        await shows(streaming)(pilot)
        screen = app.screen
        compositor = screen._compositor
        assert isinstance(compositor, FrugalCompositor)
        lane = screen.lanes[0]  # type: ignore[attr-defined]
        lane.take([Text("\n\n".join(f"row {number}" for number in range(60)))])
        await pilot.pause()
        assert lane.view.show_vertical_scrollbar
        for _ in range(25):
            regions = {a_region(chance) for _ in range(chance.randint(1, 4))}
            ours = painted(app, compositor, regions, compositor.render_partial_update)
            theirs = painted(app, compositor, regions, lambda: Compositor.render_partial_update(compositor))
            assert ours == theirs, regions


def a_region(chance: random.Random) -> Region:
    x, y = chance.randrange(SIZE[0]), chance.randrange(SIZE[1])
    return Region(x, y, chance.randint(1, SIZE[0] - x), chance.randint(1, SIZE[1] - y))


def painted(
    app: StillApp, compositor: Compositor, regions: set[Region], render: Callable[[], ChopsUpdate | None]
) -> list[list[pyte.screens.Char]]:
    """The cells of a terminal after one update."""
    compositor._dirty_regions = set(regions)
    update = render()
    assert update is not None
    terminal = pyte.Screen(*SIZE)
    pyte.Stream(terminal).feed(update.render_segments(app.console))
    return [[terminal.buffer[y][x] for x in range(SIZE[0])] for y in range(SIZE[1])]
