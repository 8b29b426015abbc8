"""What people choose on the page that restarts routers, turned into what the action takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.http import QueryDict

from maintenance.actions.router_plans import RestartRequest

REPLACE, SERIAL, REAPPLY = "replace", "serial", "reapply"
HOWS = (REPLACE, SERIAL, REAPPLY)
REASON_MAX, TICKET_MAX, FIND_MAX = 500, 120, 100


@dataclass(frozen=True, slots=True)
class RestartChoices:
    """All that the form says. `network_ids`, `vpc_ids`: whose routers; both empty: none is chosen yet."""

    network_ids: tuple[UUID, ...] = ()
    vpc_ids: tuple[UUID, ...] = ()
    how: str = REPLACE
    makes_redundant: bool = False
    find: str = ""
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_place(self) -> bool:
        return bool(self.network_ids or self.vpc_ids)

    def request(self, how: str = "") -> RestartRequest:
        """What the action takes; with `how`, the same done in that way."""
        chosen = how or self.how
        return RestartRequest(
            network_ids=self.network_ids,
            vpc_ids=self.vpc_ids,
            cleanup=chosen != REAPPLY,
            serial=chosen == SERIAL,
            makes_redundant=self.makes_redundant and (not how or how != REAPPLY),
            reason=self.given.get("reason", ""),
            ticket=self.given.get("ticket", ""),
        )


def restart_choices(sent: QueryDict) -> RestartChoices:
    """What is none is left out: nobody has typed it."""
    how = sent.get("how", "")
    return RestartChoices(
        network_ids=_ids(sent, "network"),
        vpc_ids=_ids(sent, "vpc"),
        how=how if how in HOWS else REPLACE,
        makes_redundant=bool(sent.get("makes_redundant")),
        find=_text(sent, "find", FIND_MAX),
        given={"reason": _text(sent, "reason", REASON_MAX), "ticket": _text(sent, "ticket", TICKET_MAX)},
    )


def _text(sent: QueryDict, name: str, most: int) -> str:
    return sent.get(name, "").replace("\0", "").strip()[:most]


def _ids(sent: QueryDict, name: str) -> tuple[UUID, ...]:
    """Each once, in the order sent."""
    found: dict[UUID, None] = {}
    for text in sent.getlist(name):
        try:
            found[UUID(text.strip())] = None
        except ValueError:
            continue
    return tuple(found)
