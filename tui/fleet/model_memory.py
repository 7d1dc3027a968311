"""What one model holds of GPUs."""

from __future__ import annotations

from tui.fleet.snapshot import FleetSnapshot, ModelRole, ModelState


def memory_held(snapshot: FleetSnapshot, model_id: str) -> int | None:
    """Bytes on GPUs that a model holds; 0 where it is known not to be loaded, None where that is not known.

    An alias holds what the model behind it does. What LiteLLM or a cloud passes on to is not looked into.
    """
    found = snapshot.find_model(model_id)
    if found is None:
        return None
    service, model = found
    if model.role is ModelRole.ALIAS and model.targets:
        model = service.model(model.targets[0]) or model
    if model.role is not ModelRole.MODEL or model.remote is not None:
        return None
    return 0 if model.state is ModelState.IDLE else model.vram
