"""What a prompt is together with all that goes along with it: system prompt, earlier turns, files."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tui.app.answer_settings import AnswerSettings
from tui.chat.attachments import WrittenPrompt
from tui.chat.conversation import OpenConversation
from tui.chat.prompt import Prompt
from tui.routing.size import TOKENS_OF_IMAGE, tokens_at_most


@dataclass(frozen=True, slots=True)
class PromptInContext:
    """One prompt, whoever is asked."""

    prompt: Prompt
    said: str
    """All that the model is told, as the ledger and the guards take it: earlier turns included."""
    tokens: int
    """At most, the images included."""
    images: int

    @classmethod
    def of(cls, written: WrittenPrompt, settings: AnswerSettings, conversation: OpenConversation) -> PromptInContext:
        earlier = conversation.messages
        images = sum(len(message.images) for message in earlier)
        tokens = sum(tokens_at_most(message.text) for message in earlier) + images * TOKENS_OF_IMAGE
        first = Prompt.of(written.text, system=settings.system, max_tokens=settings.max_tokens, images=written.images)
        return cls(
            prompt=replace(
                first,
                messages=(*earlier, *first.messages),
                temperature=settings.temperature,
                thinking=settings.thinking,
            ),
            said="\n\n".join((*(message.text for message in earlier), written.said(settings.system))),
            tokens=tokens + written.tokens_at_most(settings.system),
            images=images + len(written.images),
        )
