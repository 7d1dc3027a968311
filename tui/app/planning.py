"""The plans that screens show before anything is sent, made of all that the panel knows."""

from __future__ import annotations

from tui.app.panel_state import PanelState
from tui.fleet.snapshot import FleetSnapshot
from tui.routing.plan import Plan, plan
from tui.routing.policy import Request


def plan_now(request: Request, state: PanelState) -> Plan:
    """Where ``request`` would go as things stand."""
    snapshot = state.snapshot or FleetSnapshot(at=state.now)
    return plan(request, state.config, snapshot, state.modes, state.usage, state.findings, state.now)


def plan_substance(state: PanelState) -> tuple[object, ...]:
    """What plans depend on: where none of it differs, no plan does."""
    services = state.snapshot.services if state.snapshot is not None else ()
    machines = state.snapshot.machines if state.snapshot is not None else ()
    return (
        state.snapshot.substance if state.snapshot is not None else None,
        state.config,
        state.modes,
        state.usage,
        state.findings,
        # What time alone changes: looks grow old, and refusals run out, in whole seconds.
        *((one.seen.freshness(state.now), one.models_seen.freshness(state.now)) for one in services),
        *(machine.seen.freshness(state.now) for machine in machines),
        *(max(0, round(refusal.until - state.now)) for refusal in state.usage.refusals.values()),
    )
