"""What sentences about things that happened are made of. They are HTML: names are isolated and escaped, things are
links."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.html import conditional_escape, format_html, strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.screens.events.cluster_names import cluster_name
from dashboard.screens.marks import Mark
from dashboard.screens.words import said

HAPPENED = Mark("Waiting", "", "waiting")  # neither good nor bad


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened. `more` is why, or the detail, as it was written down."""

    at: datetime
    mark: Mark
    says: SafeString
    more: str = ""
    is_news: bool = True  # for the overview


def sentence(template: str, **parts: object) -> SafeString:
    """The translated template with its %(names)s filled in, everything escaped that is not HTML of ours."""
    escaped = {
        name: conditional_escape(part if isinstance(part, SafeString) else str(part))
        for name, part in parts.items()
    }
    return SafeString(conditional_escape(template) % escaped)


def plain(says: SafeString) -> str:
    """The sentence without its HTML, for files."""
    return unescape(strip_tags(says))


def named(name: object) -> SafeString:
    """A name that people or clouds wrote, isolated in its direction."""
    return format_html("<b><bdi>{}</bdi></b>", name)


def data(value: object) -> SafeString:
    """A value as a machine writes it, the name of a stage or a state: no language changes it."""
    return format_html("<bdi>{}</bdi>", value)


def linked(name: object, route: str, *ids: object) -> SafeString:
    """A name as a link to its page."""
    return format_html('<b><a href="{}"><bdi>{}</bdi></a></b>', reverse(route, args=ids), name)


def run_of(about: Mapping[str, Any]) -> SafeString:
    """Run 12, as a link."""
    number = about.get("run_number")
    name = _("Run %(number)s") % {"number": number} if number else _("A run")
    return linked(name, "run", about["run"]) if is_id(about.get("run")) else named(name)


def host_of(about: Mapping[str, Any]) -> SafeString:
    """The part of its name that people say, as a link, and its cluster where there are several: kvm1 (p2-c1). A run's
    target may be a management server instead."""
    if "server" in about and "host" not in about:
        return server_of(about)
    if "system_vm" in about and "host" not in about:
        return system_vm_of(about)
    name = said(str(about.get("host_name") or about.get("name") or "")) or _("A host")
    host = linked(name, "host", about["host"]) if is_id(about.get("host")) else named(name)
    cluster = cluster_name(about.get("cluster"))
    return sentence(_("%(host)s (%(cluster)s)"), host=host, cluster=data(cluster)) if cluster else host


def server_of(about: Mapping[str, Any]) -> SafeString:
    """A management server, as a link."""
    name = said(str(about.get("server_name") or about.get("name") or "")) or _("A management server")
    return linked(name, "server", about["server"]) if is_id(about.get("server")) else named(name)


def system_vm_of(about: Mapping[str, Any]) -> SafeString:
    """A system VM or router, as a link."""
    name = about.get("system_vm_name") or about.get("name") or _("A system VM")
    return linked(name, "system-vm", about["system_vm"]) if is_id(about.get("system_vm")) else named(name)


def is_id(text: object) -> bool:
    try:
        UUID(str(text))
    except ValueError:
        return False
    return True


def whole_number(values: Mapping[str, Any], key: str) -> int:
    found = values.get(key, 0)
    return found if isinstance(found, int) else 0
