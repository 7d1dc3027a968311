"""That the comparison of answers notices what it is there for. No server is needed."""

from __future__ import annotations

from tests.live.checks import Check, Stage
from tests.live.recording import JSON, Answer
from tests.live.shapes import Tolerated, compare_shapes


def _compared(real: JSON, demo: JSON, *tolerated: Tolerated, maps: tuple[str, ...] = ()) -> list[str]:
    answers = [{"GET /x": Answer(200, "application/json", body)} for body in (real, demo)]
    return compare_shapes(answers[0], answers[1], tolerated=tolerated, maps=maps)


async def the_same_shape_is_no_difference(stage: Stage) -> None:
    assert _compared({"a": 1, "b": [{"c": "x"}]}, {"b": [{"c": "y"}, {"c": "z"}], "a": 2.5}) == []
    # What a list's elements look like is not known from an empty one.
    assert _compared({"a": []}, {"a": [{"c": 1}]}) == []


async def keys_and_types_are_told_apart(stage: Stage) -> None:
    assert _compared({"a": {"b": 1}}, {"a": {}}) == ["GET /x: .a.b: the demo lacks it (real: number)"]
    assert _compared({"a": {}}, {"a": {"b": 1}}) == ["GET /x: .a.b: the demo invented it (number)"]
    assert _compared({"a": 1}, {"a": "1"}) == ["GET /x: .a: the demo gives text, the real server number"]
    assert _compared({"a": None}, {"a": 1}) == ["GET /x: .a: the demo gives number, the real server null"]
    assert _compared({"a": True}, {"a": 1}) == ["GET /x: .a: the demo gives number, the real server true/false"]
    assert _compared([1], []) == ["GET /x: []: the demo's list is empty, the real one holds number"]
    sometimes = _compared([{"a": 1}, {"a": 2}], [{"a": 1}, {}])
    assert sometimes == ["GET /x: [].a: always there in the real answer, in the demo's only sometimes"]


async def status_type_and_headers_count(stage: Stage) -> None:
    real = {"GET /x": Answer(200, "application/json", {}, ("x-litellm-version",)), "GET /y": Answer(200, "", "")}
    demo = {"GET /x": Answer(404, "text/plain", {}, ("retry-after",))}
    assert compare_shapes(real, demo) == [
        "GET /x: status: real 200, demo 404",
        "GET /x: content-type: real 'application/json', demo 'text/plain'",
        "GET /x: header x-litellm-version: the demo lacks it",
        "GET /x: header retry-after: the demo invented it",
        "GET /y: the demo was not asked this",
    ]


async def only_what_is_tolerated_is_tolerated(stage: Stage) -> None:
    rule = Tolerated("GET /x: .a[].b", "for the test")
    assert _compared({"a": [{}]}, {"a": [{"b": 1}]}, rule) == []
    assert _compared({"a": [{}]}, {"a": [{"b": 1, "c": 1}]}, rule) == ["GET /x: .a[].c: the demo invented it (number)"]
    narrow = Tolerated("GET /x: .a", "for the test", says="the demo lacks it*")
    assert _compared({"a": 1}, {}, narrow) == []
    assert _compared({"a": 1}, {"a": "1"}, narrow) == ["GET /x: .a: the demo gives text, the real server number"]
    assert _compared({"a": {"one": 1}}, {"a": {"two": 2}}, maps=("GET /x: .a",)) == []
    assert _compared({"a": {"one": 1}}, {"a": {"two": "2"}}, maps=("GET /x: .a",)) != []


CHECKS = (
    Check("comparison: the same shape is no difference", the_same_shape_is_no_difference),
    Check("comparison: keys and types are told apart", keys_and_types_are_told_apart),
    Check("comparison: status, content type and headers count", status_type_and_headers_count),
    Check("comparison: only what is tolerated is tolerated", only_what_is_tolerated_is_tolerated),
)
