"""Puts other items into a list that is written over several lines, and keeps what the person wrote beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tui.config.locate import Span

INDENT = "    "


@dataclass(frozen=True, slots=True)
class ListItem:
    """An item of a list, as the person wrote it or as it is to be written."""

    source: str
    above: tuple[str, ...] = ()
    """The comments and blank lines above it."""
    behind: str = ""
    """The comment behind it on its line, with the blanks before that."""


@dataclass(frozen=True, slots=True)
class WrittenList:
    """A list over several lines, taken apart."""

    head: str
    """What stands behind the opening bracket."""
    items: tuple[ListItem, ...]
    below: tuple[str, ...]
    """The comments and blank lines below the last item."""
    indent: str
    closing_indent: str
    ends_in_comma: bool

    def with_items(self, chosen: Sequence[int | ListItem], end_of_line: str) -> str:
        """Its text with other items: the place of one that there is, or a new one.

        The comment behind an item goes with it; the lines above one that is left out stay where they were.
        """
        items, below = self._without(set(range(len(self.items))) - {one for one in chosen if isinstance(one, int)})
        lines = [f"[{self.head}"]
        for number, one in enumerate(chosen, 1):
            item = items[one] if isinstance(one, int) else one
            comma = "," if number < len(chosen) or self.ends_in_comma else ""
            lines += [*map(self._indented, item.above), self._indented(item.source + comma + item.behind)]
        lines += [*map(self._indented, below), f"{self.closing_indent}]"]
        return end_of_line.join(lines)

    def _without(self, gone: set[int]) -> tuple[list[ListItem], tuple[str, ...]]:
        items: list[ListItem] = []
        homeless: tuple[str, ...] = ()
        for place, item in enumerate(self.items):
            if place in gone:
                homeless += tuple(line for line in item.above if line)
                items.append(item)
            else:
                items.append(replace(item, above=(*homeless, *item.above)))
                homeless = ()
        return items, (*homeless, *self.below)

    def _indented(self, line: str) -> str:
        return self.indent + line if line else ""


def take_apart(text: str, span: Span, places: Sequence[Span]) -> WrittenList:
    """The list that ``span`` is the setting of, whose items stand at ``places``."""
    begins = [place.start for place in places] + [span.end - 1]
    ends = [span.value + 1] + [place.end for place in places]
    gaps = [_Gap.of(text[end:begin]) for end, begin in zip(ends, begins, strict=True)]
    items = tuple(
        ListItem(text[place.start : place.end], before.lines, after.behind)
        for place, before, after in zip(places, gaps, gaps[1:], strict=False)
    )
    own_lines = [gap.indent for gap in gaps[:-1] if gap.indent is not None]
    return WrittenList(
        head=gaps[0].behind,
        items=items,
        below=gaps[-1].lines,
        indent=own_lines[0] if own_lines else INDENT,
        closing_indent=gaps[-1].indent or "",
        ends_in_comma=gaps[-1].has_comma,
    )


@dataclass(frozen=True, slots=True)
class _Gap:
    """What stands between two items, or between one and a bracket: blanks, comments and at most one comma."""

    behind: str
    lines: tuple[str, ...]
    indent: str | None
    """What stands before the next item on its line; None where that is the line of the one before."""
    has_comma: bool

    @classmethod
    def of(cls, text: str) -> _Gap:
        first, *others = text.split("\n")
        blank, sign, comment = first.rstrip("\r").partition("#")
        behind = blank.replace(",", "") + sign + comment if sign else ""
        between, indent = (others[:-1], others[-1].replace(",", "")) if others else ([], None)
        has_comma = any("," in line.partition("#")[0] for line in (first, *others))
        return cls(behind, tuple(line.strip().removeprefix(",").strip() for line in between), indent, has_comma)
