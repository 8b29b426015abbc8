"""What a host's hooks folder holds, kept with the host for the pages, the plan and REST."""

from uuid import UUID

from maintenance.backends.base import HooksLook
from maintenance.clock import database_now
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import Host


def note_hooks(host_id: UUID, look: HooksLook) -> dict[str, dict[str, object]]:
    """Write what was found, and return it by stage. Viewers are told only when something differs from before."""
    scripts = {
        str(stage): {"present": f.present, "path": f.path, "digest": f.digest, "problem": f.problem}
        for stage, f in look.scripts.items()
    }
    changes = {
        "hooks": scripts,
        "hooks_dir": look.hooks_dir,
        "hooks_executor": look.executor,
        "hooks_limits": look.limits,
        "hooks_warnings": list(look.warnings),
    }
    host = Host.objects.filter(id=host_id).first()
    if host is None:
        return scripts
    now = database_now()
    if all(getattr(host, name) == value for name, value in changes.items()):
        Host.objects.filter(id=host_id).update(hooks_seen_at=now)
        return scripts
    with unit_of_work(ENGINE) as work:
        Host.objects.filter(id=host_id).update(**changes, hooks_seen_at=now)
        about = {"host": str(host_id), "host_name": host.name, "cluster": str(host.cluster_id)}
        work.event("host.changed", about, after={"hooks": scripts})
    return scripts


def forget_hooks(host_id: UUID) -> None:
    """The host cannot be asked: what it had before is no longer known. Viewers are told once."""
    asked = Host.objects.filter(id=host_id)
    host = asked.first()
    if host is None:
        return
    if host.hooks is None:
        asked.update(hooks_seen_at=database_now())
        return
    with unit_of_work(ENGINE) as work:
        asked.update(hooks=None, hooks_seen_at=database_now())
        about = {"host": str(host_id), "host_name": host.name, "cluster": str(host.cluster_id)}
        work.event("host.changed", about, after={"hooks": None})
