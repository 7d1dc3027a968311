"""What ``route`` names is what ``invoke`` asks; and what is private is said to nobody else."""

from __future__ import annotations

import logging
import os
import re

import pytest

from tests.cli.house import House
from tests.cli.random_house import AT_HOME, ELSEWHERE, SERVED, RandomHouse, a_random_house, resolving

MANY = int(os.environ.get("FLEETDECK_TEST_SITUATIONS", "0"))
"""`make live` sets it: that many situations, each in processes of its own; without it a few, for the sake of speed."""
SITUATIONS, IN_PROCESSES, PRIVATE_SITUATIONS = (0, MANY, MANY) if MANY else (15, 2, 30)
SEED = 20261120 + MANY
CANARY = "canary-7f3a"
SECRET = f"ghp_{'a1B2' * 9}"


async def invoke_asks_whom_route_named(random_house: RandomHouse, *, in_processes: bool) -> bool:
    """Throws one situation; True where anybody was asked. One that was not seen whole in time says nothing."""
    await random_house.throw()
    random_house.maybe_hold()
    run = random_house.house.process if in_processes else random_house.house.call
    arguments = [*random_house.target(), "-p", "say hello"]
    # A request before it counts towards limits, and may leave a refusal behind.
    await run("invoke", *random_house.target(), "--timeout", "5", "-p", "before")
    routed = await run("route", *arguments, "--json")
    asked_before, runs_before = len(random_house.prompts()), random_house.house.programs.runs("claude")
    invoked = await run("invoke", *arguments, "--timeout", "5", "--json")
    asked = [model for model, _ in random_house.prompts()[asked_before:]]
    situation = f"{arguments}\n{routed.out}\n{invoked.out}\n{random_house.house.config.read_text()}"
    said = routed.out + invoked.out + invoked.err
    if "has not answered" in said or random_house.well_ones() & set(
        re.findall(r"([\w-]+) has not (?:listed|said)", said)
    ):
        return False
    if routed.code:
        assert (invoked.code, asked) == (routed.code, []), situation
        return False
    first = routed.models()[0]
    if first.startswith("claude/"):
        # No server sees it; that it was asked at all is seen by the program, which fails at once.
        assert random_house.house.programs.runs("claude") == runs_before + 1, situation
    else:
        assert asked, situation
        assert asked[0] == first, situation
    return True


async def a_private_prompt_stays_at_home(random_house: RandomHouse) -> int:
    """Throws one situation; how many servers at home got the prompt."""
    await random_house.throw()
    house, dice = random_house.house, random_house.dice
    arguments = random_house.private_target()
    attached = house.home / "attached.txt"
    attached.write_text(f"{CANARY} in a file\n")
    arguments += dice.choice([[], ["--system", f"{CANARY} in the system's words"], ["-f", str(attached)]])
    arguments += dice.choice([[], ["--json"], ["--events"], ["--allow-secrets"]])
    said = f"{CANARY} sings {dice.choice(['', SECRET, 'x' * 2000])}"
    ran = await house.call("invoke", *arguments, "--timeout", "5", "-p", said)
    attached.unlink()
    situation = f"{arguments}\n{ran}\n{house.config.read_text()}"
    heard = 0
    for name, server in random_house.servers():
        for record in server.requests:
            if CANARY.encode() not in record.body + repr((record.path, record.query, record.headers)).encode():
                continue
            body = record.json()
            assert isinstance(body, dict)
            assert body["model"] in AT_HOME.get(name, ()), situation
            assert f"{name}/{body['model']}" not in random_house.cloud, situation
            heard += 1
    for folder in (house.home, house.fleet.folder):
        for file in folder.rglob("*"):
            assert not file.is_file() or CANARY.encode() not in file.read_bytes(), f"{file}\n{situation}"
    return heard


async def test_invoke_asks_whom_route_named(house: House) -> None:
    async with a_random_house(house, seed=SEED, ids=SERVED) as random_house:
        asked = [await invoke_asks_whom_route_named(random_house, in_processes=False) for _ in range(SITUATIONS)]
        asked += [await invoke_asks_whom_route_named(random_house, in_processes=True) for _ in range(IN_PROCESSES)]
    assert sum(asked) > len(asked) / 3, "most situations have somebody to ask"


async def test_a_private_prompt_is_heard_at_home_alone(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with resolving("models.internal") as name:
        async with a_random_house(house, seed=SEED, away_host=name) as random_house:
            heard = [await a_private_prompt_stays_at_home(random_house) for _ in range(PRIVATE_SITUATIONS)]
    assert CANARY not in caplog.text
    assert sum(count > 0 for count in heard) > PRIVATE_SITUATIONS / 4, "many were answered at home"


async def test_what_is_not_private_is_heard_elsewhere(house: House) -> None:
    """That the test above looks at the right places."""
    house.programs.add("claude", out='{"type":"result","subtype":"success","is_error":false,"result":"yes"}\n')
    with resolving("models.internal") as name:
        async with a_random_house(house, seed=SEED, ids=ELSEWHERE, away_host=name) as random_house:
            for model in ELSEWHERE:
                await random_house.throw()
                for _, server in random_house.servers():
                    await server.scene("normal")
                house.external_file.unlink(missing_ok=True)
                ran = await house.call("invoke", "-m", model, "-p", f"{CANARY} for {model}")
                assert ran.code == 0, ran
                heard = [asked for asked, record in random_house.prompts() if CANARY in record.body.decode()]
                assert heard == ([model] if model.startswith("away") else [])
                assert any(CANARY.encode() in file.read_bytes() for file in house.ledger_file.parent.iterdir())
            assert f"{CANARY} for tee/m" in random_house.child_input.read_text()
            assert house.programs.told("claude").stdin == f"{CANARY} for claude/opus"
