"""Has a finished block of code coloured in a thread, and tells when it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from textual.message import Message
from textual.message_pump import MessagePump

from tui.app.widgets.answer_rows import AnswerRows, CodeBlock
from tui.app.widgets.code_colours import colours_of
from tui.app.widgets.markdown_inline import Span


class BlockColoured(Message):
    """The words of a block are known; they are for ``rows``, which may have been replaced meanwhile."""

    def __init__(self, rows: AnswerRows, block: CodeBlock, colours: Sequence[Sequence[Span]]) -> None:
        super().__init__()
        self.rows = rows
        self.block = block
        self.colours = colours


async def colour_block(target: MessagePump, rows: AnswerRows, block: CodeBlock) -> None:
    colours = await asyncio.to_thread(colours_of, block.language, rows.code_lines(block))
    target.post_message(BlockColoured(rows, block, colours))
