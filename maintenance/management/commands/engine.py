"""`manage.py engine`: the worker that runs operations, reads the clouds and keeps watch."""

import gc
from typing import Any

from django.core.management.base import BaseCommand

from maintenance.engine.worker import run_until_signalled


class Command(BaseCommand):
    help = "Run an engine. Any number may run, on any number of machines; each may be killed at any moment."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        gc.freeze()  # what was imported stays: full collections need not walk it while a step waits
        run_until_signalled()
