"""Who may see and do what: one matrix of routes, methods and live topics, and deny by default.

A route without a row is refused, a method without an entry does not exist, a topic without a rule cannot be
subscribed. `doors.py` asks it for pages and for REST, sockets ask `may_subscribe`: all read the same tables, before
the view looks at any id.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, Q, QuerySet

from dashboard.models import Membership, Role, User
from dashboard.walls.screen import WallScreen
from maintenance.domain.states import RunKind
from maintenance.domain.system_vms import ROUTERS
from maintenance.models import (
    Agent,
    Cloud,
    Cluster,
    CutOffJob,
    FeedEvent,
    Host,
    Instance,
    ManagementServer,
    Network,
    Payload,
    PendingJob,
    Pod,
    Run,
    SystemVm,
    Target,
    Vpc,
    Zone,
)

type Person = User | AnonymousUser | WallScreen

# ---- principals ----------------------------------------------------------------------------------------------------

ANONYMOUS = "anonymous"  # nobody has logged in
ROLELESS = "roleless"  # logged in, but nobody gave this person a role
NEWCOMER = "newcomer"  # logged in with a password that somebody else chose: must choose another one first
WALL = "wall"  # a screen on a wall, let in by a link: reads its own profile

ANYBODY = frozenset({ANONYMOUS, ROLELESS, NEWCOMER, *Role.values})
LOGGED_IN = ANYBODY - {ANONYMOUS}
READERS = frozenset({Role.VIEWER.value, Role.OPERATOR.value, Role.ADMINISTRATOR.value})
OPERATORS = frozenset({Role.OPERATOR.value, Role.ADMINISTRATOR.value})
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR.value})
WALL_READERS = READERS | {WALL}
TENANTS = frozenset({Role.TENANT.value})  # what is theirs, in pages of their own


def principal(person: Person) -> str:
    """What the matrix calls this person. Django's staff and superuser flags mean nothing here."""
    if isinstance(person, WallScreen):
        return WALL
    if not person.is_authenticated or not person.may_come_in:
        return ANONYMOUS
    if person.must_change_password:
        return NEWCOMER
    return person.role if person.role in Role.values else ROLELESS


# ---- the matrix ----------------------------------------------------------------------------------------------------

type Row = Mapping[str, frozenset[str]]

READ: Row = {"GET": READERS}
OPERATE: Row = {"POST": OPERATORS}
WATCH: Row = {"GET": WALL_READERS}
SET: Row = {"GET": ADMINISTRATORS}
ADMINISTER: Row = {"POST": ADMINISTRATORS}

