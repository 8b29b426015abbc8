"""Requests that change something at a cloud: written before they are sent, settled when their fate is known."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from maintenance.backends.base import Expired, JobLook, Later, Never, NoReply
from maintenance.clock import database_now
from maintenance.engine.claim import check_claim
from maintenance.engine.failpoints import failpoint
from maintenance.engine.hands import Hands
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import Intent


def write_intent(hands: Hands, action: str) -> Intent:
    """The request as it will be sent. Call inside the transaction that decides it.

    The cloud refuses it once it has expired (CloudStack: signatureVersion=3 and expires). It lives shorter than a
    lease, so that whoever takes a step over finds every request of the dead owner either done or refused.
    """
    return Intent.objects.create(
        host_id=hands.target.host_id,
        server_id=hands.target.server_id,
        step=hands.step,
        action=action,
        expires_at=database_now() + timedelta(seconds=settings.INTENT_VALID_S),
    )


def send(hands: Hands, intent: Intent, ask: Callable[[datetime], str]) -> None:
    """Send the written request once. Afterwards the intent holds the job's id, the cloud's refusal, or neither:
    then nobody knows, and it stays open until it has expired.

    Raises: Never (with the cloud's words; nothing was done), Later (nothing was done, or it came too late), LostLease.
    """
    job_id = _ask(hands, intent, ask)
    if job_id is None:
        return
    failpoint(f"{intent.action}.sent", hands.target.name)
    _write(hands, intent, job_id=job_id)
    failpoint(f"{intent.action}.noted", hands.target.name)


def send_at_once(hands: Hands, intent: Intent, ask: Callable[[datetime], object]) -> bool:
    """`send` of a request that is answered at once, without a job: it is settled with its answer. Whether one was read.

    Raises: Never, Later, LostLease, as `send` does.
    """
    if _ask(hands, intent, ask) is None:
        return False
    failpoint(f"{intent.action}.sent", hands.target.name)
    _write(hands, intent, settled_at=database_now())
    failpoint(f"{intent.action}.noted", hands.target.name)
    return True


def _ask[Answer](hands: Hands, intent: Intent, ask: Callable[[datetime], Answer]) -> Answer | None:
    """The cloud's answer; None when none was read."""
    failpoint(f"{intent.action}.written", hands.target.name)
    try:
        return ask(intent.expires_at)
    except NoReply as silence:
        hands.note(f"no reply to {intent.action}: {silence}; looking what came of it")
        return None
    except (Never, Later) as refusal:
        _write(hands, intent, refused=str(refusal), settled_at=database_now())
        if isinstance(refusal, Expired):
            raise Later(f"the request came too late: {refusal}") from refusal  # a new one may be written
        raise


def follow_jobs(hands: Hands) -> None:
    """Settle the host's intents whose cloud job has ended. An unreadable answer leaves them open."""
    for intent in open_intents(hands).exclude(job_id=""):
        try:
            look = hands.cloud.look_at_job(intent.job_id)
        except (Later, NoReply):
            look = JobLook("unknown")
        if look.state in {"succeeded", "failed"}:
            _write(hands, intent, settled_at=database_now(), job_error=look.error)
            failpoint(f"{intent.action}.settled", hands.target.name)


def open_intents(hands: Hands) -> QuerySet[Intent]:
    """Intents for this host or server whose fate is not known: not settled, and (without a job) not yet expired."""
    of_it = {"host_id": hands.target.host_id, "server_id": hands.target.server_id}
    unsettled = Intent.objects.filter(**of_it, settled_at=None)
    return unsettled.exclude(Q(job_id="") & Q(expires_at__lte=database_now()))


def had_silence(hands: Hands) -> bool:
    """Whether any request of this target went without a reply: then one look is not enough."""
    return Intent.objects.filter(step__target=hands.target, job_id="", settled_at=None).exists()


def last_failure(hands: Hands) -> str:
    """The cloud's words for the last job of this step that failed, or nothing."""
    failed = Intent.objects.filter(step=hands.step).exclude(job_error="").order_by("-written_at").first()
    return failed.job_error if failed else ""


def _write(hands: Hands, intent: Intent, **changes: object) -> None:
    with unit_of_work(ENGINE):
        check_claim(hands.claim)
        for name, value in changes.items():
            setattr(intent, name, value)
        intent.save(update_fields=list(changes))


__all__ = [
    "follow_jobs",
    "had_silence",
    "last_failure",
    "open_intents",
    "send",
    "send_at_once",
    "write_intent",
]
