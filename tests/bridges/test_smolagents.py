"""Agents: they think by our plans, run where no key is, look at one folder alone, and leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.chat.asking import config_of, remembered
from tests.chat.scripted import Scripted
from tests.cli.demo_process import demo_process
from tests.waiting import until
from tui.bridges import agent_run
from tui.bridges.agent_answers import AgentAnswers
from tui.bridges.agent_run import AgentsFailed, run_agents
from tui.bridges.agent_tools import Folder
from tui.bridges.agent_wire import Answer, NoAnswer, Probe, ProbeTask, Question, Result, Step, Task, Turn
from tui.config.load import parse_config
from tui.config.schema import Config
from tui.demo.fleet import DemoFleet
from tui.routing.mode_files import Flip, flip_private

MANAGER, WORKER = "llama-swap/qwen3", "ollama/llama3.2:latest"
SECONDS = 60.0


@pytest.fixture
async def fleet(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DemoFleet]:
    async with DemoFleet(speed=math.inf, services=("llama-swap", "ollama", "litellm")) as running:
        for name, value in running.env.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / "src" / "main.py").write_text("import this\n\n\ndef main() -> None:\n    pass\n")
    (root / "README.md").write_text("A project.\n")
    (root / "data.bin").write_bytes(b"\0\1\2")
    (root / "way-out").symlink_to(tmp_path)
    (tmp_path / "secret.txt").write_text("outside")
    return root


async def moments(
    task: Task | ProbeTask, config: Config, *, timeout: float = SECONDS, private: bool = False
) -> list[Step | Result | Probe]:
    answers = AgentAnswers(config, private=private)
    try:
        async with contextlib.aclosing(run_agents(task, answers, timeout=timeout)) as told:
            return [moment async for moment in told]
    finally:
        await answers.close()


def task_for(folder: Path, text: str, manager: str = MANAGER, worker: str = WORKER, steps: int = 6) -> Task:
    return Task(text, str(folder), manager, worker, steps, 3)


@pytest.mark.parametrize(
    ("text", "worker", "found"),
    [
        ("Explore which files there are", "file_explorer", "README.md"),
        ("Where is an import?", "code_search", "src/main.py:1: import this"),
    ],
)
async def test_a_manager_and_a_worker_finish_a_task(
    fleet: DemoFleet, folder: Path, text: str, worker: str, found: str
) -> None:
    *steps, result = await moments(task_for(folder, text), config_of(fleet))
    assert isinstance(result, Result)
    assert result.finished
    assert found in result.answer
    assert {step.agent for step in steps if isinstance(step, Step)} == {"manager", worker}
    rows = remembered(fleet)
    assert {row["face"] for row in rows} == {"agents"}
    assert [row["asked_name"] for row in rows] == [MANAGER, WORKER, WORKER, MANAGER]


async def test_a_probe_says_what_a_model_can_do(fleet: DemoFleet) -> None:
    good = (await moments(ProbeTask(MANAGER), config_of(fleet)))[-1]
    assert isinstance(good, Probe)
    assert (good.calls_tools, good.writes_code) == (True, True)
    async with Scripted({"chatty": "I would rather talk about birds."}).running() as server:
        config = parse_config(fleet.config_toml() + server.config_toml(), fleet.folder / "config.toml")
        poor = (await moments(ProbeTask("one/chatty"), config))[-1]
    assert isinstance(poor, Probe)
    assert (poor.calls_tools, poor.writes_code) == (False, False)
    assert poor.code_words.startswith("it never called the tool: ")


BOLD = """Thought: look.
```python
{code}
```
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc")
async def test_the_agents_process_has_no_key_and_ends_with_us(
    fleet: DemoFleet, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    fleet.llama_swap.speed = 5.0
    config = config_of(fleet)
    answers = AgentAnswers(config)
    running = run_agents(ProbeTask("llama-swap/reasoning"), answers, timeout=SECONDS)
    reading = asyncio.ensure_future(anext(running))
    try:
        await until(agents_processes, "the agents' process runs", timeout=20.0)
        (process,) = agents_processes()
        environment = (process / "environ").read_bytes().decode().split("\0")
        names = {line.partition("=")[0] for line in environment if line}
        assert "sk-canary" not in "".join(environment)
        assert not names & {"OPENAI_API_KEY", "FLEETDECK_DEMO_KEY", "XDG_CONFIG_HOME", "FLEETDECK_CONFIG"}
        home = Path(next(line for line in environment if line.startswith("HOME=")).removeprefix("HOME="))
        assert home.is_dir()
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        await running.aclose()
        await answers.close()
    assert not agents_processes()
    assert not home.exists()


def agents_processes() -> list[Path]:
    """Processes that this one has started for agents, and that have not ended."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"tui.bridges.agent_child" in (process / "cmdline").read_bytes():
                found.append(process)
    return found


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os\nfinal_answer(str(os.environ))", "Import"),
        ("import subprocess\nfinal_answer(subprocess.run(['id']))", "Import"),
        ("final_answer(open('/etc/hostname').read())", "Forbidden function evaluation: 'open'"),
        ("final_answer(print.__globals__)", "Forbidden access to dunder attribute"),
    ],
    ids=["os", "subprocess", "open", "dunder"],
)
async def test_code_that_a_model_wrote_reaches_nothing_of_the_system(
    fleet: DemoFleet, folder: Path, code: str, words: str
) -> None:
    async with Scripted({"bold": BOLD.format(code=code)}).running() as server:
        config = parse_config(fleet.config_toml() + server.config_toml(), fleet.folder / "config.toml")
        told = await moments(task_for(folder, "x", "one/bold", "one/bold", steps=1), config)
    first = told[0]
    assert isinstance(first, Step)
    assert words in first.error
    assert isinstance(told[-1], Result)
    assert not told[-1].finished


async def test_what_a_model_cannot_answer_is_the_reason_of_the_end(fleet: DemoFleet, folder: Path) -> None:
    with pytest.raises(AgentsFailed, match="no router for requested model"):
        await moments(task_for(folder, "x", manager="llama-swap/nosuch"), config_of(fleet))
    with pytest.raises(AgentsFailed, match="the request is private"):
        await moments(task_for(folder, "x", manager="litellm/gpt-5.2"), config_of(fleet), private=True)


ASKS_FOR_OTHERS = """#!{python}
import json, os, socket
wire = socket.socket(fileno=int(os.environ["FLEETDECK_AGENT_CHANNEL"])).makefile("rwb", buffering=0)
wire.readline()
for model in {models!r}:
    turns = [{{"role": "user", "text": "hi"}}]
    wire.write(json.dumps({{"type": "question", "model": model, "turns": turns}}).encode() + b"\\n")
    answer = wire.readline().decode()
wire.write(json.dumps({{"type": "result", "answer": answer, "finished": True}}).encode() + b"\\n")
"""


def turned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *models: str) -> None:
    """The agents' process is one in which code that a model wrote has taken over, and asks these models itself."""
    program = tmp_path / "turned"
    program.write_text(ASKS_FOR_OTHERS.format(python=sys.executable, models=models))
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


async def test_the_agents_process_is_answered_by_the_models_of_its_task_alone(
    fleet: DemoFleet, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned(tmp_path, monkeypatch, "litellm/gpt-5.2")
    (result,) = await moments(task_for(folder, "x"), config_of(fleet))
    assert isinstance(result, Result)
    assert "none of the task's" in result.answer
    assert not any(record.path == "/v1/chat/completions" for record in fleet.litellm.requests)


async def test_agents_that_ask_without_end_are_ended(
    fleet: DemoFleet, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_run, "MOST_QUESTIONS", 2)
    turned(tmp_path, monkeypatch, *(MANAGER,) * 3)
    with pytest.raises(AgentsFailed, match="more than 2 times"):
        await moments(task_for(folder, "x"), config_of(fleet))
    assert len(remembered(fleet)) == 2


async def test_agents_that_take_too_long_are_ended(fleet: DemoFleet, folder: Path) -> None:
    with pytest.raises(AgentsFailed, match="not done after"):
        await moments(task_for(folder, "x"), config_of(fleet), timeout=0.05)
    assert not agents_processes()


async def test_what_was_private_once_stays_private_for_the_whole_task(fleet: DemoFleet) -> None:
    answers = AgentAnswers(config_of(fleet))
    modes = fleet.folder / "state" / "fleetdeck" / "modes.json"
    question = (Turn("system", "be brief"), Turn("user", "hi"))
    try:
        flip_private(modes, Flip.ON, "tax")
        assert isinstance(await answers.answer(Question(MANAGER, question)), Answer)
        flip_private(modes, Flip.OFF)
        away = await answers.answer(Question("litellm/gpt-5.2", question))
    finally:
        await answers.close()
    assert isinstance(away, NoAnswer)
    assert "no model on your own machines" in away.reason


@pytest.fixture
def demo_config(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Of a simulated fleet in a process of its own: what answers blocks the test's."""
    with demo_process("--speed", "50") as demo:
        for name, value in demo.env.items():
            monkeypatch.setenv(name, value)
        yield demo.config


def test_the_model_answers_in_a_program_of_ones_own(demo_config: Path) -> None:
    from smolagents.models import ChatMessage, MessageRole

    from tui.bridges.smolagents_model import InThisProcess, NotAnswered, RoutedModel

    said = [
        ChatMessage(role=MessageRole.SYSTEM, content=[{"type": "text", "text": "be brief"}]),
        ChatMessage(role=MessageRole.USER, content=[{"type": "text", "text": "say hello"}]),
    ]
    with InThisProcess(demo_config) as route:
        answer = RoutedModel("llama-swap/gemma", route).generate(said, stop_sequences=["## "])
        with pytest.raises(NotAnswered, match="nosuch"):
            RoutedModel("llama-swap/nosuch", route).generate(said)
    assert answer.content
    assert "## " not in answer.content
    assert answer.token_usage is not None
    assert answer.token_usage.output_tokens > 0


def test_tools_see_one_folder_and_nothing_outside_of_it(folder: Path) -> None:
    tools = Folder(folder)
    assert tools.list_files().splitlines() == ["src/", "way-out/", "README.md", "data.bin"]
    assert tools.read_file("src/main.py", 4, 4) == "4: def main() -> None:"
    assert tools.find_files("**/*.py") == "src/main.py"
    assert tools.search_code(r"def \w+") == "src/main.py:4: def main() -> None:"
    for path in ("../secret.txt", "/etc/passwd", "way-out/secret.txt"):
        with pytest.raises(ValueError, match="outside of the folder"):
            tools.read_file(path)
    with pytest.raises(ValueError, match="no text file"):
        tools.read_file("data.bin")
    with pytest.raises(ValueError, match="no regular expression"):
        tools.search_code("(")
    (folder / "notes.txt").symlink_to(folder.parent / "secret.txt")
    assert tools.search_code("outside") == ""
    with pytest.raises(ValueError, match="outside of the folder"):
        tools.read_file("notes.txt")


def test_git_is_read_and_runs_no_program_of_the_repository(folder: Path, tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)

    git("init", "-q")
    for name, value in (("user.name", "Ada"), ("user.email", "ada@example.org")):
        git("config", name, value)
    git("add", "README.md")
    git("commit", "-q", "-m", "First words")
    trap = tmp_path / "ran"
    git("config", "diff.external", f"touch {trap}")
    git("config", "core.fsmonitor", f"touch {trap}")
    tools = Folder(folder)
    (folder / "README.md").write_text("Another project.\n")
    assert "Ada: First words" in tools.git_log()
    assert "+A project." in tools.git_show("HEAD")
    assert "+Another project." in tools.git_diff()
    assert "M README.md" in tools.git_status()
    for bad in ("--output=/tmp/x", "HEAD; ls", "-p", "HEAD:README.md"):
        with pytest.raises(ValueError, match="names no commit"):
            tools.git_show(bad)
    assert not trap.exists()
    below = Folder(folder / "src")
    number = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD:README.md"], check=True, capture_output=True)
    with pytest.raises(ValueError, match="git: "):
        below.git_show(number.stdout.decode().strip())
    told = below.git_log() + below.git_show("HEAD") + below.git_diff() + below.git_status()
    assert "it changed nothing in this folder" in told, "of the repository around it nothing is told"
    assert "project" not in told
    assert "README" not in told