MATRIX: Mapping[str, Row] = {
    # for machines and browsers, without a login
    "healthz": {"GET": ANYBODY},
    "readyz": {"GET": ANYBODY},
    "csp-report": {"POST": ANYBODY},
    "api-unknown": dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"), ANYBODY),
    # pages
    "login": {"GET": ANYBODY, "POST": ANYBODY},
    "logout": {"POST": LOGGED_IN},
    "overview": READ,
    "zones": READ,
    "zone": READ,
    "pods": READ,
    "pod": READ,
    "clusters": READ,
    "cluster": READ,
    "hosts": READ,
    "host": READ,
    "host-prepare": OPERATE,
    "host-return": OPERATE,
    "runs": READ,
    "run": READ,
    "run-hosts": READ,
    "run-new": {"GET": OPERATORS, "POST": OPERATORS},
    "run-plan": {"GET": OPERATORS, "POST": OPERATORS},
    "run-start": {"GET": OPERATORS, "POST": OPERATORS},
    "run-pause": OPERATE,
    "run-resume": OPERATE,
    "run-cancel": OPERATE,
    "run-host-retry": OPERATE,
    "run-host-skip": OPERATE,
    "run-output": READ,
    "run-print": READ,
    "run-report": READ,
    "servers": READ,
    "server": READ,
    "servers-restart": ADMINISTER,
    "server-prepare": OPERATE,
    "server-cancel": OPERATE,
    "server-prepare-shutdown": OPERATE,
    "server-trigger-shutdown": ADMINISTER,
    "server-cancel-shutdown": OPERATE,
    "server-restart": ADMINISTER,
    "system-vms": READ,
    "system-vms-patch": {"GET": OPERATORS, "POST": OPERATORS},
    "routers-restart": {"GET": OPERATORS, "POST": OPERATORS},
    "system-vm": READ,
    "system-vm-patch": OPERATE,
    "jobs": READ,
    "job-reconcile": OPERATE,
    "agents": READ,
    "agents-change": {"GET": READERS, "POST": ADMINISTRATORS},
    "agents-rebalance": {"GET": READERS, "POST": ADMINISTRATORS},
    "needs": READ,
    "need": READ,
    "host-take-back": OPERATE,
    "attention-take": OPERATE,
    "attention-resolve": OPERATE,
    "events": READ,
    "events-download": READ,
    "events-check": ADMINISTER,
    "wall": WATCH,
    "wall-hosts": WATCH,
    "wall-link": {"GET": ANYBODY},
    "me": {"GET": LOGGED_IN},
    "me-password": {"GET": LOGGED_IN, "POST": LOGGED_IN},
    "me-sessions": {"POST": LOGGED_IN},
    "me-tokens": {"GET": READERS, "POST": READERS},
    "me-token-revoke": {"POST": READERS},
    "portal": {"GET": TENANTS, "POST": TENANTS},  # POST: Enter where it presses nothing
    "portal-update": {"POST": TENANTS},
    "portal-slot": {"POST": TENANTS},
    "portal-give-up": {"POST": TENANTS},
    "first-run": {"GET": ANYBODY, "POST": ANYBODY},
    "settings": SET,
    "settings-people": SET,
    "settings-person-new": {"GET": ADMINISTRATORS, "POST": ADMINISTRATORS},
    "settings-person": {"GET": ADMINISTRATORS, "POST": ADMINISTRATORS},
    "settings-person-password": {"GET": ADMINISTRATORS, "POST": ADMINISTRATORS},
    "settings-person-deactivate": ADMINISTER,
    "settings-person-activate": ADMINISTER,
    "settings-person-unlock": ADMINISTER,
    "settings-membership-add": ADMINISTER,
    "settings-membership-remove": ADMINISTER,
    "settings-demo-off": ADMINISTER,
    "settings-roles": SET,
    "settings-tokens": SET,
    "settings-token-revoke": ADMINISTER,
    "settings-clouds": SET,
    "settings-cloud": {"GET": ADMINISTRATORS, "POST": ADMINISTRATORS},
    "settings-limits": {"GET": ADMINISTRATORS, "POST": ADMINISTRATORS},
    "settings-notifications": {"GET": ADMINISTRATORS, "POST": ADMINISTRATORS},
    "settings-notification-test": ADMINISTER,
    "settings-walls": {"GET": ADMINISTRATORS, "POST": ADMINISTRATORS},
    "settings-wall-revoke": ADMINISTER,
    "settings-payloads": {"GET": ADMINISTRATORS, "POST": ADMINISTRATORS},
    "settings-payload-withdraw": ADMINISTER,
    # REST
    "api:schema": {"GET": LOGGED_IN},
    "api:token": {"POST": ANYBODY, "DELETE": LOGGED_IN},
    "api:clouds": READ,
    "api:cloud": READ,
    "api:zones": READ,
    "api:zone": READ,
    "api:pods": READ,
    "api:pod": READ,
    "api:clusters": READ,
    "api:cluster": READ,
    "api:hosts": READ,
    "api:host": READ,
    "api:host-prepare": OPERATE,
    "api:host-cancel": OPERATE,
    "api:instances": READ,
    "api:instance": READ,
    "api:servers": READ,
    "api:server": READ,
    "api:server-ready-for-shutdown": READ,
    "api:server-prepare-for-maintenance": OPERATE,
    "api:server-cancel-maintenance": OPERATE,
    "api:server-prepare-for-shutdown": OPERATE,
    "api:server-trigger-shutdown": ADMINISTER,
    "api:server-cancel-shutdown": OPERATE,
    "api:server-restart": ADMINISTER,
    "api:server-restarts": ADMINISTER,
    "api:jobs": READ,
    "api:cut-off-jobs": READ,
    "api:cut-off-job-reconcile": OPERATE,
    "api:agent-balance": {"GET": READERS, "PATCH": ADMINISTRATORS},
    "api:agent-balance-preview": {"POST": READERS},
    "api:agent-balance-rebalance": ADMINISTER,
    "api:system-vms": {"GET": READERS | TENANTS},
    "api:system-vm": {"GET": READERS | TENANTS},
    "api:system-vm-probe": OPERATE,
    "api:networks": {"GET": READERS | TENANTS},
    "api:network": {"GET": READERS | TENANTS},
    "api:network-restart": {"POST": OPERATORS | TENANTS},
    "api:vpcs": {"GET": READERS | TENANTS},
    "api:vpc": {"GET": READERS | TENANTS},
    "api:vpc-restart": {"POST": OPERATORS | TENANTS},
    "api:live-patches": {"GET": READERS | TENANTS, "POST": OPERATORS | TENANTS},
    "api:live-patch": {"GET": READERS | TENANTS},
    "api:events": READ,
    "api:payloads": {"GET": READERS, "POST": ADMINISTRATORS},
    "api:payload": READ,
    "api:payload-withdraw": ADMINISTER,
    "api:runs": {"GET": READERS, "POST": OPERATORS},
    "api:run": READ,
    "api:run-pause": OPERATE,
    "api:run-resume": OPERATE,
    "api:run-cancel": OPERATE,
    "api:run-host-retry": OPERATE,
    "api:run-host-skip": OPERATE,
    "api:run-stage-output": READ,
}


