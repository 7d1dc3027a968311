"""The documentation holds what it promises: links lead somewhere, commands and settings exist, keys do what is said."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
import tomlkit
from ruamel.yaml import YAML

from tests.docs.messages import says
from tests.docs.pages import (
    PAGES,
    ROOT,
    Block,
    Command,
    anchors,
    blocks,
    commands,
    headings,
    inline_code,
    links,
    prose,
    text_of,
)
from tui.app.actions import ACTIONS, Scope, key_problems
from tui.app.themes import read_theme_file
from tui.chat.pipeline_file import load_pipeline
from tui.cli.main import COMMANDS, cli
from tui.config.load import parse_config
from tui.config.schema import (
    CliSettings,
    LedgerSettings,
    MachineSettings,
    McpSettings,
    ModelSettings,
    PanelSettings,
    ServiceSettings,
    TaskSettings,
)

SETTINGS = {
    "panel": PanelSettings,
    "machines": MachineSettings,
    "services": ServiceSettings,
    "clis": CliSettings,
    "models": ModelSettings,
    "tasks": TaskSettings,
    "mcp": McpSettings,
    "ledger": LedgerSettings,
}
TROUBLESHOOTING = ROOT / "docs" / "troubleshooting.md"
DISPLAYED = {
    "'": "apostrophe",
    "?": "question_mark",
    "!": "exclamation_mark",
    "/": "slash",
    ":": "colon",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    "+": "plus",
    "-": "minus",
}
"""A key as the pages show it → as Textual names it."""
OF_TEXTUAL = frozenset({"tab"})
"""Keys that work and are in no table of ours."""


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", PAGES, ids=named)


def test_the_pages_that_everybody_looks_for_are_there() -> None:
    pages = {named(page) for page in PAGES}
    wanted = ("quick-start", "koala-and-flamingo", "routing-and-modes", "playground", "agents", "privacy-and-terms")
    looked_up = ("keys-and-themes", "json-and-exit-codes", "troubleshooting", "architecture", "prompts")
    assert pages >= {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", *(f"docs/{n}.md" for n in (*wanted, *looked_up))}
    index = {(ROOT / "docs" / link).resolve() for link in links(ROOT / "docs" / "README.md")}
    missing = [named(page) for page in PAGES if page.is_relative_to(ROOT / "docs") and page not in index]
    assert missing == ["docs/README.md"], "the index names every page but itself"


@each_page
def test_every_link_and_anchor_leads_somewhere(page: Path) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), f"{named(page)} links to {link}"
        if anchor:
            assert anchor in anchors(found), f"{named(page)} links to {link}, which has {sorted(anchors(found))}"


@contextmanager
def called(group: click.Command, context: click.Context) -> Iterator[click.Command]:
    """The innermost command of a call, with what was said taken apart as click takes it apart."""
    rest = [*getattr(context, "_protected_args", ()), *context.args]
    if not isinstance(group, click.Group) or not rest:
        yield group
        return
    name, command, left = group.resolve_command(context, rest)
    assert command is not None
    with command.make_context(name, left, parent=context) as inner, called(command, inner) as innermost:
        yield innermost


def problem_of(command: Command) -> str:
    try:
        with cli.make_context("fleetdeck", list(command.words)) as context, called(cli, context):
            return ""
    except click.exceptions.Exit:
        return ""  # --help and --version
    except click.ClickException as error:
        return f"{command}: {error.format_message()}"


@each_page
def test_commands_in_blocks_exist_with_their_options(page: Path, example_folder: Path) -> None:
    found = [command for block in blocks(page, "sh") for command in commands(block)]
    assert [problem for command in found if (problem := problem_of(command))] == []
    assert "```bash" not in text_of(page), "blocks of shell are called sh, so that they are looked at"


def test_a_call_that_makes_no_sense_would_be_noticed() -> None:
    lines = (
        "fleetdeck statsu",
        "TERM=dumb fleetdeck status --jsn | jq .",
        "git diff | fleetdeck \\",
        " invoke -k quick hi",
    )
    found = list(commands(Block(ROOT / "README.md", 1, "sh", "\n".join(lines))))
    assert [command.words for command in found] == [("statsu",), ("status", "--jsn"), ("invoke", "-k", "quick", "hi")]
    assert [command.is_fed for command in found] == [False, False, True]
    assert [bool(problem_of(command)) for command in found] == [True, True, False]


def options_of(name: str, after: str) -> set[str]:
    """All options of a command, and of the command below it that ``after`` begins with."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    below = command.get_command(click.Context(command), after) if isinstance(command, click.Group) and after else None
    parameters = [*cli.params, *command.params, *(below.params if below is not None else ())]
    if isinstance(command, click.Group) and below is None:
        for inner in command.list_commands(click.Context(command)):
            parameters += getattr(command.get_command(click.Context(command), inner), "params", [])
    found = {option for one in parameters for option in (*one.opts, *one.secondary_opts)}
    return {*found, "--help", "-h", "--version"}


