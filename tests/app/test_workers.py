"""Rules for the panel's background work, read off its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import tui.app

APP = Path(tui.app.__file__).parent
MAY_CALL = frozenset({"post_message"})
"""A worker tells; handlers show. A widget that a worker changes may be gone, or be drawn half changed."""


def functions() -> Iterator[tuple[str, ast.AsyncFunctionDef | ast.FunctionDef]]:
    for path in sorted(APP.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef):
                yield f"{path.relative_to(APP)}:{node.lineno} {node.name}", node


def work_decorator(function: ast.AsyncFunctionDef | ast.FunctionDef) -> ast.expr | None:
    for decorator in function.decorator_list:
        name = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(name, ast.Name) and name.id == "work":
            return decorator
    return None


def started_by_call() -> Iterator[tuple[str, ast.Call]]:
    """Every ``run_worker(…)``, which starts what ``@work`` decorates elsewhere."""
    for where, function in functions():
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".run_worker"):
                yield where, node


WORKERS = [(where, function, found) for where, function in functions() if (found := work_decorator(function))]
STARTED = list(started_by_call())


def test_there_are_workers() -> None:
    assert len(WORKERS) >= 2
    assert STARTED


def test_every_worker_names_its_group_and_what_it_is_for() -> None:
    """Without a group an exclusive worker ends every other worker of its node."""
    for where, call in [*((where, decorator) for where, _, decorator in WORKERS), *STARTED]:
        assert isinstance(call, ast.Call), where
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        assert {"group", "description", "exit_on_error"} <= given.keys(), where
        assert isinstance(given["exit_on_error"], ast.Constant), where
        assert given["exit_on_error"].value is False, f"{where}: a broken source must not take the panel with it"


def test_workers_post_messages_and_touch_nothing_else_of_the_panel() -> None:
    for where, function, _ in WORKERS:
        for node in ast.walk(function):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            words = ast.unparse(node.func)
            if words.startswith(("self.app.", "self.")):
                assert node.func.attr in MAY_CALL, f"{where} calls {words}"


def test_feeds_post_messages_and_touch_nothing_else_of_the_panel() -> None:
    feeds = [
        (where, function) for where, function in functions() if "target: MessagePump" in ast.unparse(function.args)
    ]
    assert len(feeds) >= 10
    for where, function in feeds:
        touched = {
            node.attr
            for node in ast.walk(function)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "target"
        }
        assert touched <= MAY_CALL, where
