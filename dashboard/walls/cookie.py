"""The cookie that a link becomes: it names the link, signed for this purpose alone, and opens nothing but its wall."""

from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer


def name_over(*, is_https: bool) -> str:
    """`__Host-`: browsers take it from this host alone, over https, for no other path and no neighbour."""
    return "__Host-wall" if is_https else "pitstop-wall"


NAME = name_over(is_https=settings.IS_HTTPS)
# Browsers keep none for longer; each page that is opened with it gives it anew.
KEPT_S = 400 * 86_400
LONGEST = 200

_signer = Signer(salt="pitstop wall screen")


def cookie_of(link: UUID) -> str:
    return _signer.sign(str(link))


def link_named(value: str) -> UUID | None:
    """The link that the cookie was made for; None where we did not make it, or not for this."""
    try:
        return UUID(_signer.unsign(value[:LONGEST]))
    except (BadSignature, ValueError):
        return None
