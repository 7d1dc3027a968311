"""Claude Code's agents and its quota, as the panel follows and changes them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

from textual.message import Message
from textual.message_pump import MessagePump

from tui.app.messages import ActionEnded, QuotaRead
from tui.bridges.claude_agents import Agent, AgentModel, agents_here, change_model
from tui.bridges.claude_quota import quota_file, read_quota
from tui.config.errors import ConfigChanged, ConfigError
from tui.config.watch import watch_files
from tui.fleet.printable import printable
from tui.routing.claude_files import settings_folders

WHILE_SHOWN = 0.3
"""Seconds between looks at the agents' files, which somebody is looking at."""
SELDOM = 1.0
"""Seconds between looks at the quota, which is looked at all the time: each look wakes the process."""


class AgentsRead(Message):
    """Claude Code's agents, as their files are now."""

    def __init__(self, agents: tuple[Agent, ...]) -> None:
        super().__init__()
        self.agents = agents


async def follow_agents(target: MessagePump) -> None:
    """Posts the agents now, and after each change of their files or of the folders that they are in."""
    agents: tuple[Agent, ...] = ()
    while True:
        watched = set(_folders(agents))
        changes = watch_files(watched, period=WHILE_SHOWN)
        try:
            agents = await asyncio.to_thread(agents_here, os.environ, Path.home(), Path.cwd())
            target.post_message(AgentsRead(agents))
            # In a folder that nobody watched while it was read something may have changed since.
            if watched >= set(_folders(agents)):
                await anext(changes)
        finally:
            await changes.aclose()


async def follow_quota(target: MessagePump) -> None:
    """Posts what is used of Claude's subscription, now and whenever a status line was told of more."""
    file = quota_file()
    changes = watch_files((file,), period=SELDOM)
    target.post_message(QuotaRead(read_quota(file)))
    async for _ in changes:
        target.post_message(QuotaRead(read_quota(file)))


async def set_model(agent: Agent, model: AgentModel) -> ActionEnded:
    """Has an agent run on a model."""
    name = printable(agent.name or agent.path.stem, 60)
    try:
        edit = change_model(agent.path, model)
        await asyncio.to_thread(edit.save)
    except (ConfigError, ConfigChanged) as error:
        return ActionEnded(str(error), failed=True)
    if edit.before == edit.after:
        return ActionEnded(f"{name} runs on {model} already")
    return ActionEnded(f"{name} runs on {model}; before, {printable(agent.model, 40) or 'on the default'}")


def _folders(agents: tuple[Agent, ...]) -> Iterator[Path]:
    """The folders in which an agent may appear."""
    for folder in settings_folders(os.environ, Path.home(), Path.cwd()):
        # Its folder may be made while we look.
        yield folder
        yield folder / "agents"
    yield from (agent.path.parent for agent in agents)
