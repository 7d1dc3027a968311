"""``fleetdeck completion``: what makes a shell complete commands, options and names."""

from __future__ import annotations

import os
import sys
from typing import ClassVar

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from tui.cli.main import COMPLETION_VARIABLE, PROGRAM, cli

BASH_SCRIPT = """\
%(complete_func)s() {
    local type value place begun= word=${COMP_LINE:0:COMP_POINT}
    word=${word##*[[:space:]]}
    # What stands before the last break is on the line already, and is no part of the word that bash replaces.
    for ((place = ${#word} - 1; place >= 0; place--)); do
        case ${word:place:1} in
            [=:]) [[ $COMP_WORDBREAKS == *"${word:place:1}"* ]] && begun=${word:0:place+1} && break ;;
        esac
    done
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("${value#"$begun"}") ;;
        esac
    done <<< "$(COMP_WORDS="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1" 2>/dev/null)"
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""
FISH_SCRIPT = """\
function %(complete_func)s
    set -l words (commandline -cp)
    set -l word (commandline -ct)
    set -l said COMP_WORDS="$words" COMP_CWORD="$word"
    for completion in (env %(complete_var)s=fish_complete $said %(prog_name)s 2>/dev/null)
        set -l parts (string split --max 1 , -- $completion)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2]
            case file
                __fish_complete_path $parts[2]
            case plain
                echo $parts[2]
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""
HOW = {
    "bash": 'put  eval "$(fleetdeck completion bash)"  into ~/.bashrc',
    "zsh": 'put  eval "$(fleetdeck completion zsh)"  into ~/.zshrc, below compinit',
    "fish": "fleetdeck completion fish > ~/.config/fish/completions/fleetdeck.fish",
}


class WholeWords(ShellComplete):
    """Offers what is to stand on the line, where click's own offers the value behind ``--model=``."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        option, equals, _ = incomplete.partition("=")
        found = super().get_completions(args, incomplete)
        if not (option.startswith("--") and equals):
            return found
        return [
            CompletionItem(f"{option}={item.value}", item.type, item.help) if item.type == "plain" else item
            for item in found
        ]


@add_completion_class
class InBash(WholeWords, BashComplete):
    """Reads the line itself. click's own reads the words of bash, which ends one at each colon: ``ollama/phi4:14b`` is
    three of those."""

    source_template: ClassVar[str] = BASH_SCRIPT

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        incomplete = words.pop() if words and not line[-1].isspace() else ""
        return words, incomplete


@add_completion_class
class InZsh(WholeWords, ZshComplete):
    pass


@add_completion_class
class InFish(WholeWords, FishComplete):
    """click's own script ends what it says of a name at the first comma."""

    source_template: ClassVar[str] = FISH_SCRIPT


@click.command()
@click.argument("shell", type=click.Choice(tuple(HOW)))
def completion(shell: str) -> None:
    """Print the script that makes SHELL complete commands, options, models, tiers, tasks, services and machines.

    \b
    bash  eval "$(fleetdeck completion bash)"     in ~/.bashrc (bash 4.4 or newer)
    zsh   eval "$(fleetdeck completion zsh)"      in ~/.zshrc, below compinit
    fish  fleetdeck completion fish > ~/.config/fish/completions/fleetdeck.fish

    Names of models are those that your services listed last; where that was long ago they are asked, for 0.3 s.
    """
    script = get_completion_class(shell)
    assert script is not None
    click.echo(script(cli, {}, PROGRAM, COMPLETION_VARIABLE).source(), nl=False)
    if sys.stdout.isatty():
        click.echo(f"To have it in every shell: {HOW[shell]}", err=True)
