"""Moments at which our crash tests kill or freeze an engine. They do nothing unless PITSTOP_FAILPOINTS=1, and that is
refused outside a demo installation.

FAILPOINT names where and what: `MOMENT@HOST:ACTION`, several apart by commas, `*` for any host. Actions: `kill9` and
`freeze` (SIGSTOP), each once, whichever engine comes there first; `kill9-always`. Every moment that is passed is
logged, so that a test can list them all and then try each.
"""

import os
import signal
import threading
from functools import cache
from pathlib import Path
from typing import NamedTuple

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

log = structlog.get_logger(__name__)

SIGNALS = {"kill9": signal.SIGKILL, "kill9-always": signal.SIGKILL, "freeze": signal.SIGSTOP}
ALWAYS = "kill9-always"


class Ordered(NamedTuple):
    """What is to happen at one moment."""

    moment: str
    host: str
    action: str

    def happens_at(self, moment: str, host: str) -> bool:
        return moment == self.moment and self.host in {host, "*"}


def failpoint(moment: str, host: str = "") -> None:
    """An engine passes the moment; one that was told to dies or freezes here."""
    if not settings.FAILPOINTS:
        return
    log.info("failpoint", moment=moment, host=host)
    for ordered in _orders():
        if ordered.happens_at(moment, host) and (ordered.action == ALWAYS or _is_first(ordered)):
            # To this very thread: it does not go one step further.
            signal.pthread_kill(threading.get_ident(), SIGNALS[ordered.action])


@cache
def _orders() -> tuple[Ordered, ...]:
    if not settings.DEMO:
        raise ImproperlyConfigured(
            "PITSTOP_FAILPOINTS kills engines on purpose: it is for tests of ours only"
        )
    return tuple(_order(text) for text in os.environ.get("FAILPOINT", "").split(",") if text)


def _order(text: str) -> Ordered:
    place, _, action = text.rpartition(":")
    moment, _, host = place.partition("@")
    if not moment or action not in SIGNALS:
        raise ImproperlyConfigured(f"FAILPOINT is {text!r}; give MOMENT@HOST:{'|'.join(SIGNALS)}")
    return Ordered(moment, host or "*", action)


def _is_first(ordered: Ordered) -> bool:
    """Of all engines, the one that comes first does it: a file says that it was done."""
    folder = Path(settings.VAR_DIR) / "failpoints"
    folder.mkdir(exist_ok=True)
    try:
        (folder / f"{ordered.moment}@{ordered.host}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
