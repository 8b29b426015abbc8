"""What management servers, their jobs and their agents did, in words."""

from collections.abc import Mapping
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.events.telling_words import HAPPENED, Told, data, named, sentence, server_of
from dashboard.screens.marks import NEEDS_PERSON, UNKNOWN, Mark, mark
from dashboard.screens.servers.marks import state_mark
from dashboard.screens.words import listing
from maintenance.models import FeedEvent

TOLD_OF_SERVERS = frozenset({"server", "servers", "jobs", "cut_off", "agent", "balance"})

# What may differ of a server or an agent, without what differs all the time.
_VALUES = {
    "name": gettext_lazy("name"),
    "version": gettext_lazy("version"),
    "agents": gettext_lazy("number of agents"),
    "pending_jobs": gettext_lazy("number of jobs"),
    "address": gettext_lazy("address"),
    "tasks": gettext_lazy("background tasks"),
    "peers": gettext_lazy("how it sees the others"),
    "last_agents": gettext_lazy("agents it had"),
    "os_distribution": gettext_lazy("operating system"),
    "kernel_version": gettext_lazy("kernel version"),
    "java_version": gettext_lazy("Java version"),
    "started_at": gettext_lazy("start of its process"),
    "stopped_at": gettext_lazy("end of its process"),
    "booted_at": gettext_lazy("start of its machine"),
    "window_ends_at": gettext_lazy("end of its window"),
    "is_forced": gettext_lazy("whether it is forced"),
    "state": gettext_lazy("state"),
    "resource_state": gettext_lazy("resource state"),
    "servers_listed": gettext_lazy("its list of servers"),
    "algorithm": gettext_lazy("algorithm"),
    "check_interval_s": gettext_lazy("check interval"),
    "hosts": gettext_lazy("the setting host"),
    "check_interval_of_cluster_s": gettext_lazy("check intervals of clusters"),
    "maintenance_timeout_min": gettext_lazy("window of maintenance"),
    "ignore_maintenance_hosts": gettext_lazy("whether hosts in maintenance count"),
}

type Values = Mapping[str, Any]


def tell_of_servers(event: FeedEvent) -> Told:
    about, after = event.object, event.after or {}
    match event.kind.partition(".")[0]:
        case "server":
            return _server(event, about, after)
        case "servers":
            return _read(event, about, after)
        case "jobs":
            return _job(event, about, after)
        case "cut_off":
            return _cut_off(event, about, after)
        case "agent":
            return _agent(event, about, after)
        case _:
            return _balance(event, about, after)


def _server(event: FeedEvent, about: Values, after: Values) -> Told:
    server = server_of(about)
    if after.get("new"):
        return Told(event.at, HAPPENED, sentence(_("%(server)s is new"), server=server), is_news=False)
    if after.get("gone"):
        return Told(event.at, HAPPENED, sentence(_("%(server)s is no longer listed"), server=server))
    if "state" in after:
        says = sentence(_("%(server)s is %(state)s"), server=server, state=data(after["state"]))
        return Told(event.at, state_mark(str(after["state"])), says)
    return _changed(event, server, after)


def _read(event: FeedEvent, about: Values, after: Values) -> Told:
    cloud = named(about.get("name") or _("A cloud"))
    if error := str(after.get("error") or ""):
        says = sentence(_("The management servers of %(cloud)s cannot be read"), cloud=cloud)
        return Told(event.at, UNKNOWN, says, error)
    says = sentence(_("The management servers of %(cloud)s can be read again"), cloud=cloud)
    return Told(event.at, mark("Done"), says)


def _job(event: FeedEvent, about: Values, after: Values) -> Told:
    name = str(about.get("name") or "")
    job = sentence(_("The pending job %(name)s"), name=named(name)) if name else named(_("A pending job"))
    texts = {"new": _("%(job)s is new"), "gone": _("%(job)s is no longer pending")}
    key = next((key for key in texts if after.get(key)), "")
    says = sentence(texts.get(key, _("%(job)s has changed")), job=job)
    return Told(event.at, HAPPENED, says, is_news=False)


