"""``litellm-config``: printed for a look, merged into a file with what it was kept beside it."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML

from tests.cli.house import House

OWN = "# my cloud\nmodel_list:\n  - model_name: gpt\n    litellm_params: {model: openai/gpt-5}\n"


def read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


async def test_it_is_printed_and_nothing_is_loaded_for_it(house: House) -> None:
    ran = await house.call("litellm-config")
    assert ran.code == 0
    names = [entry["model_name"] for entry in read(ran.out)["model_list"]]
    assert {"llama-swap/qwen3", "ollama/llama3.2:latest", "opus", "sonnet", "haiku"} <= set(names)
    assert "sk-" not in ran.out
    assert house.prompted() == {}


async def test_a_file_is_merged_with_its_difference_shown_and_a_copy_kept(house: House) -> None:
    file = house.home / "litellm.yaml"
    file.write_text(OWN)
    file.chmod(0o640)
    dry = await house.call("litellm-config", "--write", str(file), "--dry-run")
    assert (dry.code, file.read_text()) == (0, OWN)
    ran = await house.call("litellm-config", "--write", str(file))
    assert ran.code == 0
    assert ran.out.startswith(f"--- {file}")
    assert "+  - model_name: llama-swap/qwen3" in ran.out
    assert dry.out == ran.out
    assert file.read_text().startswith(OWN.rstrip("\n"))
    assert file.stat().st_mode & 0o777 == 0o640
    assert file.with_name("litellm.yaml.~1~").read_text() == OWN
    again = await house.call("litellm-config", "--write", str(file))
    assert (again.code, again.out) == (0, "")
    assert "says all of it already" in again.err


async def test_a_new_file_is_for_its_owner_alone(house: House) -> None:
    file = house.home / "new.yaml"
    assert (await house.call("litellm-config", "--write", str(file))).code == 0
    assert file.stat().st_mode & 0o777 == 0o600


async def test_what_cannot_be_is_said_in_a_sentence_and_writes_nothing(house: House) -> None:
    file = house.home / "broken.yaml"
    file.write_text("model_list: [\n")
    for arguments, code, words in (
        (("--write", str(file)), 1, "no valid YAML (line 2)"),
        (("--for", "nobody"), 1, "no LiteLLM is called nobody"),
        (("--api-base", "ollama=elsewhere"), 2, "should begin with http://"),
        (("--api-base", "nobody=http://koala:1"), 2, "nobody, which is no service"),
        (("--api-base", "ollama=http://elsewhere.example:1"), 1, "would not stay at home"),
        (("--dry-run",), 2, "--dry-run goes with --write"),
    ):
        ran = await house.call("litellm-config", *arguments)
        assert (ran.code, words in ran.err) == (code, True), ran.err
        assert ran.out == ""
    assert file.read_text() == "model_list: [\n"
    readonly = await house.call("--readonly", "litellm-config", "--write", str(file))
    assert readonly.code == 2
