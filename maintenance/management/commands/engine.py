"""`manage.py engine`: the worker that runs operations, reads the clouds and keeps watch."""

import gc
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from maintenance.engine.worker import run_until_signalled
from maintenance.sessions import SharedSessions


class Command(BaseCommand):
    help = "Run an engine. Any number may run, on any number of machines; each may be killed at any moment."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        gc.freeze()  # what was imported stays: full collections need not walk it while a step waits
        try:
            run_until_signalled()
        except SharedSessions as reason:
            raise CommandError(str(reason)) from reason
