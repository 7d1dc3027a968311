"""All that is known of a service, or of one of its models, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from tui.app.panel_state import PanelState
from tui.app.screens.dialogs import TextScreen
from tui.app.widgets.problems_line import problems_text
from tui.control.fitting import will_it_fit
from tui.fleet.printable import printable
from tui.fleet.snapshot import Freshness, ModelSnapshot, RawAnswer, ServiceSnapshot
from tui.fleet.wording import (
    MODEL_SYMBOLS,
    NOT_KNOWN,
    SERVICE_SYMBOLS,
    age_words,
    duration_words,
    latency_words,
    models_words,
    processor_words,
    size_words,
    time_words,
    until_words,
    version_words,
)
from tui.routing.locality import locality

if TYPE_CHECKING:
    from tui.ledger.probes import Probed

LABEL_WIDTH = 14


class DetailsScreen(TextScreen):
    """Raw facts, the last error, where each comes from and how old it is; kept up to date while it is open."""

    def __init__(self, state: PanelState, service: str, model: str | None) -> None:
        self._service = service
        self._model = model
        name = service if model is None else f"{service}/{model}"
        super().__init__(printable(name, 80), details_of(state, service, model))

    def show_state(self, state: PanelState) -> None:
        self.show_content(details_of(state, self._service, self._model))


class ProblemsScreen(TextScreen):
    """Every problem, with since when."""

    def __init__(self, state: PanelState) -> None:
        super().__init__("Problems", Content(problems_text(state.problems, state.now)))

    def show_state(self, state: PanelState) -> None:
        self.show_content(Content(problems_text(state.problems, state.now)))


def details_of(state: PanelState, service_name: str, model_name: str | None) -> Content:
    """The text of the details."""
    snapshot = state.snapshot
    service = snapshot.service(service_name) if snapshot is not None else None
    if snapshot is None or service is None:
        return Content(f"{printable(service_name, 60)} is no longer part of the configuration.")
    lines: list[Content] = []
    if model_name is not None:
        model = service.model(model_name)
        if model is None:
            return Content(f"{service_name} no longer lists {printable(model_name, 80)}.")
        place = locality(f"{service_name}/{model_name}", state.config, snapshot)
        lines += [fact_line(label, text) for label, text in _model_facts(service, model, state.now)]
        lines.append(fact_line("where", f"{place.where}: {place.reason}"))
        fit = will_it_fit(snapshot, f"{service_name}/{model_name}", state.taken)
        lines.append(fact_line("will it fit", fit.words))
        if (cost := state.split_costs.get(f"{service_name}/{model_name}")) is not None:
            lines.append(fact_line("split", cost))
        if (probed := state.probes.get(f"{service_name}/{model_name}")) is not None:
            lines += [fact_line(label, text) for label, text in _probe_facts(probed, state.now)]
        lines.append(Content(""))
    lines += [fact_line(label, text) for label, text in _service_facts(service, state.now)]
    for answer in service.answers:
        lines += [Content(""), _heading(answer, state.now), Content(answer.text or "(empty)")]
    return Content("\n").join(lines)


def _service_facts(service: ServiceSnapshot, now: float) -> Iterator[tuple[str, str]]:
    freshness = service.seen.freshness(now)
    stale = " (stale: nobody has looked for three periods)" if freshness is Freshness.STALE else ""
    lasted = f" for {duration_words(now - service.since)}" if service.since is not None else ""
    reason = f": {service.reason}" if service.reason else ""
    yield "service", f"{service.name} ({service.kind})"
    yield "state", f"{SERVICE_SYMBOLS[service.state]} {service.state}{lasted}{reason}{stale}"
    yield "url", service.url
    yield "machine", service.machine or "none of yours"
    yield "version", version_words(service.version)
    yield "answers in", latency_words(service.latency)
    yield "seen", f"{age_words(service.seen.age(now))}, every {duration_words(service.seen.period)}"
    if service.models:
        yield "models", f"{models_words(service)}, seen {age_words(service.models_seen.age(now))}"
    if service.in_flight is not None:
        yield "in flight", str(service.in_flight)
    for remark in service.remarks:
        yield "note", remark
    if service.fault is not None:
        yield "last error", f"{service.fault.text} ({time_words(service.fault.at)})"


def _model_facts(service: ServiceSnapshot, model: ModelSnapshot, now: float) -> Iterator[tuple[str, str]]:
    reason = f": {model.reason}" if model.reason else ""
    yield "model", service.model_id(model)
    yield "state", f"{MODEL_SYMBOLS[model.state]} {model.state}{reason}"
    yield "role", str(model.role)
    yield "about", model.about or NOT_KNOWN
    yield "memory", f"{size_words(model.size)}, of which on GPU {size_words(model.vram)} {processor_words(model)}"
    yield "unloaded", until_words(model, now) or NOT_KNOWN
    yield "context", f"{model.context} tokens" if model.context else NOT_KNOWN
    if model.targets:
        yield "may reach", ", ".join(model.targets)
    for deployment in model.deployments or ():
        yield "deployment", f"{deployment.model} at {deployment.api_base or 'its provider'}"


def _probe_facts(probed: Probed, now: float) -> Iterator[tuple[str, str]]:
    yield "for agents", f"{probed.words} (probed {age_words(max(0.0, now - probed.at))})"
    if not probed.calls_tools:
        yield "no tools", probed.tools_words
    if not probed.writes_code:
        yield "no code", probed.code_words


def fact_line(label: str, text: str) -> Content:
    return Content.assemble((f"{label:<{LABEL_WIDTH}}", "$foreground 60%"), printable(text))


def _heading(answer: RawAnswer, now: float) -> Content:
    status = "no answer" if answer.status is None else str(answer.status)
    return Content.assemble(
        (f"── {printable(answer.request, 80)} ", "$primary"),
        (f"→ {status}, {age_words(max(0.0, now - answer.at))}", "$foreground 60%"),
    )
