"""Filling in a page's form as a browser without script does."""

from typing import Any

from django.test import Client

from tests.dashboard.walk_page import Element, Page


def send(client: Client, address: str, *, to: str = "", **typed: Any) -> Any:
    """The answer to the form at `address` (that leads to `to`, or to itself) with these fields typed over."""
    page = Page(client.get(address).text, address)
    forms = [one for one in page.find("form") if one["method"] == "post" and one["id"] != "steer"]
    form = next(one for one in forms if one["action"] == (to or address))
    return client.post(to or address, _standing(form) | typed)


def _standing(form: Element) -> dict[str, Any]:
    """What stands in the form's fields."""
    found: dict[str, Any] = {}
    for field in form.find("input", "textarea", "select"):
        name, kind = field["name"], field["type"]
        if field.tag == "select":
            options = field.find("option")
            chosen = next((one for one in options if one.has("selected")), options[0])
            found[name] = chosen["value"]
        elif field.tag == "textarea":
            found[name] = field.text
        elif kind == "checkbox":
            if field.has("checked"):
                found.setdefault(name, []).append(field["value"])
        elif kind != "radio" or field.has("checked"):
            found[name] = field["value"]
    return found


def texts_of(client: Client, address: str) -> str:
    """All that the page says, spaces as in prose."""
    return " ".join(Page(client.get(address).text, address).root.text.split())
