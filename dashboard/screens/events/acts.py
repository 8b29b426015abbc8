"""The audit in words: who did what. An act that has no sentence of its own is told by its name."""

from collections.abc import Callable, Mapping
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.screens.events.acts_vms import VM_SENTENCES
from dashboard.screens.events.telling import Told, host_of, is_id, named, run_of, sentence
from dashboard.screens.marks import NEEDS_PERSON, Mark, mark
from dashboard.screens.words import count, listing
from maintenance.models import AuditEntry

# About people and settings: administrators only.
PRIVATE_ACTS = (
    "person made",
    "person changed",
    "person: new password",
    "person deactivated",
    "person activated",
    "person unlocked",
    "own password changed",
    "logged out elsewhere",
    "token made",
    "token revoked",
    "membership added",
    "membership removed",
    "limits changed",
    "cloud changed",
    "notifications changed",
    "test notification asked for",
    "wall link made",
    "wall link revoked",
)
# Prefixes of what people do about runs, hosts and what needs them, as actions write them.
RUN_ACTS, HOST_ACTS, NEED_ACTS = ("run", "rolling maintenance"), ("host",), ("attention",)
VM_ACTS = ("live patch", "router restart", "payload")
SERVER_ACTS = ("management server", "shutdown of management server", "job reconciled")

_DONE = Mark("Waiting", "", "waiting")
_NOTED = mark("Done")

type Sentence = Callable[[SafeString, Mapping[str, Any], AuditEntry], SafeString]


def tell_act(entry: AuditEntry) -> Told:
    """One entry of the audit in words."""
    who = named(entry.actor)
    says = _SENTENCES.get(entry.action)
    told = says(who, entry.object, entry) if says else _by_name(who, entry)
    return Told(entry.at, _mark(entry), told, _why(entry))


def _why(entry: AuditEntry) -> str:
    details = str((entry.after or {}).get("details", ""))
    return entry.reason or ("" if details == "OK" else details)


def _mark(entry: AuditEntry) -> Mark:
    verb, _space, state = entry.action.partition(" ")
    if verb == "run" and state in {"Succeeded", "Failed", "Cancelled"}:
        return mark(state)
    match entry.action:
        case "run: pause":
            return mark("Paused")
        case "run: cancel":
            return mark("Cancelled")
        case (
            "live patch started"
            | "router restart started"
            | "rolling maintenance started"
            | "management servers restarted"
            | "run: resume"
        ):
            return mark("Running")
        case "host retried" | "management server retried" | "system VM retried":
            return mark("Running")
        case "host skipped" | "management server skipped" | "system VM skipped":
            return mark("Skipped")
        case "attention taken":
            return NEEDS_PERSON
        case "attention resolved":
            return _NOTED
        case _:
            return _DONE


def _by_name(who: SafeString, entry: AuditEntry) -> SafeString:
    about = entry.object
    if (is_id(about.get("host")) and about.get("host_name")) or is_id(about.get("server")):
        return sentence(_("%(who)s – %(act)s: %(thing)s"), who=who, act=entry.action, thing=host_of(about))
    if is_id(about.get("run")):
        return sentence(_("%(who)s – %(act)s: %(thing)s"), who=who, act=entry.action, thing=run_of(about))
    return sentence(_("%(who)s – %(act)s"), who=who, act=entry.action)


def _of_run(text: Callable[[], str]) -> Sentence:
    return lambda who, about, _entry: sentence(text(), who=who, run=run_of(about))


def _of_host(text: Callable[[], str]) -> Sentence:
    return lambda who, about, _entry: sentence(text(), who=who, host=host_of(about), run=run_of(about))


def _of_need(text: Callable[[], str]) -> Sentence:
    return lambda who, _about, _entry: sentence(text(), who=who)


def _of_person(text: Callable[[], str]) -> Sentence:
    def says(who: SafeString, about: Mapping[str, Any], _entry: AuditEntry) -> SafeString:
        return sentence(text(), who=who, person=_person(about), token=named(about.get("token_name", "")))

    return says


def _person(about: Mapping[str, Any]) -> SafeString:
    name = about.get("person_name", "")
    if not is_id(about.get("person")):
        return named(name)
    url = reverse("settings-person", args=[about["person"]])
    return format_html('<b><a href="{}"><bdi>{}</bdi></a></b>', url, name)


def _started(who: SafeString, about: Mapping[str, Any], entry: AuditEntry) -> SafeString:
    after = entry.after or {}
    hosts = after.get("hosts", 0)
    return sentence(
        _("%(who)s started %(run)s: %(scope)s, %(hosts)s"),
        who=who,
        run=run_of(about),
        scope=named(after.get("scope", "")),
        hosts=count(hosts if isinstance(hosts, int) else 0, "host"),
    )


def _restarted(who: SafeString, about: Mapping[str, Any], entry: AuditEntry) -> SafeString:
    names = [str(name) for name in (entry.after or {}).get("servers", ())]
    says = _("%(who)s started %(run)s, which restarts %(servers)s")
    return sentence(says, who=who, run=run_of(about), servers=named(listing(names)))


def _reconciled(who: SafeString, about: Mapping[str, Any], _entry: AuditEntry) -> SafeString:
    parts = {
        "job": named(about.get("name", "")),
        "resource": named(about.get("resource") or _("its resource")),
    }
    return sentence(_("%(who)s has reconciled %(resource)s, which %(job)s left behind"), who=who, **parts)


