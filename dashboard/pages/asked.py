"""What a request asks for, read carefully: words, numbers, ids; and who asks."""

from uuid import UUID

from django.http import Http404, HttpRequest

from dashboard.access import principal, visible_runs
from maintenance.models import Run


def role_of(request: HttpRequest) -> str:
    """What the access matrix calls whoever asks."""
    return principal(request.user)


def words(request: HttpRequest, name: str, longest: int = 200) -> str:
    """A parameter of the address as typed, without what no name can hold."""
    return request.GET.get(name, "").replace("\0", "").strip()[:longest]


def typed(request: HttpRequest, name: str) -> str:
    """A field of a form, such as a reason."""
    return request.POST.get(name, "").replace("\0", "").strip()[:500]


def uuid_or_none(text: str) -> UUID | None:
    """The id, or None when it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def number(text: str, *, least: int = 1) -> int:
    """A whole number of at least `least`; anything else is `least`."""
    return max(least, int(text)) if text.isascii() and text.isdigit() and len(text) < 16 else least


def run_or_404(request: HttpRequest, run_id: UUID) -> Run:
    """The run, if whoever asks may see it. Raises: Http404."""
    found = visible_runs(request.user).select_related("cloud").filter(id=run_id).first()
    if found is None:
        raise Http404("no such run")
    return found
