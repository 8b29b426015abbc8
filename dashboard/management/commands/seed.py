"""manage.py seed: the demo's users, and the lab cloud they look at. May run at every start.

The tenant belongs to an account of the lab from the first start on; whoever takes that away is obeyed.
"""

import os
import secrets
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard.models import Membership, Role, User
from maintenance.backends.lab.seed import seed_lab
from maintenance.backends.lab.tenants import ACCOUNTS
from maintenance.models import Cloud

PASSWORD_VARIABLE = "PITSTOP_DEMO_PASSWORD"
TENANT = "tenant"  # the person, and their account
USERS = {
    "admin": Role.ADMINISTRATOR,
    "operator": Role.OPERATOR,
    "viewer": Role.VIEWER,
    TENANT: Role.TENANT,
}
LAB_NAME = LAB_KIND = "lab"
LAB_ID = uuid5(
    NAMESPACE_URL, "pitstop:cloud:lab"
)  # the same on every machine, so that links and notes stay true


class Command(BaseCommand):
    help = (
        f"Makes the demo users {', '.join(USERS)} and the lab cloud, where they are missing. Their password is "
        f"{PASSWORD_VARIABLE}; without it one is made with the first of them, and told once in a line on stdout."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("this is no demo (PITSTOP_DEMO=0): make people with `manage.py createadmin`")
        made_password = _make_users(os.environ.get(PASSWORD_VARIABLE, ""))
        lab, is_new = Cloud.objects.get_or_create(id=LAB_ID, defaults={"name": LAB_NAME, "kind": LAB_KIND})
        tenant = User.objects.filter(username=TENANT, is_demo=True).first()
        if is_new and tenant is not None:
            owned = {"domain": ACCOUNTS[TENANT], "account": TENANT}
            Membership.objects.create(user=tenant, cloud=lab, made_by="manage.py seed", **owned)
        seed_lab()
        if made_password is not None:
            self.stdout.write(f"{PASSWORD_VARIABLE}_MADE={made_password}")


def _make_users(chosen: str) -> str | None:
    """They exist, and have the chosen password where one is chosen. Returns: the password that had to be made."""
    existing = {user.username: user for user in User.objects.filter(username__in=USERS)}
    missing = USERS.keys() - existing.keys()
    password = chosen or secrets.token_urlsafe(12)
    for name in sorted(missing):
        user = User(username=name, role=USERS[name], is_demo=True)
        user.set_password(password)
        user.save()
    if chosen:
        for user in existing.values():
            # Somebody real may have one of these names: theirs is not ours to set.
            if user.is_demo and not user.check_password(chosen):
                user.set_password(chosen)
                user.save(update_fields=["password"])
    return password if missing and not chosen else None
