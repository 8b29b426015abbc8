"""The sentence a run's page begins with: what is so, and what follows from it."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.marks import mark
from dashboard.screens.run.consequences import stuck_words
from dashboard.screens.run.outlook import held_targets
from dashboard.screens.runs.name import finished_of
from dashboard.screens.words import count, figure, listing, said
from maintenance.domain.states import TARGET_BEGUN, TARGET_ENDED, RunKind, RunState, TargetState
from maintenance.models import Run, Target

NAMED_MAX = 50  # more hosts at work are counted


def run_sentence(run: Run, counts: dict[str, int], *, ends_known: bool) -> tuple[str, str]:
    """`ends_known`: when the run will end is said after the sentence, so nothing else follows while it runs well."""
    if run.kind == RunKind.HOST:
        target = run.targets.first()
        return by_hand_sentence(run, target) if target else (_("One host by hand."), "")
    match run.state:
        case RunState.QUEUED if run.not_before:
            nothing = _("%(hosts)s, nothing is touched before.") % {"hosts": _hosts(counts)}
            return _("Waiting for its time."), nothing
        case RunState.QUEUED:
            nothing = _("%(hosts)s, nothing has been touched.") % {"hosts": _hosts(counts)}
            return _("Waiting for an engine."), nothing
        case RunState.RUNNING | RunState.PAUSED | RunState.STOPPING:
            return _under_way(run, counts, ends_known=ends_known)
        case _:
            return end_sentence(run, counts)


def _under_way(run: Run, counts: dict[str, int], *, ends_known: bool) -> tuple[str, str]:
    progress = _progress(counts)
    match run.state:
        case RunState.PAUSED:
            return _("Paused. %(progress)s") % {"progress": progress}, _why_paused(run)
        case RunState.STOPPING:
            return _("Stopping."), _goes_home(run)
        case _ if _is_checking(counts):
            passed = _("%(n)s passed so far, nothing is touched before all have.")
            passed %= {"n": figure(counts.get(TargetState.READY, 0))}
            return _("Checking %(hosts)s first.") % {"hosts": _every_host(sum(counts.values()))}, passed
        case _ if run.pausing:
            return progress, _("Pausing: %(what)s") % {"what": _goes_home(run)}
        case _ if held := held_targets(run):
            return _held_words(held)
        case _:
            return progress, "" if ends_known else _now_words(run)


def _hosts(counts: dict[str, int]) -> str:
    return count(sum(counts.values()), "host")


def _progress(counts: dict[str, int]) -> str:
    facts = {"n": figure(finished_of(counts)), "hosts": _hosts(counts)}
    return _("%(n)s of %(hosts)s finished.") % facts


def _held_words(held: list[Target]) -> tuple[str, str]:
    """Every host in turn is held: which, and why."""
    names = listing([said(target.name) for target in held])
    says = ngettext("Held: %(names)s waits.", "Held: %(names)s wait.", len(held)) % {"names": names}
    if len({target.detail for target in held}) == 1:
        return says, sentence_case(held[0].detail)
    return says, " ".join(f"{said(t.name)}: {t.detail.rstrip('.')}." for t in held[:3])


def _why_paused(run: Run) -> str:
    reason = run.paused_reason or {}
    target = run.targets.filter(host=reason["host"]).first() if reason.get("host") else None
    message = str(reason.get("message") or "")
    if target is None:
        return sentence_case(message) or _("Nothing starts until somebody resumes.")
    why = target.detail or message
    return _("%(host)s failed: %(why)s.") % {"host": said(target.name), "why": why.rstrip(".")}


def _is_checking(counts: dict[str, int]) -> bool:
    """PreFlight runs on all hosts before the first host's turn."""
    begun_or_ended = sum(counts.get(state, 0) for state in TARGET_BEGUN | TARGET_ENDED)
    return not begun_or_ended and bool(
        counts.get(TargetState.CHECKING, 0) + counts.get(TargetState.WAITING, 0)
    )


def _now_words(run: Run) -> str:
    """What is going on, where it is not known when it will end."""
    at_work = list(run.targets.filter(state__in=TARGET_BEGUN).values_list("name", "state")[:NAMED_MAX])
    if not at_work:
        return _("The next host starts in a moment.")
    if len(at_work) == 1:
        name, state = at_work[0]
        return _("%(host)s is %(state)s.") % {"host": said(name), "state": mark(state).word.lower()}
    return _("%(hosts)s are at work.") % {"hosts": listing([said(name) for name, _state in at_work])}


