"""API tokens by name: made, shown once, revoked. Only their hash is kept."""

from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from knox.models import get_token_model

from dashboard.models import TokenNote, User
from dashboard.people.changes import about
from maintenance.actions.errors import BadInput, Conflict, NotFound
from maintenance.feed import UnitOfWork, unit_of_work

PART = "tokens"
DAYS = (1, 7, 30, 90, 365)
NAME_MAX = 120
TOKENS_MAX = 50  # a person
BY_PROGRAM = "logged in by program"  # the name of a token that POST /api/v1/auth/token/ gave


def living() -> Q:
    """Notes of tokens that still open something."""
    return Q(token__expiry=None) | Q(token__expiry__gt=timezone.now())


def make_token(person: User, *, name: str, days: int, note_id: UUID, request_id: str = "") -> str:
    """The token, which nobody can read again. `note_id` is the form's own: sent twice, it makes one token.

    Raises: BadInput, Conflict.
    """
    if not name or len(name) > NAME_MAX or "\0" in name:
        raise BadInput(_("Give a name of 1 to %(most)d characters.") % {"most": NAME_MAX}, field="name")
    if days not in DAYS:
        raise BadInput(_("Choose how long it shall hold."), field="days")
    with unit_of_work(person.username, request_id=request_id) as work:
        User.objects.select_for_update(no_key=True).get(pk=person.pk)
        if TokenNote.objects.filter(id=note_id).exists():
            raise Conflict(_("this token was made already, and is shown only once; if it is lost, revoke it"))
        tokens = get_token_model().objects
        tokens.filter(user=person, expiry__lte=timezone.now()).delete()
        if tokens.filter(user=person).count() >= TOKENS_MAX:
            raise Conflict(
                _("you have %(most)d tokens, which is the most; revoke one first") % {"most": TOKENS_MAX}
            )
        made, secret = tokens.create(user=person, expiry=timedelta(days=days))
        note = TokenNote.objects.create(id=note_id, token=made, name=name, made_by=person.username)
        work.audit(
            "token made",
            _about(note),
            after={"name": name, "ends": made.expiry.isoformat(timespec="seconds")},
        )
        _ring(work, person)
    return str(secret)


def revoke_token(note_id: UUID, *, actor: User, is_own: bool, request_id: str = "") -> None:
    """It opens nothing any more; sockets it opened close within seconds. Raises: NotFound."""
    with unit_of_work(actor.username, request_id=request_id) as work:
        mine = Q(token__user=actor) if is_own else Q()
        note = TokenNote.objects.select_related("token__user").filter(mine, id=note_id).first()
        if note is None:
            raise NotFound(f"no token has the id {note_id}")
        person = note.token.user
        work.audit("token revoked", _about(note), before={"name": note.name})
        note.token.delete()
        _ring(work, person)


def _about(note: TokenNote) -> dict[str, str]:
    return {**about(note.token.user), "token": str(note.id), "token_name": note.name}


def _ring(work: UnitOfWork, person: User) -> None:
    work.event("settings.changed", {"part": PART, "person": str(person.key)})
