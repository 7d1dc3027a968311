"""Asks the ledger for conversations and has it change them, in threads; what comes of it is posted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.message import Message
from textual.message_pump import MessagePump

from tui.config.paths import path_words
from tui.fleet.printable import printable
from tui.ledger.conversations import Conversations, Listing, NoSuchConversation, conversations_now
from tui.ledger.file import LedgerError
from tui.ledger.records import Conversation
from tui.ledger.transcript import NotExported, export, export_path


class ConversationsListed(Message):
    """What a search has found. One that nobody has looked at yet gives way to a later one."""

    def __init__(self, listing: Listing) -> None:
        super().__init__()
        self.listing = listing

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, ConversationsListed)


class ConversationOpened(Message):
    """A conversation, with all its turns."""

    def __init__(self, conversation: Conversation) -> None:
        super().__init__()
        self.conversation = conversation


class DeletionAsked(Message):
    """What a deletion would leave: how many of the turns are in another conversation as well."""

    def __init__(self, number: int, elsewhere: int) -> None:
        super().__init__()
        self.number = number
        self.elsewhere = elsewhere


class ConversationChanged(Message):
    """Something was done to a conversation. ``deleted`` is its number where it is no more."""

    def __init__(self, text: str, deleted: int | None = None) -> None:
        super().__init__()
        self.text = text
        self.deleted = deleted


class KeepingFailed(Message):
    """The ledger or a file could not be used; the text says which and why."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


async def list_conversations(target: MessagePump, words: str) -> None:
    await _post(target, lambda: ConversationsListed(conversations_now(words)))


async def open_conversation(target: MessagePump, number: int) -> None:
    def opened() -> Message:
        with Conversations() as kept:
            return ConversationOpened(kept.opened(number))

    await _post(target, opened)


async def rename_conversation(target: MessagePump, number: int, title: str) -> None:
    def renamed() -> Message:
        with Conversations() as kept:
            kept.rename(number, title)
            return ConversationChanged(f"it is called {printable(kept.opened(number).name, 60)} now")

    await _post(target, renamed)


async def look_before_deleting(target: MessagePump, number: int) -> None:
    def looked() -> Message:
        with Conversations() as kept:
            return DeletionAsked(number, kept.turns_elsewhere(number))

    await _post(target, looked)


async def delete_conversation(target: MessagePump, number: int) -> None:
    def deleted() -> Message:
        with Conversations() as kept:
            traceless = kept.delete(number)
        traces = "" if traceless else "; traces stay on the disk until another fleetdeck that reads the ledger ends"
        return ConversationChanged(f"the conversation and its text are deleted{traces}", number)

    await _post(target, deleted)


async def export_conversation(target: MessagePump, number: int, name: str) -> None:
    def exported() -> Message:
        path = export_path(name)
        with Conversations() as kept:
            export(kept.opened(number), path)
        return ConversationChanged(f"exported to {path_words(path)}")

    await _post(target, exported)


async def _post(target: MessagePump, ask: Callable[[], Message]) -> None:
    try:
        message = await asyncio.to_thread(ask)
    except (LedgerError, NoSuchConversation, NotExported) as error:
        message = KeepingFailed(str(error))
    target.post_message(message)
