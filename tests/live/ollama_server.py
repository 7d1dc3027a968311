"""A real Ollama that computes on the processor, with a model of random weights made on the spot."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from tests.live.processes import ServerProcess, free_port

TINY_MODEL_SCRIPT = Path(__file__).with_name("tiny_model.py")
MODEL = "tiny"
COMMAND_SECONDS = 60.0


class CommandFailed(Exception):
    """A program that prepares a server failed. The message holds its command and what it wrote."""


@dataclass(frozen=True, slots=True)
class OllamaServer:
    """The process, and the programs that make a model for it."""

    process: ServerProcess
    program: Path
    gguf_python: Path

    async def create_model(self) -> None:
        """Makes `tiny` with `ollama create`. The server must run. Raises CommandFailed."""
        folder = self.process.folder
        weights = folder / "tiny.gguf"
        await _run([str(self.gguf_python), str(TINY_MODEL_SCRIPT), str(weights)], {})
        recipe = folder / "Modelfile"
        recipe.write_text(f"FROM {weights}\nPARAMETER num_predict 24\nPARAMETER temperature 0\n", encoding="utf-8")
        address = self.process.url.removeprefix("http://")
        environment = {"HOME": str(folder), "OLLAMA_HOST": address}
        await _run([str(self.program), "create", MODEL, "-f", str(recipe)], environment)


def ollama_server(program: Path, gguf_python: Path, folder: Path) -> OllamaServer:
    """Ollama in `folder`, not yet started and without models."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    process = ServerProcess(
        "ollama",
        [str(program), "serve"],
        folder=folder,
        port=port,
        ready_path="/api/version",
        ready_within=30.0,
        environment={"OLLAMA_HOST": f"127.0.0.1:{port}", "OLLAMA_MODELS": str(folder / "models")},
    )
    return OllamaServer(process, program, gguf_python)


async def _run(command: list[str], environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": "/usr/bin:/bin", **environment},
    )
    try:
        async with asyncio.timeout(COMMAND_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise CommandFailed(f"{' '.join(command)} took longer than {COMMAND_SECONDS:.0f} s") from error
    if process.returncode != 0:
        raise CommandFailed(f"{' '.join(command)} failed: {output.decode(errors='replace').strip()[-300:]}")
