"""The table that all rows are shown in, on records of a test's own: it stays where the person is looking."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import example, given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from tui.app.themes import PLAIN_VARIABLES
from tui.app.widgets.columns import GAP, Column, place_columns
from tui.app.widgets.row_painter import Cell
from tui.app.widgets.row_table import HEADER_LINES, RowTable

VISIBLE = 9


class TableApp(App[None]):
    """One table, ten lines high."""

    CSS = f"RowTable {{ height: {VISIBLE + HEADER_LINES}; }}"

    def compose(self) -> ComposeResult:
        columns = (Column("name", "name", least=8, most=20),)
        yield RowTable[str](columns, key_of=lambda record: record, cells_of=lambda record: (Cell(record),))

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return PLAIN_VARIABLES

    @property
    def table(self) -> RowTable[str]:
        return self.query_one(RowTable)

    def line_of(self, key: str) -> int | None:
        """Where on the screen the row is, 0 for the first line below the heading; None: out of sight."""
        line = self.table.records.index(key) - self.table.scroll_offset.y
        return line if 0 <= line < VISIBLE else None


def named(*numbers: int) -> list[str]:
    return [f"row-{number}" for number in numbers]


lists_of_rows = (
    st.sampled_from([0, 8, 25])
    .flatmap(lambda least: st.lists(st.integers(0, 40), unique=True, min_size=least, max_size=40))
    .map(lambda numbers: named(*numbers))
)


@settings(max_examples=25, deadline=None)
@given(lists_of_rows, st.lists(st.tuples(st.integers(0, 39), lists_of_rows), min_size=1, max_size=6))
@example(named(*range(12)), [(11, []), (0, named(*range(11))), (3, named(*range(11)))])
async def test_the_cursor_stays_on_its_row_or_goes_to_the_one_in_its_place(
    first: list[str], steps: list[tuple[int, list[str]]]
) -> None:
    app = TableApp()
    async with app.run_test(size=(40, 20)):
        table = app.table
        table.show_records(first)
        for chosen, rows in steps:
            if table.records:
                table.cursor_key = table.records[chosen % len(table.records)]
                table.scroll_to_cursor()
            key, index = table.cursor_key, table.cursor_index
            line = app.line_of(key) if key is not None else None
            top = table.scroll_offset.y
            table.show_records(rows)
            if not rows:
                assert table.cursor_key is None
            elif key in rows:
                assert table.cursor_key == key
                expected = max(0, min(rows.index(key) - (line or 0), max(0, len(rows) - VISIBLE)))
                if top == 0 and rows.index(key) < VISIBLE:
                    expected = 0
                assert table.scroll_offset.y == expected
            else:
                assert table.cursor_index == min(index or 0, len(rows) - 1)


async def test_rows_that_come_at_the_top_are_seen_by_who_is_at_the_top() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 20)):
        app.table.show_records(named(*range(30)))
        assert app.table.cursor_key == "row-0"
        app.table.show_records(["new", *named(*range(30))])
        assert app.table.cursor_key == "row-0"
        assert app.line_of("new") == 0


async def test_a_table_that_nobody_is_in_shows_what_comes_first() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 20)) as pilot:
        app.set_focus(None)
        await pilot.pause()
        app.table.show_records(named(*range(20)))
        app.table.show_records(named(*range(1, 20), 0))
        assert app.line_of("row-1") == 0, "what was loaded and is gone does not take the view along to the bottom"
        assert app.table.cursor_key == "row-1"
        app.table.cursor_key = "row-3"
        app.table.show_records(named(3, *range(1, 3), *range(4, 20)))
        assert app.table.cursor_key == "row-3", "a row that somebody chose stays chosen"


async def test_who_has_scrolled_away_from_the_cursor_goes_on_reading_the_same_rows() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 20)):
        app.table.show_records(named(*range(60)))
        app.table.scroll_to(y=30, animate=False, immediate=True, force=True)
        app.table.show_records(["new-1", "new-2", *named(*range(60))])
        assert app.line_of("row-30") == 0
        assert app.table.cursor_key == "row-0"
        app.table.show_records(named(*range(10), *range(31, 60)))
        assert app.line_of("row-31") == 1, "the row above it is gone, and the rest did not move"


async def test_keys_move_the_cursor_and_the_wheel_does_not() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 20)) as pilot:
        app.table.show_records(named(*range(60)))
        app.table.focus()
        await pilot.press("down", "j", "k")
        assert app.table.cursor_key == "row-1"
        await pilot.press("pagedown")
        assert app.table.cursor_index == 1 + VISIBLE - 1
        await pilot.press("end")
        assert app.table.cursor_key == "row-59"
        assert app.line_of("row-59") == VISIBLE - 1
        await pilot.press("down", "home", "up")
        assert app.table.cursor_key == "row-0"
        assert app.line_of("row-0") == 0


async def test_ten_thousand_rows_draw_only_what_is_on_screen() -> None:
    drawn: list[str] = []

    class CountingApp(TableApp):
        def compose(self) -> ComposeResult:
            def cells(record: str) -> tuple[Cell, ...]:
                drawn.append(record)
                return (Cell(record),)

            columns = (Column("name", "name", least=8, most=20),)
            yield RowTable[str](columns, key_of=lambda record: record, cells_of=cells)

    app = CountingApp()
    async with app.run_test(size=(40, 20)) as pilot:
        app.table.show_records(named(*range(10_000)))
        await pilot.pause()
        drawn.clear()
        app.table.show_records(named(*range(10_000)))
        await pilot.pause()
        assert 0 < len(set(drawn)) <= VISIBLE


columns_of = st.lists(
    st.tuples(st.integers(1, 30), st.integers(0, 40), st.integers(0, 6), st.booleans()), min_size=1, max_size=8
).map(
    lambda shapes: tuple(
        Column(f"c{at}", "", least=least, most=least + more, rank=rank if at else 0, stretch=stretch)
        for at, (least, more, rank, stretch) in enumerate(shapes)
    )
)


@given(columns_of, st.integers(1, 250), st.lists(st.integers(0, 60), min_size=8, max_size=8))
def test_columns_fit_the_width_and_are_dropped_by_rank(
    columns: Sequence[Column], width: int, wishes: list[int]
) -> None:
    wanted = {column.key: wish for column, wish in zip(columns, wishes, strict=False)}
    placed = place_columns(columns, wanted, width)
    shown = [one.column for one in placed]
    dropped = [column for column in columns if column not in shown]
    total = sum(one.width for one in placed) + GAP * (len(placed) - 1)
    assert total <= width or all(column.rank == 0 for column in shown)
    assert all(one.width >= one.column.least for one in placed)
    assert all(column.rank > 0 for column in dropped), "what has rank 0 is never dropped"
    for column in dropped:
        assert total + GAP + column.least > width - slack(columns, wanted, width), "what is dropped has no room"


def slack(columns: Sequence[Column], wanted: dict[str, int], width: int) -> int:
    """What the names may ask for beyond their least widths, up to half of the width."""
    names = [column for column in columns if column.rank == 0]
    return sum(max(0, min(one.most, wanted.get(one.key, 0), width // 2) - one.least) for one in names)
