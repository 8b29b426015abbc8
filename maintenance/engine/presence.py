"""An engine says that it lives; a silent one is noticed by the others and by every page."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now

from maintenance.clock import database_now
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import EngineProcess

VERSION = "0.5.0"


def say_hello(engine_id: UUID, host_name: str, pid: int) -> None:
    """The engine's row is there. Rows of engines silent for a day go."""
    with unit_of_work(ENGINE) as work:
        EngineProcess.objects.filter(seen_at__lt=database_now() - timedelta(days=1)).delete()
        EngineProcess.objects.create(id=engine_id, host_name=host_name, pid=pid, version=VERSION)
        work.event("engine.started", {"engine": str(engine_id)}, after={"host_name": host_name, "pid": pid})


def say_alive(engine_id: UUID) -> None:
    """Seen now."""
    EngineProcess.objects.filter(id=engine_id).update(seen_at=Now())


def goodbye(engine_id: UUID) -> None:
    """The engine stopped on purpose."""
    with unit_of_work(ENGINE) as work:
        EngineProcess.objects.filter(id=engine_id).update(stopped_at=Now())
        work.event("engine.stopped", {"engine": str(engine_id)})


def newest_sign_age_s() -> float | None:
    """Seconds since any engine said that it lives; None when none ever did or all said goodbye."""
    newest = EngineProcess.objects.filter(stopped_at=None).order_by("-seen_at").first()
    if newest is None:
        return None
    return max(0.0, (database_now() - newest.seen_at).total_seconds())


def engine_is_silent() -> bool:
    """Whether nobody works: pages say so, and since when."""
    age_s = newest_sign_age_s()
    return age_s is None or age_s > settings.ENGINE_SILENT_S
