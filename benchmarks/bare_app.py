"""The floor: a Textual app with a table of 50 rows and four sparklines that does nothing else.

``python -m benchmarks.bare_app``; the panel is measured beside it.
"""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import DataTable, Sparkline

ROWS = 50
SPARKLINES = 4


class BareApp(App[None]):
    """A table of 50 rows and four sparklines."""

    CSS = "DataTable { height: 1fr; }"

    def compose(self) -> ComposeResult:
        for number in range(SPARKLINES):
            yield Sparkline([(number + point) % 7 for point in range(60)])
        yield DataTable[str](cursor_type="row")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns("name", "state", "answer", "what")
        for number in range(ROWS):
            table.add_row(f"row-{number:02d}", "up", f"{number} ms", "what it says")
        table.focus()


if __name__ == "__main__":
    BareApp().run()
