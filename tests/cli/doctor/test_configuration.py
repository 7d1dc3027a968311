"""Configurations and files that are broken on purpose."""

from __future__ import annotations

import pytest

from tests.cli.doctor.patient import Patient

FROM_ELSEWHERE = '[services.swap]\nkind = "llama-swap"\nurl = "http://127.0.0.1:9"\n'


async def test_a_setting_that_does_not_exist(patient: Patient) -> None:
    told = await patient.diagnosis_of('[services.swap]\nkind = "llama-swap"\nurl = "http://127.0.0.1:9"\nunti = "x"\n')
    told.names("configuration", "services.swap.unti", cause="unknown setting", fix='did you mean "unit"?')
    assert "line 6" in str(told.wrong[0].fix)


async def test_a_key_written_in_the_file_is_never_shown(patient: Patient) -> None:
    told = await patient.diagnosis_of(f'{FROM_ELSEWHERE}key = "sk-abcdefghijklmnop"\n')
    told.names("configuration", "services.swap.key", cause="never written in the file", fix="env =")
    assert "abcdefghijklmnop" not in str(told)


async def test_the_rest_is_examined_all_the_same(patient: Patient) -> None:
    patient.home.joinpath(".claude").mkdir()
    told = await patient.diagnosis_of("[services\n")
    assert {"configuration", "claude", "terminal"} <= {found.area for found in told.findings}
    assert told.code == 1


async def test_a_file_that_is_named_and_missing(patient: Patient) -> None:
    told = await patient.examine("--config", str(patient.home / "nowhere.toml"))
    told.names("configuration", "nowhere.toml", cause="does not exist", fix="nowhere.toml")


async def test_an_action_that_does_not_exist(patient: Patient) -> None:
    told = await patient.diagnosis_of('[keys]\n"unit.stpo" = "S"\n')
    told.names("configuration", "keys", cause='did you mean "unit.stop"', fix="fleetdeck keys")


async def test_a_theme_that_does_not_exist(patient: Patient) -> None:
    told = await patient.diagnosis_of('[panel]\ntheme = "fleet-drak"\n')
    told.names("configuration", "theme", cause="there is no theme 'fleet-drak'", fix="fleetdeck themes")


async def test_a_service_whose_machine_is_not_known(patient: Patient) -> None:
    told = await patient.diagnosis_of(
        '[services.swap]\nkind = "llama-swap"\nurl = "http://100.85.116.57:9"\nunit = "swap.service"\ntimeout = 0.1\n'
    )
    told.names("configuration", "swap", cause="100.85.116.57 is no machine of yours", fix='add "100.85.116.57"')


async def test_a_unit_on_a_machine_without_ssh(patient: Patient) -> None:
    told = await patient.diagnosis_of(
        f'[machines.koala]\naddresses = ["127.0.0.1"]\n{FROM_ELSEWHERE}unit = "swap.service"\n'
    )
    told.names("configuration", "swap", cause="koala has no ssh", fix="ssh = ", severity="warning")
    told.names("configuration", "koala", cause="this very machine", fix="local = true", severity="warning")


async def test_a_folder_that_is_a_file(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    (patient.home / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(patient.home / "file"))
    told = await patient.diagnosis_of("")
    told.names("configuration", "fleetdeck", cause="file is no folder", fix="the modes and the log cannot be kept")


async def test_a_ledger_that_is_none(patient: Patient) -> None:
    ledger = patient.home / "data" / "fleetdeck" / "ledger.sqlite3"
    ledger.parent.mkdir(parents=True)
    ledger.write_text("once upon a time, " * 100)
    told = await patient.diagnosis_of("")
    told.names("configuration", "ledger", cause="is no ledger", fix="mv ")


@pytest.mark.parametrize(
    ("file", "about"), [("external-mode.json", "external mode"), ("state/fleetdeck/modes.json", "private mode")]
)
async def test_a_mode_file_that_makes_no_sense(patient: Patient, file: str, about: str) -> None:
    path = patient.home / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"enabled": "perhaps", "private": 1}')
    told = await patient.diagnosis_of("")
    told.names("configuration", about, cause=f"{path} is not what a mode file holds", fix="off --force")
