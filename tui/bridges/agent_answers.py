"""Answers for agents: each question is planned, guarded, sent and remembered like any other prompt."""

from __future__ import annotations

import contextlib

from tui.bridges.agent_wire import Answer, NoAnswer, Question
from tui.chat.dispatch import NotPrivate
from tui.chat.gathered import Gathered
from tui.chat.prompt import Message, Prompt
from tui.chat.reply import Finished
from tui.chat.sending import Outgoing, Sender
from tui.config.paths import modes_file
from tui.config.schema import Config
from tui.fleet.printable import printable
from tui.routing.decide import Decision, decide
from tui.routing.modes import read_modes
from tui.routing.policy import Request
from tui.routing.size import tokens_at_most

FACE = "agents"
LONGEST_ANSWER = 600.0
"""Seconds for one answer, its model's loading included."""
MOST_TOKENS = 4096
"""Of one answer: a step is a few lines of code, and some small models never stop by themselves."""


class AgentAnswers:
    """Asks the models of one configuration. Modes are read anew for every question."""

    def __init__(self, config: Config, *, private: bool = False, allow_secrets: bool = False) -> None:
        """``private``: only models on the person's own machines are asked."""
        self._config = config
        self._private = private
        self._allow_secrets = allow_secrets
        self._sender = Sender(config, FACE)

    @property
    def problem(self) -> str:
        """Why not everything could be remembered; empty: all was."""
        return self._sender.problem

    async def close(self) -> None:
        await self._sender.__aexit__(None, None, None)

    async def plan(self, model: str, said: str = "") -> Decision:
        """Where a question to this model would go."""
        modes = read_modes(self._config.panel.external_mode_path, modes_file())
        return await decide(self._request(model, said), said, self._config, modes)

    async def answer(self, question: Question) -> Answer | NoAnswer:
        """What the model says to it, or why it says nothing."""
        prompt = prompt_of(question)
        said = prompt.as_text()
        decision = await self.plan(question.model, said)
        # What was once told at home stays there, also where private mode ends while the agents are at work.
        self._private = self._private or bool(decision.plan.private)
        if not decision.plan.candidates:
            return NoAnswer(decision.plan.error)
        outgoing = Outgoing(request=self._request(question.model, said), decision=decision, prompt=prompt, said=said)
        gathered = Gathered()
        try:
            async with contextlib.aclosing(self._sender.send(outgoing, timeout=LONGEST_ANSWER)) as events:
                async for event in events:
                    gathered.take(event)
        except NotPrivate as refused:
            return NoAnswer(str(refused))
        end = gathered.end
        if isinstance(end, Finished):
            return Answer(gathered.text, end.usage.input, end.usage.output)
        return NoAnswer(f"{printable(question.model, 80)}: {end.error if end is not None else 'it was interrupted'}")

    def _request(self, model: str, said: str) -> Request:
        return Request(
            model=model,
            private=self._private,
            allow_secrets=self._allow_secrets,
            prompt_tokens=tokens_at_most(said) if said else 0,
        )


def prompt_of(question: Question) -> Prompt:
    """The question as every backend takes it; several system turns are one."""
    return Prompt(
        tuple(Message(turn.role, turn.text) for turn in question.turns if turn.role != "system"),
        "\n\n".join(turn.text for turn in question.turns if turn.role == "system"),
        MOST_TOKENS,
    )
