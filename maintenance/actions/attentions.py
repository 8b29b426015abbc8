"""Taking and resolving what needs a person."""

from uuid import UUID

from django.db.models import Q

from maintenance.actions.errors import Conflict, NotFound
from maintenance.engine.attention import about_attention, resolve_attentions
from maintenance.feed import unit_of_work
from maintenance.models import Attention


def take_attention(attention_id: UUID, *, actor: str, request_id: str = "") -> Attention:
    """`actor` has it now. A second call by the same person changes nothing. Raises: NotFound, Conflict."""
    with unit_of_work(actor, request_id=request_id) as work:
        attention = _open(attention_id)
        if attention.taken_by == actor:
            return attention
        before, attention.taken_by = attention.taken_by, actor
        attention.save(update_fields=["taken_by"])
        about = about_attention(attention)
        work.event("attention.taken", about, before={"taken_by": before}, after={"taken_by": actor})
        work.audit("attention taken", about, before={"taken_by": before})
        return attention


def resolve_attention(attention_id: UUID, *, actor: str, reason: str, request_id: str = "") -> Attention:
    """Closed by a person, with the reason. Raises: NotFound, Conflict."""
    with unit_of_work(actor, request_id=request_id) as work:
        attention = _open(attention_id)
        resolve_attentions(work, Q(id=attention.id), by=actor)
        work.audit("attention resolved", about_attention(attention), reason=reason)
    attention.refresh_from_db()
    return attention


def _open(attention_id: UUID) -> Attention:
    attention = Attention.objects.select_for_update(no_key=True).filter(id=attention_id).first()
    if attention is None:
        raise NotFound(f"nothing that needs a person has the id {attention_id}")
    if attention.resolved_at is not None:
        raise Conflict(f"already resolved by {attention.resolved_by}")
    return attention
