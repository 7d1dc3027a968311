"""Any web server: alive where its page comes, and holds what it should."""

from __future__ import annotations

from tui.config.schema import ServiceSettings
from tui.fleet.asking import Asker
from tui.fleet.failures import LookFailed
from tui.fleet.printable import printable
from tui.fleet.probes.probe import Look, ServiceFacts
from tui.fleet.probes.shapes import liveness_period
from tui.fleet.snapshot import ServiceState

NOTHING_TO_TELL = ServiceFacts()


class HttpProbe:
    """Asks for the configured URL as it stands, path included; a redirect is no answer."""

    def __init__(self, service: ServiceSettings) -> None:
        self._expect = service.expect
        self.looks: tuple[Look, ...] = (Look("page", liveness_period(service, 10.0), self._look_at_page),)

    def facts(self) -> ServiceFacts:
        return NOTHING_TO_TELL

    async def _look_at_page(self, asker: Asker) -> None:
        answer = await asker.get("")
        if self._expect is not None and self._expect not in answer.text:
            wanted = printable(self._expect, 40)
            raise LookFailed(
                ServiceState.DOWN, f"answered {answer.status}, but without “{wanted}”", status=answer.status
            )
