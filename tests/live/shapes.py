"""Whether a simulated server's answers have the shape of the real one's: key by key and type by type, not values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.live.recording import JSON, Answer

ELEMENT = "[]"
ANY_KEY = "{}"


@dataclass(frozen=True, slots=True)
class Difference:
    """`text` says what differs at `place`, which is `request: path`."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Tolerated:
    """A difference that is right, and why.

    `place` matches `request: path`, and `says` what is said of it, both with `*` for any text.
    """

    place: str
    why: str
    says: str = "*"

    def covers(self, difference: Difference) -> bool:
        return fnmatchcase(difference.place, _pattern(self.place)) and fnmatchcase(difference.text, self.says)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the values at one place of an answer have in common."""

    kinds: frozenset[str]
    objects: int
    keys: Mapping[str, Shape]
    always: frozenset[str]
    element: Shape | None


def compare_shapes(
    real: Mapping[str, Answer],
    demo: Mapping[str, Answer],
    *,
    tolerated: Sequence[Tolerated] = (),
    maps: Sequence[str] = (),
) -> list[str]:
    """One sentence for each difference, in the order of the real server's answers.

    `maps` matches places whose objects hold data as keys: there only the values are compared. A place where the real
    server gave an empty list proves nothing about the elements, so what the demo gives there is not looked at.
    """
    found: list[Difference] = []
    for name, answer in real.items():
        if name in demo:
            found += _answer_differences(name, answer, demo[name], maps)
        else:
            found.append(Difference(f"{name}: ", "the demo was not asked this"))
    return [
        f"{difference.place.rstrip(': ')}: {difference.text}"
        for difference in found
        if not any(rule.covers(difference) for rule in tolerated)
    ]


def shape_of(values: Sequence[JSON], place: str = "", maps: Sequence[str] = ()) -> Shape:
    """The shape that these values share."""
    objects = [value for value in values if isinstance(value, dict)]
    elements = [element for value in values if isinstance(value, list) for element in value]
    if any(fnmatchcase(place, _pattern(pattern)) for pattern in maps):
        gathered: dict[str, list[JSON]] = {ANY_KEY: [inner for value in objects for inner in value.values()]}
        gathered = {key: inner for key, inner in gathered.items() if inner}
        always: frozenset[str] = frozenset()
    else:
        gathered = {}
        for value in objects:
            for key, inner in value.items():
                gathered.setdefault(key, []).append(inner)
        always = frozenset(key for key, inner in gathered.items() if len(inner) == len(objects))
    return Shape(
        kinds=frozenset(_kind(value) for value in values),
        objects=len(objects),
        keys={key: shape_of(inner, f"{place}.{key}", maps) for key, inner in gathered.items()},
        always=always,
        element=shape_of(elements, place + ELEMENT, maps) if elements else None,
    )


def _answer_differences(name: str, real: Answer, demo: Answer, maps: Sequence[str]) -> Iterator[Difference]:
    if real.status != demo.status:
        yield Difference(f"{name}: status", f"real {real.status}, demo {demo.status}")
    if real.media_type != demo.media_type:
        yield Difference(f"{name}: content-type", f"real {real.media_type!r}, demo {demo.media_type!r}")
    for header in sorted(set(real.headers) - set(demo.headers)):
        yield Difference(f"{name}: header {header}", "the demo lacks it")
    for header in sorted(set(demo.headers) - set(real.headers)):
        yield Difference(f"{name}: header {header}", "the demo invented it")
    start = f"{name}: "
    yield from _differences(shape_of([real.body], start, maps), shape_of([demo.body], start, maps), start)


def _differences(real: Shape, demo: Shape, place: str) -> Iterator[Difference]:
    yield from _kind_differences(real, demo, place)
    if real.objects and demo.objects:
        for key, shape in real.keys.items():
            inner = f"{place}.{key}"
            if key not in demo.keys:
                yield Difference(inner, f"the demo lacks it (real: {_words(shape)})")
                continue
            if real.objects > 1 and key in real.always and key not in demo.always:
                yield Difference(inner, "always there in the real answer, in the demo's only sometimes")
            yield from _differences(shape, demo.keys[key], inner)
        for key in demo.keys:
            if key not in real.keys:
                yield Difference(f"{place}.{key}", f"the demo invented it ({_words(demo.keys[key])})")
    if real.element is not None and demo.element is not None:
        yield from _differences(real.element, demo.element, place + ELEMENT)
    elif real.element is not None and "list" in demo.kinds:
        yield Difference(place + ELEMENT, f"the demo's list is empty, the real one holds {_words(real.element)}")


def _kind_differences(real: Shape, demo: Shape, place: str) -> Iterator[Difference]:
    # Whether null occurs depends on more than the type: a key that real servers filled in must be filled in here too,
    # and one that they left null may not be relied on.
    if demo.kinds - real.kinds:
        yield Difference(place, f"the demo gives {_words(demo)}, the real server {_words(real)}")
    elif real.kinds - demo.kinds - {"null"}:
        yield Difference(place, f"the demo gives only {_words(demo)}, the real server {_words(real)}")


def _kind(value: JSON) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true/false"
    if isinstance(value, int | float):
        return "number"
    return {str: "text", list: "list", dict: "object"}[type(value)]


def _words(shape: Shape) -> str:
    return " or ".join(sorted(shape.kinds))


def _pattern(place: str) -> str:
    # fnmatch takes [] for a set of characters; in these paths it is the element of a list.
    return place.replace(ELEMENT, "[[]]")
