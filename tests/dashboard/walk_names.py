"""Names as people and clouds give them – without a break, right to left, of pictures – and how pages show them."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import accumulate

from django.apps import apps

from maintenance.models import FeedEvent
from tests.dashboard.walk_page import Element, Page

# Whatever is named by people or clouds, and what they say about a run.
NAMED = (
    *("maintenance.Cloud.name", "maintenance.Zone.name", "maintenance.Pod.name", "maintenance.Cluster.name"),
    *("maintenance.Host.name", "maintenance.ManagementServer.name"),
    *("maintenance.Instance.name", "maintenance.Instance.account", "maintenance.Instance.domain"),
    *("maintenance.PendingJob.account", "maintenance.PendingJob.domain"),
    *("maintenance.Run.reason", "maintenance.Run.ticket", "maintenance.Run.started_by"),
    *("maintenance.Target.name", "maintenance.Target.cluster_name", "maintenance.Target.zone_name"),
    *("dashboard.User.username", "dashboard.User.first_name"),  # which holds the whole name
    *("dashboard.Membership.account", "dashboard.Membership.domain", "dashboard.Membership.made_by"),
    *("dashboard.TokenNote.name", "dashboard.WallLink.name", "dashboard.WallLink.made_by"),
)
NAMES_IN_EVENTS = ("name", "host_name")
DNS, LONGEST = 63, 255  # characters

KINDS: Mapping[str, str] = {
    "63 characters": "h",
    "right to left": "מארח-אבג-خادم-",
    "pictures": "👩🏽‍🚒🦀-node-🇩🇪-",
    "255 without a break": "m",
}
_MARK = re.compile(r"‹\d+·\d+›")
# Where text stands alone, or cannot hold an element: browsers keep its direction to itself there.
_ALONE = {"title", "option", "textarea", "script", "pre"}
_PARAGRAPH = {"p", "li", "td", "th", "dd", "dt", "h1", "h2", "h3", "h4", "div", "summary", "label"}
# Sentences that are made as plain text, where a name is one of their words: these elements hold no <bdi>.
_SENTENCES = {("h1", "verdict"), ("em", ""), ("p", ""), ("button", "btn"), ("dd", ""), ("span", "state")}


def rename_all(kind: str) -> dict[str, str]:
    """Everything gets a name of this kind. Returns: by its mark, which stands in no other name, each name."""
    given: dict[str, str] = {}
    for number, named in enumerate(NAMED):
        model_name, _, column = named.rpartition(".")
        model = apps.get_model(model_name)
        longest = model._meta.get_field(column).max_length
        filled = model._base_manager.exclude(**{column: ""}).order_by("pk")
        assert filled, f"nothing in the scene has {named}"
        for row, thing in enumerate(filled):
            mark, name = _name(kind, number, row, longest)
            given[mark] = name
            model._base_manager.filter(pk=thing.pk).update(**{column: name})
    for row, event in enumerate(FeedEvent.objects.order_by("pk")):
        mark, name = _name(kind, len(NAMED), row, LONGEST)
        told = {key: name if key in NAMES_IN_EVENTS else value for key, value in event.object.items()}
        if told != event.object:
            given[mark] = name
            FeedEvent.objects.filter(pk=event.pk).update(object=told)
    return given


def _name(kind: str, number: int, row: int, longest: int) -> tuple[str, str]:
    mark, letters = f"‹{number}·{row}›", KINDS[kind]
    length = min(longest, LONGEST if kind.startswith("255") else DNS)
    room = length - len(mark)
    whole_letters = letters * (room // len(letters))
    return mark, mark + whole_letters.ljust(room, "9")


def shown(page: Page, given: Mapping[str, str]) -> set[str]:
    """The marks of the names that the page's text has."""
    return {mark for mark in _MARK.findall(page.root.text) if mark in given}


def name_flaws(page: Page, given: Mapping[str, str]) -> Iterator[str]:
    """Names that are cut off, or that can turn round what stands beside them."""
    pieces = list(page.texts_in_order())
    ends = list(accumulate(len(text) for _, text in pieces))
    whole = "".join(text for _, text in pieces)
    for found in _MARK.finditer(whole):
        name = given.get(found[0])
        if name is None:
            continue
        element = pieces[bisect_right(ends, found.start())][0]
        around = whole[max(found.start() - 30, 0) : found.start() + 40]
        where = f"{page.address}: {around!r} in <{element.tag} class={element['class']!r}>"
        if not whole.startswith(name, found.start()):
            yield f"{where} is cut off"
        elif not _is_apart(element, name) and not _is_sentence(element, name):
            yield f"{where} is not isolated"


def _is_apart(element: Element, name: str) -> bool:
    for around in element.ancestors:
        if around.tag == "bdi" or around["dir"] == "auto" or around.tag in _ALONE:
            return name in around.text
        if around.tag in _PARAGRAPH:
            return around.text.strip() == name
    return False


def _is_sentence(element: Element, name: str) -> bool:
    """The name is a word among others, in a text without elements."""
    return (element.tag, element["class"]) in _SENTENCES and len(_MARK.sub("", element.text).split()) > 1
