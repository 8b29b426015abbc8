"""Which accounts of which cloud a tenant's person belongs to."""

from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from dashboard.models import Membership, Role, User
from dashboard.people.changes import PART, about
from maintenance.actions.errors import BadInput, Conflict, NotFound
from maintenance.feed import unit_of_work
from maintenance.models import Cloud, Instance, Network, Vpc

SEPARATOR = "\x1f"  # between domain and account in a form's value; in no name


@dataclass(frozen=True, slots=True)
class Account:
    """One account that a cloud lists, or all of a domain (`account` empty)."""

    cloud: Cloud
    domain: str
    account: str

    @property
    def value(self) -> str:
        return SEPARATOR.join((str(self.cloud.id), self.domain, self.account))


def listed_accounts() -> list[Account]:
    """The accounts that own something the clouds list, and their domains; each once."""
    clouds = Cloud.objects.in_bulk()
    found: set[tuple[UUID, str, str]] = set()
    for owned in (Instance.objects, Network.objects, Vpc.objects):
        named = owned.filter(gone_at=None).exclude(account="").order_by()
        found |= set(named.values_list("cloud_id", "domain", "account").distinct())
    domains = {(cloud, domain, "") for cloud, domain, _account in found}
    in_order = sorted(found | domains, key=lambda one: (clouds[one[0]].name, one[1], one[2]))
    return [Account(clouds[cloud], domain, account) for cloud, domain, account in in_order]


def add_membership(person_key: UUID, value: str, *, actor: str, request_id: str = "") -> Membership:
    """The person belongs to it; a second call changes nothing. Raises: NotFound, BadInput, Conflict."""
    chosen = next((one for one in listed_accounts() if one.value == value), None)
    if chosen is None:
        raise BadInput(_("Choose an account that a cloud lists."), field="account")
    with unit_of_work(actor, request_id=request_id) as work:
        person = User.objects.select_for_update(no_key=True).filter(key=person_key).first()
        if person is None:
            raise NotFound(f"nobody has the id {person_key}")
        if person.role != Role.TENANT:
            raise Conflict(_("only a tenant's person belongs to accounts; the other roles see every cloud"))
        membership, is_new = Membership.objects.get_or_create(
            user=person,
            cloud=chosen.cloud,
            domain=chosen.domain,
            account=chosen.account,
            defaults={"made_by": actor},
        )
        if is_new:
            work.audit("membership added", about(person), after=_told(membership))
            work.event("settings.changed", {"part": PART, "person": str(person.key)})
    return membership


def remove_membership(membership_id: UUID, *, actor: str, request_id: str = "") -> None:
    """The person does not belong to it any more. Raises: NotFound."""
    with unit_of_work(actor, request_id=request_id) as work:
        found = Membership.objects.select_related("user", "cloud").filter(id=membership_id).first()
        if found is None:
            raise NotFound(f"no membership has the id {membership_id}")
        work.audit("membership removed", about(found.user), before=_told(found))
        work.event("settings.changed", {"part": PART, "person": str(found.user.key)})
        found.delete()


def _told(membership: Membership) -> dict[str, str]:
    return {"cloud": membership.cloud.name, "domain": membership.domain, "account": membership.account or "*"}
