"""What each role may do, made from the access matrix itself: a new route appears here by itself."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.db.models import Count, Q
from django.urls import URLPattern, URLResolver
from django.utils.translation import gettext as _

from dashboard.access import ANYBODY, LOGGED_IN, MATRIX
from dashboard.api import urls as api_urls
from dashboard.models import Role, User
from dashboard.screens.frame import role_word
from dashboard.screens.words import count


@dataclass(frozen=True, slots=True)
class RoleColumn:
    word: str
    says: str
    people: str


@dataclass(frozen=True, slots=True)
class Right:
    """One line: what it is, and for each role whether it may. Of a program's request `code` is method and address."""

    text: str
    code: str
    route: str
    may: list[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Group:
    text: str
    rights: list[Right]


@dataclass(frozen=True, slots=True)
class Roles:
    columns: list[RoleColumn]
    groups: list[Group]


def roles() -> Roles:
    found = User.objects.filter(is_active=True).aggregate(
        **{role.value: Count("id", filter=Q(role=role.value)) for role in Role}
    )
    columns = [
        RoleColumn(role_word(role.value), _SAYS[role](), count(found[role.value], "person")) for role in Role
    ]
    looks = [right for route in _pages() if (right := _right(route, "GET"))]
    acts = [right for route in _pages() if (right := _right(route, "POST"))]
    rest = [right for route in _rest() for method in MATRIX[route] if (right := _right(route, method))]
    return Roles(
        columns,
        [
            Group(_("Look at"), looks),
            Group(_("Do"), acts),
            Group(_("By program, over REST"), rest),
        ],
    )


def _pages() -> list[str]:
    return [route for route, row in MATRIX.items() if not route.startswith("api") and not _is_everybodys(row)]


def _rest() -> list[str]:
    return [route for route, row in MATRIX.items() if route.startswith("api:") and not _is_everybodys(row)]


def _is_everybodys(row: Mapping[str, frozenset[str]]) -> bool:
    return all(audience in {ANYBODY, LOGGED_IN} for audience in row.values())


def _right(route: str, method: str) -> Right | None:
    audience = MATRIX[route].get(method)
    if (route, method) in _ONLY_LEAD_ELSEWHERE:
        return None
    if audience is None or audience in {ANYBODY, LOGGED_IN}:
        return None
    may = [(role_word(role.value), role.value in audience) for role in Role]
    if route.startswith("api:"):
        return Right("", f"{method} {_addresses()[route]}", route, may)
    return Right(_WORDS[route, method](), "", route, may)


def _addresses() -> dict[str, str]:
    """Where each route of REST lies, with {what} for what differs."""
    return {f"api:{name}": f"/api/{where}" for name, where in _below(api_urls.urlpatterns)}


def _below(patterns: Iterable[object]) -> Iterator[tuple[str, str]]:
    for one in patterns:
        assert isinstance(one, URLPattern | URLResolver)
        where = _CONVERTER.sub(r"{\1}", str(one.pattern))
        if isinstance(one, URLPattern):
            yield str(one.name), where
        else:
            yield from ((name, where + rest) for name, rest in _below(one.url_patterns))


_SAYS: Mapping[Role, Callable[[], str]] = {
    Role.VIEWER: lambda: _("Sees everything, output of scripts too; changes nothing."),
    Role.OPERATOR: lambda: _("Sees everything, starts and steers runs, takes hosts out of service and back."),
    Role.ADMINISTRATOR: lambda: _(
        "Does what operators do, and sets everything under Settings: people, limits, who is told."
    ),
    Role.TENANT: lambda: _("Sees own networks only, nothing of hosts and runs."),
}
_ONLY_LEAD_ELSEWHERE = {
    ("me-tokens", "GET"),
    ("settings-person-password", "GET"),
    ("run-start", "GET"),
    ("portal", "POST"),
}
_CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")
_WORDS: Mapping[tuple[str, str], Callable[[], str]] = {
    ("overview", "GET"): lambda: _("The overview"),
    ("zones", "GET"): lambda: _("The list of zones"),
    ("zone", "GET"): lambda: _("A zone"),
    ("pods", "GET"): lambda: _("The list of pods"),
    ("pod", "GET"): lambda: _("A pod"),
    ("clusters", "GET"): lambda: _("The list of clusters"),
    ("cluster", "GET"): lambda: _("A cluster"),
    ("hosts", "GET"): lambda: _("The list of hosts"),
    ("host", "GET"): lambda: _("A host, its scripts, instances and history"),
    ("runs", "GET"): lambda: _("The list of runs"),
    ("run", "GET"): lambda: _("A run"),
    ("run-hosts", "GET"): lambda: _("The hosts of a run"),
    ("run-output", "GET"): lambda: _("What scripts printed"),
    ("run-report", "GET"): lambda: _("A run's report"),
    ("run-new", "GET"): lambda: _("The page that starts a run"),
    ("run-plan", "GET"): lambda: _("The plan of a run, before it is started"),
    ("run-print", "GET"): lambda: _("A run's report, to print"),
    ("servers", "GET"): lambda: _("Management servers"),
    ("server", "GET"): lambda: _("A management server: its jobs, agents, peers and history"),
    ("system-vms", "GET"): lambda: _("System VMs and routers, and whether there are updates"),
    ("system-vm", "GET"): lambda: _("A system VM: its services, rules, update and patches"),
    ("system-vms-patch", "GET"): lambda: _("The form that starts a live patch of many"),
    ("system-vms-patch", "POST"): lambda: _("Start a live patch of many"),
    ("routers-restart", "GET"): lambda: _("The form that restarts the routers of networks and VPCs"),
    ("routers-restart", "POST"): lambda: _("Restart the routers of networks and VPCs"),
    ("system-vm-patch", "POST"): lambda: _("Live patch a system VM or router"),
    ("jobs", "GET"): lambda: _("Pending jobs, and those to reconcile"),
    ("server-prepare", "POST"): lambda: _("Prepare a management server for maintenance"),
    ("server-cancel", "POST"): lambda: _("Cancel a management server's maintenance"),
    ("server-prepare-shutdown", "POST"): lambda: _("Make a management server ready to shut down"),
    ("server-trigger-shutdown", "POST"): lambda: _("Shut a management server down"),
    ("server-cancel-shutdown", "POST"): lambda: _("Cancel a management server's shutdown"),
    ("server-restart", "POST"): lambda: _("Restart a management server"),
    ("servers-restart", "POST"): lambda: _("Restart management servers, one by one"),
    ("agents", "GET"): lambda: _("Agents, and how they are spread over management servers"),
    ("agents-change", "GET"): lambda: _("What other settings of agent balance would do"),
    ("agents-change", "POST"): lambda: _("Change agent balance"),
    ("agents-rebalance", "GET"): lambda: _("What a rebalance of agents would do"),
    ("agents-rebalance", "POST"): lambda: _("Rebalance agents"),
    ("job-reconcile", "POST"): lambda: _("Say that a job that was cut off is reconciled"),
    ("needs", "GET"): lambda: _("What needs a person"),
    ("need", "GET"): lambda: _("One thing that needs a person"),
    ("events", "GET"): lambda: _("Events"),
    ("events-download", "GET"): lambda: _("Events as a file"),
    ("settings", "GET"): lambda: _("Settings"),
    ("settings-people", "GET"): lambda: _("People"),
    ("settings-person-new", "GET"): lambda: _("The page that makes a person"),
    ("settings-person", "GET"): lambda: _("A person"),
    ("settings-roles", "GET"): lambda: _("What each role may do"),
    ("settings-tokens", "GET"): lambda: _("Everybody's API tokens"),
    ("settings-clouds", "GET"): lambda: _("Clouds and their age"),
    ("settings-cloud", "GET"): lambda: _("A cloud"),
    ("settings-limits", "GET"): lambda: _("Limits"),
    ("settings-payloads", "GET"): lambda: _("Payloads of system VMs"),
    ("portal", "GET"): lambda: _("Own networks, and their updates"),
    ("portal", "POST"): lambda: _("Ask about own networks"),
    ("portal-update", "POST"): lambda: _("Update an own network now"),
    ("portal-slot", "POST"): lambda: _("Choose a time for an update of an own network"),
    ("portal-give-up", "POST"): lambda: _("Give up the chosen time of an update"),
    ("settings-notifications", "GET"): lambda: _("Who is told"),
    ("settings-walls", "GET"): lambda: _("Wall links"),
    ("settings-walls", "POST"): lambda: _("Make a wall link"),
    ("settings-wall-revoke", "POST"): lambda: _("Revoke a wall link"),
    ("wall", "GET"): lambda: _("The wall"),
    ("wall-hosts", "GET"): lambda: _("The wall of hosts"),
    ("host-prepare", "POST"): lambda: _("Put a host into maintenance"),
    ("host-return", "POST"): lambda: _("Return a host to service"),
    ("host-take-back", "POST"): lambda: _("Take back a host that others took out of service"),
    ("run-new", "POST"): lambda: _("Plan a run"),
    ("run-plan", "POST"): lambda: _("Plan a run anew"),
    ("run-start", "POST"): lambda: _("Start a run"),
    ("run-pause", "POST"): lambda: _("Pause a run"),
    ("run-resume", "POST"): lambda: _("Resume a run"),
    ("run-cancel", "POST"): lambda: _("Stop a run"),
    ("run-host-retry", "POST"): lambda: _("Try a host again"),
    ("run-host-skip", "POST"): lambda: _("Skip a host"),
    ("attention-take", "POST"): lambda: _("Take what needs a person"),
    ("attention-resolve", "POST"): lambda: _("Settle what needs a person"),
    ("events-check", "POST"): lambda: _("Check the audit's chain from its first entry"),
    ("me-tokens", "POST"): lambda: _("Make an own API token"),
    ("me-token-revoke", "POST"): lambda: _("Revoke an own API token"),
    ("settings-person-new", "POST"): lambda: _("Make a person"),
    ("settings-person", "POST"): lambda: _("Change a person's name and role"),
    ("settings-person-password", "POST"): lambda: _("Give a person a new password"),
    ("settings-person-deactivate", "POST"): lambda: _("Deactivate a person"),
    ("settings-person-activate", "POST"): lambda: _("Activate a person"),
    ("settings-person-unlock", "POST"): lambda: _("Unlock a person after wrong passwords"),
    ("settings-membership-add", "POST"): lambda: _("Make a tenant's person a member of an account"),
    ("settings-membership-remove", "POST"): lambda: _("End a membership"),
    ("settings-demo-off", "POST"): lambda: _("Switch demo users off"),
    ("settings-token-revoke", "POST"): lambda: _("Revoke anybody's API token"),
    ("settings-cloud", "POST"): lambda: _("Set how a cloud is read"),
    ("settings-limits", "POST"): lambda: _("Set limits"),
    ("settings-payloads", "POST"): lambda: _("Publish a payload"),
    ("settings-payload-withdraw", "POST"): lambda: _("Withdraw a payload"),
    ("settings-notifications", "POST"): lambda: _("Set who is told"),
    ("settings-notification-test", "POST"): lambda: _("Send a test notification"),
}


def role_says(role: str) -> str:
    """What the role may, in one sentence."""
    return (
        _SAYS[Role(role)]()
        if role in Role.values
        else _("Without a role there is no access. Ask an administrator.")
    )
