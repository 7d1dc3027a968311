"""A kept conversation as a document that a person or a program reads elsewhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from tui.config.atomic import replace_file
from tui.config.paths import data_home, private_folder, reason_of
from tui.ledger.conversations import Listing
from tui.ledger.records import Conversation, Turn

NOT_KEPT = "*The text of this turn was not kept.*"


class NotExported(Exception):
    """The file could not be written; the text is a sentence for the person."""


def exports_home() -> Path:
    """Where an export goes whose name is no whole path. May not exist yet."""
    return data_home() / "conversations"


def export_path(name: str, *, here: bool = False) -> Path:
    """The file that a person means: ``~`` is their home, and what is no whole path is in :func:`exports_home`, or with
    ``here`` in the current folder.

    Raises:
        NotExported: nothing, or nobody, is named.
    """
    if not name.strip():
        raise NotExported("an export needs the name of a file")
    try:
        return (Path.cwd() if here else exports_home()) / Path(name.strip()).expanduser()
    except RuntimeError:
        raise NotExported(f"{name.strip()} names a home folder that is not known") from None


def export(conversation: Conversation, path: Path) -> None:
    """Writes ``conversation`` into a new file for its owner alone (0600): JSON where its name ends so, else Markdown.

    Raises:
        NotExported: it exists already, or cannot be written.
    """
    text = as_json(conversation) if path.suffix.lower() == ".json" else as_markdown(conversation)
    try:
        if path.exists():
            raise NotExported(f"{path} exists already; name another file")
        private_folder(path.parent)
        replace_file(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise NotExported(f"{path} cannot be written: {reason_of(error)}") from None


def as_markdown(conversation: Conversation) -> str:
    """One heading for each prompt and each answer, which stand as they are."""
    parts = [f"# {conversation.name}", f"*{_when(conversation.begun_at)}*"]
    system = ""
    for turn in conversation.turns:
        if turn.system != system:
            system = turn.system
            parts += ["## System", system or "*none*"]
        parts += ["## You", NOT_KEPT if turn.prompt is None else turn.prompt.strip()]
        answer = NOT_KEPT if turn.answer is None else turn.answer.strip()
        parts += [f"## {turn.model} ({turn.where}, {_when(turn.at)})", answer]
    return "\n\n".join(parts) + "\n"


def as_json(conversation: Conversation) -> str:
    return json.dumps(conversation_json(conversation), ensure_ascii=False, indent=2) + "\n"


def conversation_json(conversation: Conversation) -> dict[str, object]:
    """One document; times are RFC 3339, what was not kept is null."""
    return {
        "schema": 1,
        "id": conversation.number,
        "title": conversation.name,
        "begun_at": _timestamp(conversation.begun_at),
        "changed_at": _timestamp(conversation.changed_at),
        "branch_of": conversation.branch_of,
        "turns": [_turn_json(turn) for turn in conversation.turns],
    }


def listing_json(listing: Listing) -> dict[str, object]:
    """``conversations --json``. ``found`` may be more than are listed."""
    return {
        "schema": 1,
        "found": listing.found,
        "conversations": [
            {
                "id": one.number,
                "title": one.name,
                "model": one.model,
                "turns": one.turns,
                "begun_at": _timestamp(one.begun_at),
                "changed_at": _timestamp(one.changed_at),
                "branch_of": one.branch_of,
            }
            for one in listing.conversations
        ],
    }


def _turn_json(turn: Turn) -> dict[str, object]:
    return {
        "at": _timestamp(turn.at),
        "asked": {turn.asked_kind: turn.asked_name},
        "model": turn.model,
        "where": turn.where,
        "served_by": turn.served_by,
        "private": turn.private,
        "system": turn.system,
        "prompt": turn.prompt,
        "answer": turn.answer,
        "usage": {"output": turn.output_tokens},
        "tokens_per_second": turn.tokens_per_second,
    }


def _when(at: float) -> str:
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M}"


def _timestamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
