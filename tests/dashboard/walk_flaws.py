"""What no page may have, whatever people and clouds have written."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tests.dashboard.walk_page import Element, Page, Shape

URLS = frozenset(
    [
        "href",
        "src",
        "action",
        "formaction",
        "xlink:href",
        "poster",
        "data",
        "hx-get",
        "hx-post",
        "hx-push-url",
    ]
)


def flaws(where: str, page: Page) -> Iterator[str]:
    """What a page must not have, whatever is shown on it."""
    for element in page.elements:
        for name, value in element.attributes.items():
            if name.startswith(("on", "hx-on", "hx-vars")) or name in {"style", "srcdoc"}:
                yield f"{where}: <{element.tag} {name}={value!r}>"
            if name in URLS and not _stays_here(element, value):
                yield f"{where}: <{element.tag} {name}={value[:80]!r}> leads away"
        if element.tag in {"style", "iframe", "object", "embed", "base"}:
            yield f"{where}: <{element.tag}>"
        if element.tag == "script" and (not element["src"].startswith("/static/") or element.text.strip()):
            yield f"{where}: <script> of its own: {element.text[:80]!r}"


def _stays_here(element: Element, value: str) -> bool:
    parts = urlsplit(value)
    is_icon = element.tag == "link" and value.startswith("data:")
    return is_icon or (not parts.scheme and not parts.netloc and not value.startswith(("//", "\\")))


def difference(where: str, plain: Shape, nasty: Shape) -> Iterator[str]:
    """Elements and attributes that came from data."""
    for kind, times in (nasty - plain).items():
        yield f"{where}: {times} × <{kind[0]} {' '.join(kind[1])}> more than with harmless words"
    for kind, times in (plain - nasty).items():
        yield f"{where}: {times} × <{kind[0]} {' '.join(kind[1])}> less than with harmless words"


def said_back(answer: Any, where: str) -> Iterator[str]:
    """What is wrong with an answer to a request that held harm, wherever it leads. Redirects lead nowhere else."""
    there = answer.headers.get("Location", "/")
    if not there.startswith("/") or there.startswith(("//", "/\\")):
        yield f"{where} leads to {there}"
    if answer.headers.get("Content-Type", "").startswith("text/html") and answer.text:
        page = Page(answer.text, where)
        yield from flaws(where, page)
        yield from (f"{where}: <{element.tag}> of data" for element in page.find("img", "iframe"))
        yield from (f"{where}: attribute of data" for element in page.elements if element.has("owned"))
