"""A host's hook scripts: which there are, what speaks against one, and how each differs from the others' of its
cluster."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.host.drift import NONE, REFUSED, Compared, Same, compared
from dashboard.screens.host.standing import Standing
from dashboard.screens.marks import UNKNOWN, Mark
from dashboard.screens.places.figures import SCRIPTED
from dashboard.screens.places.kinds import Link
from dashboard.screens.words import figure, listing, said, spelled
from maintenance.domain.hook_stages import STAGES
from maintenance.models import Host

HOSTS_NAMED = 5
DIGEST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class OtherScript:
    """What other hosts have for the stage, and which."""

    says: str
    hosts: list[Link]
    more: int


@dataclass(frozen=True, slots=True)
class Script:
    stage: str
    mark: Mark
    path: str
    digest: str
    whole_digest: str
    problem: str
    drifts: bool
    against: str  # in words: like how many others
    others: list[OtherScript]


@dataclass(frozen=True, slots=True)
class Scripts:
    says: str
    drifts: bool
    scripts: list[Script]
    folder: str
    executor: str
    limits: str
    warnings: list[str]
    seen_at: datetime | None
    is_known: bool
    can_run: bool
    cluster: str


def scripts(at: Standing) -> Scripts:
    host = at.host
    against = compared(host)
    found = [_script(host, stage, against[stage]) for stage in STAGES]
    adrift = [script.stage for script in found if script.drifts]
    return Scripts(
        says=_says(host, found, adrift),
        drifts=bool(adrift),
        scripts=found,
        folder=host.hooks_dir,
        executor=host.hooks_executor,
        limits=host.hooks_limits,
        warnings=[str(warning) for warning in host.hooks_warnings],
        seen_at=host.hooks_seen_at,
        is_known=host.hooks is not None,
        can_run=host.hypervisor == SCRIPTED,
        cluster=host.cluster.name,
    )


def _says(host: Host, found: list[Script], adrift: list[str]) -> str:
    """One line: what differs, or that nothing does."""
    if host.hooks is None:
        return ""
    if adrift:
        stages = {"stages": listing(adrift, most=4), "cluster": host.cluster.name}
        return _("%(stages)s: other than on the other hosts of %(cluster)s.") % stages
    if not any(script.others or script.against for script in found):
        return _("No other host of its cluster to compare with.")
    return ""


def _script(host: Host, stage: str, against: Compared) -> Script:
    found = (host.hooks or {}).get(stage) or {}
    problem, digest = str(found.get("problem") or ""), str(found.get("digest") or "")
    is_there = bool(found.get("present"))
    if host.hooks is None:
        drawn = UNKNOWN
    elif problem:
        drawn = Mark("Failed", _("Refused"), "failed")
    elif is_there:
        drawn = Mark("Done", _("There"), "done")
    else:
        drawn = Mark("Waiting", _("None"), "waiting")
    return Script(
        stage=str(stage),
        mark=drawn,
        path=str(found.get("path") or "") if is_there else "",
        digest=digest[:DIGEST_SHOWN],
        whole_digest=digest,
        problem=problem,
        drifts=against.drifts,
        against=_against(host, against),
        others=[_other(other) for other in against.others],
    )


def _against(host: Host, against: Compared) -> str:
    """As on all 3 others · as on 1 of 3 others · as on none of 3 others."""
    if host.hooks is None or not against.total:
        return ""
    if not against.others:
        return ngettext("As on the one other", "As on the %(n)s others", against.total) % {
            "n": figure(against.total)
        }
    if not against.same:
        return ngettext("Not as on the one other", "As on none of the %(n)s others", against.total) % {
            "n": figure(against.total)
        }
    return _("As on %(same)s of the %(n)s others") % {
        "same": figure(against.same),
        "n": figure(against.total),
    }


def _other(other: Same) -> OtherScript:
    number = len(other.hosts)
    what = {
        NONE: ngettext("%(n)s has none:", "%(n)s have none:", number),
        REFUSED: ngettext("%(n)s has one that is refused:", "%(n)s have one that is refused:", number),
    }.get(other.script, ngettext("%(n)s has %(digest)s:", "%(n)s have %(digest)s:", number))
    shown = other.hosts[:HOSTS_NAMED]
    return OtherScript(
        what % {"n": spelled(number), "digest": other.script[:DIGEST_SHOWN]},
        [Link(said(name), reverse("host", args=[key])) for key, name in shown],
        number - len(shown),
    )
