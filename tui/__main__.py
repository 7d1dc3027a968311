"""``python -m tui`` is ``fleetdeck``."""

from __future__ import annotations


def main() -> None:
    """The command ``fleetdeck``. While it is imported, ctrl+c ends it without a traceback."""
    from tui.cli.interrupts import end_by_interrupt

    end_by_interrupt()
    from tui.cli.main import main as run_command_line

    run_command_line()


if __name__ == "__main__":
    main()