def _of_cloud(text: Callable[[], str]) -> Sentence:
    return lambda who, about, _entry: sentence(text(), who=who, cloud=named(about.get("name", "")))


def _of_link(text: Callable[[], str]) -> Sentence:
    return lambda who, about, _entry: sentence(text(), who=who, link=named(about.get("wall_link_name", "")))


def _cloud_set(who: SafeString, about: Mapping[str, Any], _entry: AuditEntry) -> SafeString:
    return sentence(_("%(who)s changed how %(cloud)s is read"), who=who, cloud=named(about.get("name", "")))


_SENTENCES: Mapping[str, Sentence] = {
    "rolling maintenance started": _started,
    "run: pause": _of_run(lambda: _("%(who)s paused %(run)s")),
    "run: resume": _of_run(lambda: _("%(who)s resumed %(run)s")),
    "run: cancel": _of_run(lambda: _("%(who)s stopped %(run)s")),
    "run: skip a host": _of_run(lambda: _("%(who)s skipped a host of %(run)s")),
    "run: retry a host": _of_run(lambda: _("%(who)s had a host of %(run)s tried again")),
    "run: skip a system VM": _of_run(lambda: _("%(who)s skipped a system VM of %(run)s")),
    "run: retry a system VM": _of_run(lambda: _("%(who)s had a system VM of %(run)s tried again")),
    "system VM skipped": _of_host(lambda: _("%(who)s skipped %(host)s in %(run)s")),
    "system VM retried": _of_host(lambda: _("%(who)s had %(host)s tried again in %(run)s")),
    "run: skip a management server": _of_run(lambda: _("%(who)s skipped a management server of %(run)s")),
    "run: retry a management server": _of_run(
        lambda: _("%(who)s had a management server of %(run)s tried again")
    ),
    "run Succeeded": _of_run(lambda: _("%(run)s is done")),
    "run Failed": _of_run(lambda: _("%(run)s failed")),
    "run Cancelled": _of_run(lambda: _("%(run)s was stopped")),
    "host put into maintenance": _of_host(lambda: _("%(who)s put %(host)s into maintenance")),
    "host returned to service": _of_host(lambda: _("%(who)s returned %(host)s to service")),
    "host skipped": _of_host(lambda: _("%(who)s skipped %(host)s in %(run)s")),
    "host retried": _of_host(lambda: _("%(who)s had %(host)s tried again in %(run)s")),
    "management server skipped": _of_host(lambda: _("%(who)s skipped %(host)s in %(run)s")),
    "management server retried": _of_host(lambda: _("%(who)s had %(host)s tried again in %(run)s")),
    "management server put into maintenance": _of_host(
        lambda: _("%(who)s started %(run)s, which puts %(host)s into maintenance")
    ),
    "management server taken out of maintenance": _of_host(
        lambda: _("%(who)s cancelled the maintenance of %(host)s (%(run)s)")
    ),
    "management server made ready to shut down": _of_host(
        lambda: _("%(who)s started %(run)s, which makes %(host)s ready to shut down")
    ),
    "management server shut down": _of_host(lambda: _("%(who)s shut %(host)s down (%(run)s)")),
    "shutdown of management server cancelled": _of_host(
        lambda: _("%(who)s cancelled the shutdown of %(host)s (%(run)s)")
    ),
    "management servers restarted": _restarted,
    **VM_SENTENCES,
    "job reconciled": _reconciled,
    "agent balance change asked for": _of_cloud(
        lambda: _("%(who)s asked for another agent balance of %(cloud)s")
    ),
    "rebalance of agents asked for": _of_cloud(
        lambda: _("%(who)s asked to rebalance the agents of %(cloud)s")
    ),
    "attention taken": _of_need(lambda: _("%(who)s has taken what needs a person")),
    "attention resolved": _of_need(lambda: _("%(who)s settled what needed a person")),
    "person made": _of_person(lambda: _("%(who)s made %(person)s")),
    "person changed": _of_person(lambda: _("%(who)s changed %(person)s")),
    "person: new password": _of_person(lambda: _("%(who)s gave %(person)s a new password")),
    "person deactivated": _of_person(lambda: _("%(who)s deactivated %(person)s")),
    "person activated": _of_person(lambda: _("%(who)s activated %(person)s")),
    "person unlocked": _of_person(lambda: _("%(who)s unlocked %(person)s")),
    "own password changed": _of_person(lambda: _("%(who)s chose a new password")),
    "logged out elsewhere": _of_person(lambda: _("%(who)s logged out everywhere else")),
    "token made": _of_person(lambda: _("%(who)s made the token %(token)s")),
    "token revoked": _of_person(lambda: _("%(who)s revoked the token %(token)s of %(person)s")),
    "membership added": _of_person(lambda: _("%(who)s made %(person)s a member of an account")),
    "membership removed": _of_person(lambda: _("%(who)s ended a membership of %(person)s")),
    "limits changed": _of_need(lambda: _("%(who)s changed the limits")),
    "cloud changed": _cloud_set,
    "notifications changed": _of_need(lambda: _("%(who)s changed who is told")),
    "test notification asked for": _of_need(lambda: _("%(who)s asked for a test notification")),
    "wall link made": _of_link(lambda: _("%(who)s made the wall link %(link)s")),
    "wall link revoked": _of_link(lambda: _("%(who)s revoked the wall link %(link)s")),
}
