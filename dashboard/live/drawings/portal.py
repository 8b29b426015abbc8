"""The tenant's own page: one part, drawn for one person, from what that person may see at this moment."""

from collections.abc import Mapping
from uuid import UUID

from dashboard.live.drawings.drawing import Context, Drawing, Key
from dashboard.models import User
from dashboard.screens.portal.page import portal

SOON_S = 0.4


def _now(key: str, _one: str, _role: str) -> Context:
    person = User.objects.filter(key=UUID(key)).first()
    return None if person is None else {"portal": portal(person)}


DRAWINGS: Mapping[Key, Drawing] = {
    ("my", "now"): Drawing("portal/home.html#now", "portal-now", _now, every_s=SOON_S),
}
