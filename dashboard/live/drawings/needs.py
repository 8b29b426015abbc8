"""Parts of what needs a person: the list of all, and one of them."""

from collections.abc import Mapping
from uuid import UUID

from dashboard.live.drawings.drawing import CALM_S, Context, Drawing, Key, found, simple
from dashboard.screens.needs.list import NeedFilter, need_list, need_row, needs_verdict
from dashboard.screens.needs.one import need_page


def _open(_topic: str, _one: str, role: str) -> Context:
    return {"list": need_list(NeedFilter(), role)}


def _page(need_id: str, _one: str, role: str) -> Context:
    page = need_page(UUID(need_id), role)
    return None if page is None else {"need": page}


def _part(name: str, every_s: float, *, by_role: bool = False) -> Drawing:
    return Drawing(f"needs/need.html#{name}", f"need-{name}", _page, by_role=by_role, every_s=every_s)


DRAWINGS: Mapping[Key, Drawing] = {
    ("needs", "verdict"): Drawing(
        "needs/list.html#verdict", "needs-verdict", simple("verdict", needs_verdict), every_s=0.5
    ),
    ("needs", "open"): Drawing("needs/list.html#open", "needs-open", _open, by_role=True, every_s=0.5),
    ("needs", "row"): Drawing("needs/list.html#row", "need-{}", found("need", need_row), by_role=True),
    ("need", "head"): _part("head", 0.1),
    ("need", "story"): _part("story", 0.5),
    ("need", "standing"): _part("standing", 0.5),
    ("need", "actions"): _part("actions", 0.2, by_role=True),
    ("need", "engine"): _part("engine", 0.5, by_role=True),
    ("need", "servers"): _part("servers", 0.5),
    ("need", "room"): _part("room", CALM_S),
}
