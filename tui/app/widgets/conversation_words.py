"""What of a conversation goes along with the next prompt, in words for the row below it."""

from __future__ import annotations

from tui.app.widgets.status_row import Words
from tui.chat.conversation import OpenConversation
from tui.config.schema import Config


def conversation_words(conversation: OpenConversation, written_anew: int | None, stays_home: str) -> tuple[Words, ...]:
    """``conversation`` is what the next prompt follows; ``written_anew`` the place of the turn that it replaces."""
    carried = len(conversation.carried)
    left_out = sum(one.left_out for one in conversation.turns)
    not_kept = len(conversation.turns) - carried - left_out
    words = [Words(" ", "dim")]
    if written_anew is not None:
        words.append(Words(f"turn {written_anew + 1} anew, as a branch · ", "on"))
    if conversation.is_private:
        words += [Words("■ private", "on"), Words(" since a turn was: stays on your own machines · ", "dim")]
    elif stays_home:
        words += [Words("■ at home", "on"), Words(" so far, and kept for that reason: stays there · ", "dim")]
    words.append(
        Words(f"{carried or 'no'} turn{'' if carried == 1 else 's'} go{'es' if carried == 1 else ''} along", "dim")
    )
    if left_out:
        words.append(Words(f" · {left_out} left out", "dim"))
    if not_kept:
        words.append(Words(f" · {not_kept} without text", "dim"))
    return tuple(words)


def program_words(conversation: OpenConversation, model: str, config: Config) -> str:
    """How the turns reach ``model``, where that is not as turns; empty: as such, or there are none."""
    if conversation.carried and model.partition("/")[0] in config.clis:
        return "A program takes one text: the earlier turns stand before the prompt, each by its role."
    return ""


def way_out_words(conversation: OpenConversation, written_anew: int | None, stays_home: str) -> tuple[Words, ...]:
    """What can be done about it; a click does it."""
    if written_anew is not None:
        return (Words("esc: not anew ", "dim", "screen.stop"),)
    if conversation.is_private or stays_home:
        return (Words("w leaves it out ", "accent", "screen.leave_out"),)
    if any(one.left_out for one in conversation.turns):
        return (Words("w takes it back ", "dim", "screen.leave_out"),)
    return (Words("n begins a new one ", "dim", "screen.begin_anew"),)
