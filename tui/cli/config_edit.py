"""``fleetdeck config edit``: the configuration in the person's own editor, and in force only once it is right."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from tui.app.actions import key_problems
from tui.cli.asking import person_is_there
from tui.cli.main import CommandFailed
from tui.config.errors import ConfigChanged, ConfigError, ConfigProblem
from tui.config.kept_file import FileEdit, bytes_now
from tui.config.load import parse_config
from tui.config.paths import default_config_path, default_config_text, private_folder, state_home
from tui.config.source import decode_config
from tui.control.person_editor import EditorFailed, edit_file


def edit_configuration(found: Path | None) -> str:
    """Has the person edit the file ``found``; None: they have none, and are asked whether to begin with the shipped
    one. What is done, in words.

    Raises:
        click.ClickException: nothing was changed, and the text says why.
        ConfigError: what was written is wrong.
    """
    path = found or default_config_path()
    before = bytes_now(path) if found is not None else None
    if found is None:
        _ask_for_first(path)
    folder = Path(tempfile.mkdtemp(prefix="edit-", dir=private_folder(state_home())))
    draft = folder / path.name
    draft.write_bytes(default_config_text().encode() if before is None else before)
    _let_edit(draft, path)
    edit = FileEdit(path, before, draft.read_bytes())
    try:
        edit.save()
    except (ConfigChanged, ConfigError) as error:
        raise CommandFailed(f"{error}; what you wrote is in {draft}") from None
    _remove(draft)
    return f"{path}: nothing was changed" if edit.before == edit.after else f"{path}: saved, no problems"


def _ask_for_first(path: Path) -> None:
    if not person_is_there():
        raise click.UsageError(f"there is no configuration yet; on a terminal this would begin one in {path}")
    if not click.confirm(f"There is no configuration yet. Begin one in {path}?", default=True, err=True):
        raise CommandFailed("nothing was written")


def _let_edit(draft: Path, path: Path) -> None:
    """Opens ``draft`` until what it holds may stand in ``path``; with nobody to ask, once.

    Raises:
        ConfigError: it may not, and the person leaves it at that.
        CommandFailed: the editor could not be used.
    """
    while True:
        try:
            edit_file(draft)
        except EditorFailed as error:
            _remove(draft)
            raise CommandFailed(str(error)) from None
        try:
            _check(draft, path)
        except ConfigError as error:
            if not person_is_there():
                raise _unsaved(error, draft) from None
            click.echo(str(error), err=True)
            if not click.confirm("Open it again?", default=True, err=True):
                raise CommandFailed(f"{path} is as it was; what you wrote is in {draft}") from None
        else:
            return


def _check(draft: Path, path: Path) -> None:
    config = parse_config(decode_config(draft.read_bytes(), path), path)
    problems = [ConfigProblem(path, None, "", text) for text in key_problems(config.keys)]
    if problems:
        raise ConfigError(problems)


def _unsaved(error: ConfigError, draft: Path) -> ConfigError:
    return ConfigError((*error.problems, ConfigProblem(draft, None, "", "holds what was written; nothing was saved")))


def _remove(draft: Path) -> None:
    draft.unlink(missing_ok=True)
    # Editors may leave files of their own beside it, which are the person's.
    if not any(draft.parent.iterdir()):
        draft.parent.rmdir()