@dataclass(frozen=True, slots=True)
class Topic:
    """A kind of live topic: who may follow it, and whether it names one thing (`run:ID`) or a whole page (`hosts`)."""

    audience: frozenset[str]
    names_one: bool = False
    is_own: bool = False  # the one it names is whoever follows it


TOPICS: Mapping[str, Topic] = {
    "events": Topic(READERS),  # /ws/events/
    "frame": Topic(READERS),  # what stands around every page; a page that shows nothing else that changes
    "overview": Topic(READERS),
    "zones": Topic(READERS),
    "zone": Topic(READERS, names_one=True),
    "pods": Topic(READERS),
    "pod": Topic(READERS, names_one=True),
    "clusters": Topic(READERS),
    "cluster": Topic(READERS, names_one=True),
    "hosts": Topic(READERS),
    "host": Topic(READERS, names_one=True),
    "servers": Topic(READERS),
    "server": Topic(READERS, names_one=True),
    "jobs": Topic(READERS),
    "agents": Topic(READERS, names_one=True),
    "needs": Topic(READERS),
    "need": Topic(READERS, names_one=True),
    "runs": Topic(READERS),
    "run": Topic(READERS, names_one=True),
    "serverrun": Topic(READERS, names_one=True),
    "systemvms": Topic(READERS),
    "systemvm": Topic(READERS, names_one=True),
    "patchrun": Topic(READERS, names_one=True),
    "output": Topic(READERS, names_one=True),
    "timeline": Topic(READERS),
    "settings": Topic(ADMINISTRATORS),
    "person": Topic(ADMINISTRATORS, names_one=True),
    "me": Topic(READERS, names_one=True, is_own=True),
    "wall": Topic(WALL_READERS, names_one=True),  # names a profile
    "wallhosts": Topic(WALL_READERS, names_one=True),
    "my": Topic(TENANTS, names_one=True, is_own=True),  # the portal, drawn for one person: nobody shares it
}
_TOPIC = re.compile(
    r"(?P<kind>[a-z]{1,20})(?::(?P<one>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}))?",
    re.ASCII,
)


class Verdict(Enum):
    """What becomes of a request, before anything is looked up."""

    ALLOWED = auto()
    LOG_IN = auto()
    FORBIDDEN = auto()
    NO_SUCH_METHOD = auto()


def judge(route: str, method: str, person: Person) -> Verdict:
    """The matrix's answer. HEAD is judged as GET; a route without a row is forbidden to everybody. That a method does
    not exist is only told to those who may use the route at all."""
    who = principal(person)
    row = MATRIX.get(route, {})
    audience = row.get("GET" if method == "HEAD" else method)
    if audience is not None and who in audience:
        return Verdict.ALLOWED
    if audience is None and any(who in others for others in row.values()):
        return Verdict.NO_SUCH_METHOD
    return Verdict.LOG_IN if who == ANONYMOUS else Verdict.FORBIDDEN


def may(person: Person, route: str, method: str = "GET") -> bool:
    """Whether this person may use the route; pages ask before they draw a button."""
    return judge(route, method, person) is Verdict.ALLOWED


def may_subscribe(person: Person, topic: str) -> bool:
    """Whether this person may follow the live topic, such as `hosts` or `run:ID`. Unknown topics: nobody."""
    found = _TOPIC.fullmatch(topic)
    rule = TOPICS.get(found["kind"]) if found else None
    if found is None or rule is None or rule.names_one != (found["one"] is not None):
        return False
    if rule.is_own and (not isinstance(person, User) or found["one"] != str(person.key)):
        return False
    if isinstance(person, WallScreen) and found["one"] != str(person.profile):
        return False
    return principal(person) in rule.audience


