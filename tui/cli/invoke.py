"""``fleetdeck invoke`` and ``delegate``: send a prompt where its plan says, and print the answer as it comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from tui.chat.attachments import WrittenPrompt
from tui.chat.dispatch import NotPrivate
from tui.chat.prompt import Prompt
from tui.chat.reply import Failed, FailureKind, Finished, ReplyEvent
from tui.chat.sending import Outgoing, Sender
from tui.cli.answer_notes import AnswerNotes, failure_words
from tui.cli.answers import AnswerWriter, DocumentWriter, EventWriter, TextWriter, print_document, print_line
from tui.cli.completing import complete_tiers
from tui.cli.document import SCHEMA, Json, modes_document
from tui.cli.looking import config_or_discovered, modes_of
from tui.cli.main import EXIT_EMPTY_PLAN, EXIT_FAILED, Invocation
from tui.cli.prompt_input import read_prompt
from tui.cli.request_options import CONDITIONS, PROMPT, TARGETS, WRITING, with_options
from tui.cli.route import EXITS, asked_document, skipped_document
from tui.cli.until_signal import until_signal
from tui.routing.decide import Decision, decide
from tui.routing.plan import Failure
from tui.routing.policy import Request

FACE = "cli"
Form = Literal["text", "json", "events"]

ANSWER = (
    *WRITING,
    click.option("--timeout", type=click.FloatRange(min=0.001), metavar="SECONDS", help="For the whole answer."),
    click.option("--json", "form", flag_value="json", help="One JSON document at the end."),
    click.option("--events", "form", flag_value="events", help="One JSON object a line, as things happen."),
    click.option("-q", "--quiet", is_flag=True, help="No notes on stderr but errors."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What was said on the command line."""

    tier: str | None = None
    task: str | None = None
    model: str | None = None
    private: bool
    external: bool
    fallback: bool = False
    allow_secrets: bool
    option_prompt: str | None
    prompt: str | None
    system: str
    files: tuple[Path, ...]
    timeout: float | None
    form: Form | None
    quiet: bool
    banner: bool = False
    """Whether a line before the answer names who gives it, while external mode is on."""

    def request(self, written: WrittenPrompt) -> Request:
        """What the plan is made for."""
        return Request(
            tier=self.tier,
            task=self.task,
            model=self.model,
            private=self.private,
            external=self.external,
            fallback=self.fallback,
            allow_secrets=self.allow_secrets,
            prompt_tokens=written.tokens_at_most(self.system),
            images=len(written.images),
        )

    def note(self, words: str) -> None:
        """Tells the person something beside the answer."""
        if not self.quiet:
            click.echo(f"fleetdeck: {words}", err=True)


class PromptCommand(click.Command):
    """Says what to do where a prompt was taken for an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            words = error.format_message().rstrip(".")
            raise click.UsageError(f'{words}; a prompt that begins with "-" goes behind -p or --', ctx) from None


@click.command(cls=PromptCommand)
@with_options(TARGETS, PROMPT, CONDITIONS, ANSWER)
@click.pass_obj
def invoke(invocation: Invocation, /, **said: Any) -> int:
    """Send PROMPT where `fleetdeck route` says, and print the answer as it comes.

    Standard input, where something is piped into it, goes behind PROMPT and a blank line; without a PROMPT it is the
    prompt. A PROMPT of "-" waits for it however long it takes.
    """
    return _run(invocation, Call(**said))


@click.command(cls=PromptCommand)
@click.option(
    "-t", "--tier", required=True, metavar="TIER", shell_complete=complete_tiers, help="opus, sonnet or haiku."
)
@with_options(PROMPT, CONDITIONS, ANSWER)
@click.option("--banner/--no-banner", default=True, help="The line that names the model while external mode is on.")
@click.pass_obj
def delegate(invocation: Invocation, /, **said: Any) -> int:
    """What an agent calls: PROMPT to a tier, with a line that names the model while external mode is on."""
    return _run(invocation, Call(**said))


def _run(invocation: Invocation, call: Call) -> int:
    written = read_prompt(call.prompt, call.option_prompt, call.files, call.note)
    return asyncio.run(until_signal(_invoke(invocation, call, written)))


async def _invoke(invocation: Invocation, call: Call, written: WrittenPrompt) -> int:
    config = await config_or_discovered(invocation)
    # All that the models get to see decides where it may go, not the last part of it alone.
    said = written.said(call.system)
    request = call.request(written)
    decision = await decide(request, said, config, modes_of(config))
    for remark in (*decision.modes.problems, decision.remark):
        if remark:
            call.note(remark)
    if (failure := decision.plan.failure) is not None:
        _print_refusal(call, request, decision, failure)
        return EXITS[failure]
    prompt = Prompt.of(written.text, system=call.system, images=written.images)
    outgoing = Outgoing(request=request, decision=decision, prompt=prompt, said=said)
    writer = _writer(call, request, decision)
    async with Sender(config, FACE) as sender:
        try:
            async with contextlib.aclosing(sender.send(outgoing, timeout=call.timeout)) as events:
                code = await _print_answer(events, writer, AnswerNotes(call.note, decision))
        except NotPrivate as refused:
            writer.take(Failed(error=str(refused), kind=FailureKind.REFUSED))
            click.echo(f"fleetdeck: {refused}", err=True)
            code = EXIT_EMPTY_PLAN
        if sender.problem:
            call.note(f"this is not remembered: {sender.problem}")
    return code


async def _print_answer(events: AsyncGenerator[ReplyEvent, None], writer: AnswerWriter, notes: AnswerNotes) -> int:
    last: ReplyEvent | None = None
    try:
        async for last in events:
            # Before what is read, so that a person knows whose words they are; but the outcome stands behind them.
            over = isinstance(last, Finished | Failed)
            if not over:
                notes.take(last)
            writer.take(last)
            if over:
                notes.take(last)
    except asyncio.CancelledError:
        if not isinstance(last, Finished | Failed):
            writer.take(Failed(error="it was interrupted", kind=FailureKind.INTERRUPTED, partial=writer.begun))
        raise
    if isinstance(last, Failed):
        click.echo(f"fleetdeck: {failure_words(last)}", err=True)
    return 0 if isinstance(last, Finished) else EXIT_FAILED


def _writer(call: Call, request: Request, decision: Decision) -> AnswerWriter:
    match call.form:
        case "json":
            return DocumentWriter(_about(request, decision))
        case "events":
            return EventWriter(_about(request, decision))
        case _:
            return TextWriter(call.banner and (call.external or decision.modes.external.enabled))


def _about(request: Request, decision: Decision) -> Json:
    return {
        "asked": asked_document(request, decision.plan),
        "modes": modes_document(decision.modes),
        "private": decision.plan.private or None,
    }


def _print_refusal(call: Call, request: Request, decision: Decision, failure: Failure) -> None:
    """Says why nobody is asked."""
    refusal: Json = {
        **_about(request, decision),
        "model": None,
        "error": decision.plan.error,
        "kind": failure.name.lower(),
        "skipped": skipped_document(decision.plan),
    }
    match call.form:
        case "json":
            print_document({"schema": SCHEMA, **refusal, "response": "", "reasoning": ""})
        case "events":
            print_line({"event": "failed", "schema": SCHEMA, **refusal})
    click.echo(f"fleetdeck: {decision.plan.error}", err=True)
