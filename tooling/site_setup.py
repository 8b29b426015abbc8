"""What a start does in Django, in one process because each takes a second to begin: migrate, collect, seed.

The only line on stdout tells the launcher who can log in: {"users": […], "made_password": …}.
"""

import hashlib
import json
import os
import secrets
import sys
from contextlib import redirect_stdout
from pathlib import Path

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

DEMO_USERS = ("admin", "operator", "viewer", "tenant")


def main() -> None:
    with redirect_stdout(sys.stderr):
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
        django.setup()
        call_command("migrate", interactive=False, verbosity=0)
        collect_static_files()
        login = seed() if settings.DEMO else {"users": [], "made_password": None}
    print(json.dumps(login))


def collect_static_files() -> None:
    """STATIC_ROOT holds every static file, named by its content and packed. Done once for the same files."""
    stamp = Path(settings.STATIC_ROOT) / "collected"
    known = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            found = Path(storage.path(name)).stat()
            known.update(f"{name} {found.st_size} {found.st_mtime_ns}\n".encode())
    if stamp.exists() and stamp.read_text() == known.hexdigest():
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(known.hexdigest())


def seed() -> dict[str, object]:
    """The demo users and the lab exist. A password is made when there are no users and none was chosen."""
    made_password = None
    users_exist = get_user_model().objects.filter(username__in=DEMO_USERS).exists()
    if not users_exist and not os.environ.get("PITSTOP_DEMO_PASSWORD"):
        made_password = os.environ["PITSTOP_DEMO_PASSWORD"] = secrets.token_urlsafe(12)
    call_command("seed")
    return {"users": DEMO_USERS, "made_password": made_password}


if __name__ == "__main__":
    main()
