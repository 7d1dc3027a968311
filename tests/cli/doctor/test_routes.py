"""Routes that lead nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.cli.doctor.patient import Patient
from tui.config.paths import modes_file
from tui.demo.fleet import DemoFleet
from tui.routing.mode_files import Flip, flip_private


@pytest.fixture
async def swap() -> AsyncIterator[str]:
    """A table of a llama-swap that is up."""
    async with DemoFleet(services=["llama-swap"]) as fleet:
        yield f'[services.llama-swap]\nkind = "llama-swap"\nurl = "{fleet.llama_swap.url}"\n'


async def test_a_model_that_its_service_does_not_list(patient: Patient, swap: str) -> None:
    told = await patient.diagnosis_of(
        f'{swap}[tasks]\ndefault = ["llama-swap/qwen33", "llama-swap/gemma"]\n'
        '[tiers]\nopus = { external = "llama-swap/gemma", fallback = ["llama-swap/qwen33"] }\n'
    )
    told.names("routes", "llama-swap/qwen33", cause="lists no model", fix='did you mean "llama-swap/qwen3"?')
    assert "tasks.default, tiers.opus" in str(told.wrong)


async def test_a_model_that_a_program_does_not_list(patient: Patient) -> None:
    patient.programs.add("opencode", out="github-copilot/gpt-5.2\n")
    told = await patient.diagnosis_of(
        '[clis.copilot]\nkind = "opencode"\nprovider = "github-copilot"\n'
        '[tasks]\ndefault = ["copilot/gpt-5.2", "copilot/gpt-5.3"]\n'
    )
    told.names("routes", "copilot/gpt-5.3", cause="lists no model", fix='did you mean "copilot/gpt-5.2"?')


async def test_tasks_with_no_live_candidate_are_told_together(patient: Patient) -> None:
    told = await patient.diagnosis_of(
        '[services.ollama]\nkind = "ollama"\nurl = "http://127.0.0.1:9"\n'
        '[tasks]\ndefault = ["ollama/qwen3"]\nquick = ["ollama/qwen3"]\n'
    )
    told.names("routes", "task default, task quick", cause="ollama is down", fix="mend what stands above")


async def test_many_reasons_hide_nothing_that_stands_above(patient: Patient) -> None:
    services = "".join(f'[services.s{n}]\nkind = "ollama"\nurl = "http://127.0.0.1:9"\n' for n in range(4))
    tasks = "".join(f't{n} = ["s{n}/x"]\n' for n in range(4))
    told = await patient.diagnosis_of(f"{services}[tasks]\n{tasks}")
    told.names("routes", "task t0, task t1, task t2, task t3", cause="`fleetdeck route` says why", fix="stands above")


async def test_what_a_mode_holds_back_is_no_fault_of_the_set_up(patient: Patient, swap: str) -> None:
    patient.programs.add("claude", out='{"loggedIn": true}')
    flip_private(modes_file(), Flip.ON, None)
    told = await patient.diagnosis_of(
        f'{swap}[clis.claude]\nkind = "claude"\n[tasks]\ndefault = ["llama-swap/gemma"]\nfar = ["claude/opus"]\n'
    )
    told.names("routes", "task far", cause="while private mode is on", fix="what you want", severity="warning")


async def test_a_task_whose_only_program_is_not_logged_in(patient: Patient) -> None:
    patient.programs.add("claude", out='{"loggedIn": false}', exit_code=1)
    told = await patient.diagnosis_of('[clis.claude]\nkind = "claude"\n[tasks]\ndefault = ["claude/opus"]\n')
    told.names("routes", "task default", cause="claude is installed, and not logged in", fix="one more")


async def test_a_private_task_with_models_elsewhere(patient: Patient, swap: str) -> None:
    told = await patient.diagnosis_of(
        '[services.far]\nkind = "openai"\nurl = "http://127.0.0.1:9/v1"\n[models."far/gpt"]\nwhere = "cloud"\n'
        '[tasks]\ndefault = ["far/gpt"]\nsecret = { models = ["far/gpt"], private = true }\n'
    )
    told.names("routes", "task secret", cause="the task secret is private", fix="name one more")


async def test_a_tier_for_which_external_mode_leaves_nobody(patient: Patient) -> None:
    patient.programs.add("claude", out='{"loggedIn": true}')
    told = await patient.diagnosis_of('[clis.claude]\nkind = "claude"\n[tiers]\nopus = {}\n')
    told.names("routes", "tier opus", cause="external mode is on", fix="tiers.opus", severity="warning")


async def test_no_task_for_a_prompt_that_names_nothing(patient: Patient, swap: str) -> None:
    told = await patient.diagnosis_of(f'{swap}[tasks]\nquick = ["llama-swap/gemma"]\n')
    told.names("routes", "task default", cause="there is no task default", fix="default = [", severity="warning")


async def test_a_server_that_answers_no_prompts(patient: Patient, swap: str) -> None:
    told = await patient.diagnosis_of(
        f'{swap}[services.qdrant]\nkind = "qdrant"\nurl = "http://127.0.0.1:9"\n'
        '[tasks]\ndefault = ["qdrant/x", "llama-swap/gemma"]\n'
    )
    told.names("routes", "qdrant/x", cause="answers no prompts", fix="name another model")