def _goes_home(run: Run) -> str:
    at_work = run.targets.filter(state__in=TARGET_BEGUN).values_list("name", flat=True)[:NAMED_MAX]
    names = [said(name) for name in at_work]
    if not names:
        return stuck_words(run) or _("no host is out of service.")
    if run.state == RunState.STOPPING:
        words = ngettext(
            "%(hosts)s returns to service first.", "%(hosts)s return to service first.", len(names)
        )
    else:
        words = ngettext(
            "%(hosts)s finishes and returns to service first.",
            "%(hosts)s finish and return to service first.",
            len(names),
        )
    return words % {"hosts": listing(names)}


def end_sentence(run: Run, counts: dict[str, int]) -> tuple[str, str]:
    """How the run ended. Skips are never called a success."""
    total = sum(counts.values())
    done, skipped = counts.get(TargetState.DONE, 0), counts.get(TargetState.SKIPPED, 0)
    if run.state == RunState.CANCELLED:
        return _("Stopped by a person."), _how_far(run, counts)
    if run.state == RunState.SUCCEEDED and done == total:
        return _("Done: %(hosts)s.") % {"hosts": _every_host(total)}, _("Every one is back in service.")
    if run.state == RunState.SUCCEEDED:
        updated = _("%(hosts)s of %(total)s updated.")
        return (
            _("Done, %(n)s skipped.") % {"n": figure(skipped)},
            updated % {"hosts": count(done, "host"), "total": figure(total)},
        )
    if run.details and not done and not run.outs.exists():
        cause = sentence_case(run.details.removesuffix("; nothing was touched"))
        return _("Failed. Nothing was touched."), cause
    failed = counts.get(TargetState.FAILED, 0) + counts.get(TargetState.NEEDS_PERSON, 0)
    says = ngettext("Failed. One host failed.", "Failed. %(n)s hosts failed.", failed)
    return says % {"n": figure(failed)}, _how_far(run, counts, with_failed=False)


def _every_host(hosts: int) -> str:
    match hosts:
        case 1:
            return _("its only host")
        case 2:
            return _("both hosts")
        case _:
            return _("all %(n)s hosts") % {"n": figure(hosts)}


def _how_far(run: Run, counts: dict[str, int], *, with_failed: bool = True) -> str:
    """Every host once. One that was out when the run was stopped had begun."""
    begun = run.targets.filter(state=TargetState.CANCELLED).exclude(out_at=None).count()
    found = [(_("%(n)s done"), counts.get(TargetState.DONE, 0), True)]
    if with_failed:
        found += [
            (_("%(n)s failed"), counts.get(TargetState.FAILED, 0), False),
            (_("%(n)s in need of a person"), counts.get(TargetState.NEEDS_PERSON, 0), False),
        ]
    found += [
        (_("%(n)s skipped"), counts.get(TargetState.SKIPPED, 0), False),
        (_("%(n)s stopped on the way"), begun, False),
        (_("%(n)s not begun"), counts.get(TargetState.CANCELLED, 0) - begun, False),
    ]
    return (
        ", ".join(words % {"n": figure(number)} for words, number, always in found if number or always) + "."
    )


def by_hand_sentence(run: Run, target: Target) -> tuple[str, str]:
    """One host taken out by a person: what is so, what follows."""
    name = {"host": said(target.name)}
    match target.state:
        case TargetState.IN_MAINTENANCE:
            return _("%(host)s is out of service.") % name, _("It is held until a person returns it.")
        case TargetState.DRAINING:
            return _("%(host)s is leaving service.") % name, _("Its instances move to other hosts first.")
        case TargetState.RETURNING:
            waits = _("It counts as out until it is seen Up and Enabled.")
            return _("%(host)s is coming back.") % name, waits
        case TargetState.DONE:
            return _("%(host)s is in service again.") % name, ""
        case TargetState.NEEDS_PERSON:
            return _("%(host)s needs a person.") % name, sentence_case(target.detail)
        case TargetState.FAILED | TargetState.CANCELLED | TargetState.SKIPPED:
            return _("%(host)s was not taken out.") % name, sentence_case(target.detail)
        case _:
            return _("%(host)s waits to leave service.") % name, sentence_case(target.detail)


def sentence_case(text: str) -> str:
    """A reason as a sentence of its own; a name at its start keeps its spelling."""
    if not text:
        return ""
    first = text.split()[0]
    start = text[0].upper() if first.isalpha() else text[0]  # kvm4 keeps its name
    return start + text[1:] + ("" if text[-1] in ".!?" else ".")