@each_page
def test_commands_in_the_text_exist_with_their_options(page: Path) -> None:
    for code in inline_code(page):
        if not code.startswith("fleetdeck "):
            continue
        words = code.split()[1:]
        for name in words[0].split("|") if not words[0].startswith("-") else ():
            assert name in COMMANDS, f"{named(page)}: {code}"
            known = options_of(name, words[1].split("|")[0] if len(words) > 1 else "")
            for option in re.findall(r"(?<![\w-])--?[a-z][\w-]*", " ".join(words[1:])):
                assert option in known, f"{named(page)}: {code} has no {option}"


@each_page
def test_what_make_is_told_to_make_is_in_the_makefile(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    lines = [line for block in blocks(page, "sh") for line in block.text.splitlines()]
    wanted = {word for line in lines for word in re.findall(r"^make (\w+)", line)}
    wanted |= {word for code in inline_code(page) for word in re.findall(r"^make (\w+)$", code)}
    assert wanted <= targets


@each_page
def test_keys_are_those_of_the_panel(page: Path) -> None:
    keys = {key for action in ACTIONS for key in action.keys.split(",")} | OF_TEXTUAL
    for shown in re.findall(r"<kbd>(.+?)</kbd>", prose(page)):
        assert textual_name(shown) in keys, f"{named(page)} names the key {shown}"


def textual_name(shown: str) -> str:
    return DISPLAYED.get(shown, shown.lower() if len(shown) > 1 else shown)


@each_page
def test_keys_beside_an_action_are_that_actions_keys(page: Path) -> None:
    by_id = {action.id: action.keys.split(",") for action in ACTIONS}
    for row in re.findall(r"^\| *(<kbd>.*?) *\| *`([a-z]+\.[a-z-]+)` *\|", prose(page), re.MULTILINE):
        cell, action = row
        for shown in re.findall(r"<kbd>(.+?)</kbd>", cell):
            assert textual_name(shown) in by_id.get(action, ()), f"{named(page)}: {shown} is no key of {action}"


def merged(onto: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """``onto`` with every setting of ``more``. Tables are merged, but for where a key is: that is one of three."""
    tables = {
        name: merged(onto[name], value)
        for name, value in more.items()
        if isinstance(value, dict) and isinstance(onto.get(name), dict) and name != "key"
    }
    return {**onto, **more, **tables}


@each_page
def test_settings_pass_the_check_of_the_configuration(page: Path, tmp_path: Path) -> None:
    """Alone where they can stand alone, else within the configuration that ships."""
    shipped = tomllib.loads((ROOT / "config.toml").read_text())
    for block in blocks(page, "toml"):
        document = tomllib.loads(block.text)
        file = tmp_path / "one.toml"
        file.write_text(block.text)
        if "colors" in document:
            read_theme_file(file)
        elif "steps" in document:
            load_pipeline(file)
        else:
            is_whole = document.keys() >= {"machines", "services", "tasks"}
            whole = document if is_whole else merged(shipped, document)
            config = parse_config(tomlkit.dumps(whole), Path(block.where))
            assert not key_problems(config.keys), block.where


def test_the_configuration_that_ships_shows_every_setting() -> None:
    lines_of: dict[str, list[str]] = {}
    table = ""
    for line in (ROOT / "config.toml").read_text(encoding="utf-8").splitlines():
        header = re.match(r"(?:# )?\[(\w+)", line)
        table = header[1] if header is not None else table
        lines_of.setdefault(table, []).append(line)
    for name, settings in SETTINGS.items():
        section = "\n".join(lines_of[name])
        for setting in {field.name for field in fields(settings)} - {"name", "id"}:
            assert re.search(rf"\b{setting} *=", section), f"config.toml shows no {setting} in [{name}]"


@each_page
def test_other_files_can_be_read_by_the_programs_that_they_are_for(page: Path) -> None:
    for block in blocks(page, "json"):
        assert isinstance(json.loads(block.text), dict), block.where
    for block in blocks(page, "yaml"):
        assert isinstance(YAML(typ="safe").load(block.text), dict), block.where
    for block in blocks(page, "ini"):
        parser = configparser.ConfigParser(interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(block.text)
        assert parser.sections(), block.where
    for block in blocks(page, "python"):
        compile(block.text, block.where, "exec")


def test_what_troubleshooting_explains_is_what_the_program_says() -> None:
    explained = re.findall(r"^### (.+)$", prose(TROUBLESHOOTING), re.MULTILINE)
    assert len(explained) >= 30
    assert [message for message in explained if not says(message)] == []


def test_a_message_that_nobody_says_would_be_noticed() -> None:
    assert says("connection refused")
    assert not says("connection declined with …")
    assert not says("… is still not … after … s; nobody says so")


@each_page
def test_what_is_not_run_says_why_and_nothing_else_is_left_out(page: Path) -> None:
    text = re.sub("`[^`\n]*`", "", text_of(page))
    reasons = re.findall(r"<!-- not run: (.*?) -->", text)
    assert all(len(reason) > 10 for reason in reasons)
    assert len(reasons) == sum(1 for block in blocks(page, "sh") if block.not_run)
    assert len(re.findall("<!-- from: ", text)) == sum(1 for block in blocks(page, "json") if block.comes_from)
    assert not re.findall(r"^#+ .*\n+#+ .*\n+\Z", text), "a page does not end with a heading"


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="commits are in a checkout alone")
def test_commits_that_are_shown_exist() -> None:
    found = [commit for page in PAGES for block in blocks(page, "sh") for commit in _shown_commits(block)]
    assert found
    for commit in found:
        subprocess.run(["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=ROOT, check=True, timeout=30)


def _shown_commits(block: Block) -> list[str]:
    return re.findall(r"git show ([0-9a-f]{7,40})", block.text)


def test_every_page_has_one_title_and_short_lines() -> None:
    for page in PAGES:
        titles = re.findall(r"^# .+$", prose(page), re.MULTILINE)
        assert len(titles) == 1, named(page)
        assert len(headings(page)) == len(set(headings(page))) or named(page) == "CHANGELOG.md", named(page)
        shell = [line for block in blocks(page, "sh") for line in block.text.splitlines()]
        assert [line for line in shell if len(line) > 120] == []


def test_every_command_and_every_screen_is_spoken_of() -> None:
    text = "\n".join(text_of(page) for page in PAGES)
    assert [name for name in COMMANDS if not re.search(rf"\bfleetdeck {name}\b", text)] == []
    keys = {textual_name(shown) for page in PAGES for shown in re.findall(r"<kbd>(.+?)</kbd>", prose(page))}
    screens = [action for action in ACTIONS if action.scope is Scope.APP]
    unspoken = [action.id for action in screens if not keys & set(action.keys.split(","))]
    assert unspoken == [], "docs/keys-and-themes.md has a table for what works everywhere"