def _cut_off(event: FeedEvent, about: Values, after: Values) -> Told:
    parts = {"job": named(about.get("name") or _("A job")), "resource": named(about.get("resource") or "")}
    if event.kind == "cut_off.reconciled":
        says = sentence(_("What %(job)s left behind was reconciled"), **parts)
        return Told(event.at, mark("Done"), says)
    if after.get("new"):
        says = sentence(
            _("%(job)s was cut off with its server: what it worked on is to be reconciled"), **parts
        )
        return Told(event.at, NEEDS_PERSON, says)
    says = sentence(_("%(job)s was cut off; what is told of it has changed"), **parts)
    return Told(event.at, HAPPENED, says, is_news=False)


def _agent(event: FeedEvent, about: Values, after: Values) -> Told:
    agent = named(about.get("name") or _("An agent"))
    if after.get("new"):
        says = sentence(_("The agent %(agent)s is new"), agent=agent)
    elif after.get("gone"):
        says = sentence(_("The agent %(agent)s is no longer listed"), agent=agent)
    elif "management_server_id" in after and not after["management_server_id"]:
        says = sentence(_("The agent %(agent)s is connected to no management server"), agent=agent)
    elif "management_server_id" in after:
        says = sentence(_("The agent %(agent)s is on another management server"), agent=agent)
    else:
        return _changed(event, agent, after)
    return Told(event.at, HAPPENED, says, is_news=False)


def _balance(event: FeedEvent, about: Values, after: Values) -> Told:
    cloud = named(about.get("name") or _("A cloud"))
    is_rebalance = about.get("kind") == "rebalance"
    match event.kind:
        case "balance.changed":
            before = event.before or {}
            what = _what({key: value for key, value in after.items() if before.get(key) != value})
            text = _("The agent balance of %(cloud)s has changed: %(what)s")
            if not what:
                text = _("The agent balance of %(cloud)s has changed")
            says = sentence(text, cloud=cloud, what=what)
            return Told(event.at, HAPPENED, says, is_news=bool(before))  # the first reading is no change
        case "balance.asked":
            text = _("%(cloud)s: a change of the agent balance was asked for")
            if is_rebalance:
                text = _("%(cloud)s: a rebalance of its agents was asked for")
            return Told(event.at, mark("Waiting"), sentence(text, cloud=cloud), is_news=False)
        case _:
            return _balance_answered(event, cloud, after, is_rebalance=is_rebalance)


def _balance_answered(event: FeedEvent, cloud: SafeString, after: Values, *, is_rebalance: bool) -> Told:
    state = str(after.get("state", "")).lower()
    texts = {
        "done": (_("%(cloud)s: the agent balance was changed"), _("%(cloud)s: its agents were rebalanced")),
        "refused": (
            _("%(cloud)s refused the change of its agent balance"),
            _("%(cloud)s refused to rebalance its agents"),
        ),
    }
    unanswered = (
        _("%(cloud)s: the change of its agent balance is now %(state)s"),
        _("%(cloud)s: the rebalance of its agents is now %(state)s"),
    )
    drawn: Mark = mark({"done": "Done", "refused": "Failed"}.get(state, "?"))
    says = sentence(texts.get(state, unanswered)[is_rebalance], cloud=cloud, state=data(state))
    return Told(event.at, drawn, says, str(after.get("answer") or ""))


def _changed(event: FeedEvent, thing: SafeString, after: Values) -> Told:
    what = _what(after)
    if not what:
        return Told(event.at, HAPPENED, sentence(_("%(thing)s has changed"), thing=thing), is_news=False)
    says = sentence(_("The cloud says that %(thing)s has changed: %(what)s"), thing=thing, what=what)
    return Told(event.at, HAPPENED, says, is_news=False)


def _what(after: Values) -> str:
    return listing([str(_VALUES[key]) for key in sorted(after) if key in _VALUES])