def why_forbidden(route: str, method: str, person: Person) -> str:
    """Which role may not do what here, and who may: `your role, viewer, may not POST here; operators … may`."""
    row = MATRIX.get(route, {})
    audience = row.get("GET" if method == "HEAD" else method, frozenset())
    able = [f"{role.value}s" for role in Role if role.value in audience]
    names = " and ".join([", ".join(able[:-1]), able[-1]] if len(able) > 1 else able)
    who = principal(person)
    if who == NEWCOMER:
        return f"choose a password of your own first, at {settings.BASE_URL}/me/password/"
    role = "you have no role and" if who == ROLELESS else f"your role, {who},"
    return f"{role} may not {method} here" + (f"; {names} may: ask one of them" if names else "")


def allowed_methods(route: str) -> list[str]:
    return sorted(MATRIX.get(route, {}))


# ---- what each principal sees of the tables ------------------------------------------------------------------------


def _seen_by[M: Model](person: Person, rows: QuerySet[M]) -> QuerySet[M]:
    """Readers see every cloud's rows. A tenant sees nothing of hosts and runs; neither does anybody else."""
    return rows if principal(person) in READERS else rows.none()


def visible_clouds(person: Person) -> QuerySet[Cloud]:
    return _seen_by(person, Cloud.objects.all())


def visible_zones(person: Person) -> QuerySet[Zone]:
    return _seen_by(person, Zone.objects.all())


def visible_pods(person: Person) -> QuerySet[Pod]:
    return _seen_by(person, Pod.objects.all())


def visible_clusters(person: Person) -> QuerySet[Cluster]:
    return _seen_by(person, Cluster.objects.all())


def visible_hosts(person: Person) -> QuerySet[Host]:
    return _seen_by(person, Host.objects.all())


def visible_instances(person: Person) -> QuerySet[Instance]:
    """Readers see all of them; a tenant those of accounts that they belong to, and not through REST."""
    if principal(person) == Role.TENANT.value:
        return Instance.objects.filter(_of_own_accounts(person))
    return _seen_by(person, Instance.objects.all())


def visible_servers(person: Person) -> QuerySet[ManagementServer]:
    return _seen_by(person, ManagementServer.objects.all())


def visible_agents(person: Person) -> QuerySet[Agent]:
    return _seen_by(person, Agent.objects.all())


def visible_jobs(person: Person) -> QuerySet[PendingJob]:
    return _seen_by(person, PendingJob.objects.all())


def visible_cut_off_jobs(person: Person) -> QuerySet[CutOffJob]:
    return _seen_by(person, CutOffJob.objects.all())


def visible_runs(person: Person) -> QuerySet[Run]:
    return _seen_by(person, Run.objects.all())


def visible_payloads(person: Person) -> QuerySet[Payload]:
    return _seen_by(person, Payload.objects.all())


def visible_targets(person: Person) -> QuerySet[Target]:
    return _seen_by(person, Target.objects.all())


def visible_system_vms(person: Person) -> QuerySet[SystemVm]:
    """Readers see all of them; a tenant the routers of accounts that they belong to."""
    if principal(person) == Role.TENANT.value:
        return SystemVm.objects.filter(_of_own_accounts(person), type__in=ROUTERS)
    return _seen_by(person, SystemVm.objects.all())


def visible_networks(person: Person) -> QuerySet[Network]:
    """Readers see all of them; a tenant those of accounts that they belong to."""
    if principal(person) == Role.TENANT.value:
        return Network.objects.filter(_of_own_accounts(person))
    return _seen_by(person, Network.objects.all())


def visible_vpcs(person: Person) -> QuerySet[Vpc]:
    """Readers see all of them; a tenant those of accounts that they belong to."""
    if principal(person) == Role.TENANT.value:
        return Vpc.objects.filter(_of_own_accounts(person))
    return _seen_by(person, Vpc.objects.all())


def visible_live_patches(person: Person) -> QuerySet[Run]:
    """Live patches. A tenant sees that there are those which touch what is theirs, and nothing else that is in them."""
    patches = Run.objects.filter(kind=RunKind.LIVE_PATCH)
    if principal(person) == Role.TENANT.value:
        theirs = Target.objects.filter(system_vm__in=visible_system_vms(person)).order_by()
        return patches.filter(id__in=theirs.values("run"))
    return _seen_by(person, patches)


def _of_own_accounts(person: Person) -> Q:
    """What is owned by an account that the person belongs to. Without a membership: nothing."""
    own = Q(pk__in=[])
    if not isinstance(person, User):
        return own
    for one in Membership.objects.filter(user=person.pk):
        of_one = Q(cloud_id=one.cloud_id, domain=one.domain)
        own |= of_one & (Q(account=one.account) if one.account else ~Q(account=""))
    return own


def visible_events(person: Person) -> QuerySet[FeedEvent]:
    return _seen_by(person, FeedEvent.objects.all())
