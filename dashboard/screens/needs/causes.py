"""Why a person is needed, in words: what it means, what Pitstop does about it by itself, what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from maintenance.engine.attention import Cause

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

# What no engine can write down: every page sees it by itself.
ENGINE_SILENT = "engine-silent"
CLOUD_UNREAD = "cloud-unread"
# Of management servers that no run has: written by an engine without a run.
NO_SERVER_UP = "no-server-up"
SERVER_DOWN = "server-down"


@dataclass(frozen=True, slots=True)
class CauseWords:
    """`name` stands above all that need a person for this cause."""

    name: "StrPromise"
    means: "StrPromise"
    meanwhile: "StrPromise"
    help: "StrPromise"


# In the order in which they are shown: what stops everything comes first.
CAUSES: Mapping[str, CauseWords] = {
    ENGINE_SILENT: CauseWords(
        _("No engine answers"),
        _(
            "Engines do the work: they lead the runs, ask the clouds and watch the hosts. None of them says that it "
            "lives, so nothing moves."
        ),
        _(
            "Nothing is lost: how far everything is stands in the database, and scripts that run go on. The first "
            "engine that starts takes over where things stand. What you press until then is kept, and done then."
        ),
        _("Start an engine with the command on this page, which sees by itself that it is back."),
    ),
    CLOUD_UNREAD: CauseWords(
        _("A cloud cannot be read"),
        _("The cloud does not answer as it should. How its hosts and instances are now is not known."),
        _(
            "It is asked again every few seconds. No host leaves service while its cluster cannot be read; a host "
            "that is out stays where it is until it can be seen."
        ),
        _(
            "Look whether the cloud's management servers answer, and whether this machine reaches them. This is "
            "settled by itself with the first good reading."
        ),
    ),
    NO_SERVER_UP: CauseWords(
        _("No management server is Up"),
        _(
            "Nothing can be asked of the cloud: no instance is started, moved or stopped, and no host leaves or comes "
            "back. What runs goes on running."
        ),
        _(
            "Runs wait where they stand, and go on when a server is Up again. Servers are looked at all the time; "
            "the first that is seen Up settles this."
        ),
        _("Start one of them, or cancel the maintenance of one that only prepares or is held."),
    ),
    SERVER_DOWN: CauseWords(
        _("A management server died"),
        _(
            "It is Down, and nobody asked for it: no run of Pitstop shut it down. Jobs that it worked on have ended "
            "with it."
        ),
        _(
            "Pitstop talks through the others. Agents connect to the next server of their lists by themselves. When "
            "it is seen Up again, this is settled by itself."
        ),
        _(
            "Start it, and read its log for why it ended. Then look at what its jobs left behind, and say so under "
            "“To reconcile”."
        ),
    ),
    Cause.HOST_NOT_BACK: CauseWords(
        _("A host is not back in service"),
        _(
            "Pitstop took it out of service and has not seen it Up and Enabled since. It counts as out: the limit of "
            "its cluster holds."
        ),
        _(
            "Pitstop looks every few seconds. Once the host is seen back in service, this is settled by itself."
        ),
        _(
            "Bring the machine up, at its console or power switch. When its agent is Up, return it to service here."
        ),
    ),
    Cause.INSTANCE_LOST: CauseWords(
        _("Instances are not running"),
        _("They ran before their host left service, and did not run when it was back."),
        _(
            "No further host leaves service. When all of them are seen running again, this is settled by itself."
        ),
        _("Start them in the cloud, or find out who stopped them. Then resume the run."),
    ),
    Cause.STAGE_FAILED: CauseWords(
        _("A stage failed"),
        _("A script, or what was asked of the cloud, did not succeed on this host."),
        _(
            "Where the host had left service it was brought back first. Nothing is tried again without a person."
        ),
        _(
            "Read its last output and set right what failed. Then retry, or skip the host and resume without it."
        ),
    ),
    Cause.PREFLIGHT_FAILED: CauseWords(
        _("A PreFlight failed"),
        _("A check that runs before anything is touched said no, and so the run ended."),
        _("No host leaves service after a failed PreFlight. Nothing is tried again without a person."),
        _("Set right what the check found, and start again. This is settled when its PreFlight passes."),
    ),
    Cause.FOREIGN_MAINTENANCE: CauseWords(
        _("Taken out of service by others"),
        _("The host is in maintenance, and not by Pitstop. Somebody may be working on it."),
        _(
            "Pitstop never touches it by itself. Once it is seen back in service this is settled, and whatever waits "
            "for it goes on."
        ),
        _(
            "Ask who has it. When nobody needs it any more, have it returned here, or skip the host that waits."
        ),
    ),
    Cause.NO_ROOM: CauseWords(
        _("A cluster is full"),
        _("The host's instances do not all fit on the rest of its cluster. It stays in service, untouched."),
        _("Pitstop looks for room every second, and goes on by itself as soon as all of them fit."),
        _("Make room in the cluster: move, shrink or stop instances, or return a host. Or skip this one."),
    ),
    Cause.SLOT_TAKEN: CauseWords(
        _("Other hosts are out of service"),
        _(
            "So many hosts of its cluster are out of service that this one must wait for them. It is untouched."
        ),
        _("Pitstop looks every second, and goes on by itself as soon as fewer are out."),
        _("Bring the others back, or wait for whoever has them. Or skip this host."),
    ),
    Cause.UNSETTLED: CauseWords(
        _("Instances are not settled"),
        _("Instances on the host are starting, stopping or moving. It stays in service, untouched."),
        _("Pitstop looks every second, and goes on by itself as soon as they are settled."),
        _("Look in the cloud what keeps them. Or skip this host."),
    ),
    Cause.SERVER_NOT_BACK: CauseWords(
        _("A management server is not back"),
        _(
            "A run shut it down or took it into maintenance, and it is not Up with its agents as it was. Tenants are "
            "served by the others."
        ),
        _("No further server is taken. Once it is as it should be, a retry goes on where it stands."),
        _(
            "Look on its machine whether its process runs (systemctl status cloudstack-management), and at its log. "
            "Then retry, or stop the run."
        ),
    ),
    Cause.SERVER_STUCK: CauseWords(
        _("A management server cannot get ready"),
        _("It prepares, and is held by what does not end by itself. It refuses new work meanwhile."),
        _(
            "Pitstop looks all the time, and goes on by itself as soon as nothing holds it. At the end of its window "
            "the cloud brings it back to Up, unless it was forced."
        ),
        _("Do away with what holds it, as noted above. Or cancel: it is Up again at once."),
    ),
    Cause.SERVER_FAILED: CauseWords(
        _("A management server failed its maintenance"),
        _("It did not get where it was to go, and was brought back to Up first."),
        _("No further server is taken, and nothing is tried again without a person."),
        _("Set right what kept it. Then retry, or skip it and resume without it."),
    ),
    Cause.PATCH_NOT_RESTORED: CauseWords(
        _("A system VM could not be restored"),
        _(
            "Its live patch failed, and its previous version could not be put back, or nobody could look whether it "
            "was. What it serves may be away."
        ),
        _(
            "No further VM of the run is begun. The backup is kept, and nothing is tried again without a person."
        ),
        _(
            "The note names where the backup lies, and the commands. Put it back by hand, then retry or stop the run; "
            "when nothing helps, have the cloud recreate the VM."
        ),
    ),
    Cause.PATCH_UNCONFIRMED: CauseWords(
        _("An update could not be confirmed"),
        _(
            "It is installed, but its services were dead before it, and nothing in the VM answers that could tell what "
            "runs."
        ),
        _(
            "No further VM of the run is begun. The backup is kept, and nothing is tried again without a person."
        ),
        _("Find out why its services are dead, and start them. Then retry: it is verified again."),
    ),
    Cause.PATCH_FAILED: CauseWords(
        _("A live patch failed"),
        _("It failed, and the VM runs the version it had before: that was put back, or nothing was changed."),
        _("What it serves was probed with the previous version. Nothing is tried again without a person."),
        _("Read what failed, and set it right. Then retry, or skip the VM and resume without it."),
    ),
    Cause.ROUTER_NOT_RESTORED: CauseWords(
        _("A router is not back"),
        _(
            "Its replacement failed, and the previous router does not serve as it did, or nobody could look whether "
            "it does. Its network may be down."
        ),
        _("No further router of the run is begun, and nothing is tried again without a person."),
        _(
            "The note names what does not answer, and the commands. Have one router serve the network, then retry or "
            "stop the run."
        ),
    ),
    Cause.ROUTER_FAILED: CauseWords(
        _("A restart of a router failed"),
        _("The previous router serves, or what took its place does and something beside it was not done."),
        _("What serves was probed, rules and public IPs as well. Nothing is tried again without a person."),
        _("Read what failed, and set it right. Then retry, or skip the router and resume without it."),
    ),
    Cause.RUN_PAUSED: CauseWords(
        _("A run waits to be resumed"),
        _("Pitstop paused it. What it paused for is settled or was closed, and nobody has resumed it."),
        _("Nothing is out of service because of this run. Nothing starts until somebody resumes it."),
        _("Resume it, or stop it for good."),
    ),
}
_OTHER = CauseWords(
    _("Something else"),
    _("This release does not know the cause; what was noted says more."),
    _("Nothing is tried again without a person."),
    _("Read what was noted, and look at the run and at what it is about."),
)
ORDER = {cause: place for place, cause in enumerate(CAUSES)}


def cause_words_of(cause: str) -> CauseWords:
    """Also of a cause that an earlier or later release wrote."""
    return CAUSES.get(cause, _OTHER)
