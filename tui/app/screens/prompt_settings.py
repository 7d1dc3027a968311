"""How answers are to be made: what the model is told first, how freely, how long, and whether it thinks before."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, RadioButton, RadioSet, Static, TextArea

from tui.app.answer_settings import AnswerSettings

HOTTEST = 2.0
"""The highest temperature that OpenAI's API takes; others take no more."""
MOST_TOKENS = 1_000_000
THINKING: tuple[tuple[str, bool | None], ...] = (("as it likes", None), ("on", True), ("off", False))


class Option(RadioButton):
    """One of several; that it is the chosen one shows without colours too."""

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]  # noqa: N802  (Textual's own name for it)
        return "●" if self.value else "○"


class PromptSettingsScreen(ModalScreen[AnswerSettings | None]):
    """Ends with the settings; None: nothing is to change."""

    CSS_PATH = "playground.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "keep", "Keep", id="settings.keep", priority=True),
        Binding("escape", "leave", "Leave", id="settings.leave"),
    ]

    def __init__(self, settings: AnswerSettings) -> None:
        super().__init__()
        self._settings = settings

    def compose(self) -> ComposeResult:
        settings = self._settings
        with Vertical(id="settings") as box:
            box.border_title = "how to answer"
            yield Static("System prompt: what every model is told first", classes="label")
            yield TextArea(settings.system, id="system", soft_wrap=True, tab_behavior="focus", compact=True)
            with Horizontal(classes="row"):
                yield Static("Temperature", classes="label short")
                shown = "" if settings.temperature is None else f"{settings.temperature:g}"
                yield Input(shown, placeholder="the server's own", id="temperature", compact=True)
            with Horizontal(classes="row"):
                yield Static("Longest answer", classes="label short")
                shown = "" if settings.max_tokens is None else str(settings.max_tokens)
                yield Input(shown, placeholder="tokens; as many as it likes", id="max-tokens", compact=True)
            with Horizontal(classes="row"):
                yield Static("Thinking", classes="label short")
                with RadioSet(id="thinking", compact=True):
                    for words, value in THINKING:
                        yield Option(words, value=value == settings.thinking)
            yield Static(
                "Thinking is told to llama-swap, llama-server, vLLM, Ollama and Anthropic; others have no word for it.",
                classes="hint",
            )
            yield Static(id="problem")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.query_one("#system").focus()

    @on(Input.Submitted)
    def action_keep(self) -> None:
        temperature, problem = _number(self.query_one("#temperature", Input).value, HOTTEST, "temperature")
        tokens, other = _number(self.query_one("#max-tokens", Input).value, MOST_TOKENS, "longest answer")
        if not problem and tokens is not None and (tokens < 1 or tokens != int(tokens)):
            other = "the longest answer is a whole number of tokens, 1 at least"
        if problem or other:
            self.query_one("#problem", Static).update(Content(problem or other))
            return
        pressed = self.query_one("#thinking", RadioSet).pressed_index
        settings = AnswerSettings(
            system=self.query_one("#system", TextArea).text.strip(),
            temperature=temperature,
            max_tokens=None if tokens is None else int(tokens),
            thinking=THINKING[pressed][1] if pressed >= 0 else None,
        )
        if self.is_current:
            self.dismiss(settings)

    def action_leave(self) -> None:
        if self.is_current:
            self.dismiss(None)


def _number(text: str, most: float, name: str) -> tuple[float | None, str]:
    """The number that was typed (None: nothing was), and what is wrong with it."""
    if not text.strip():
        return None, ""
    try:
        value = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text.replace(" ", ""))
    except ValueError:
        return None, f"the {name} is a number, or nothing at all"
    if not 0 <= value <= most:
        return None, f"the {name} is between 0 and {most:,.0f}"
    return value, ""
