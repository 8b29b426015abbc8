"""A run's page, read: the sentence it begins with, and its parts."""

import re

SPACE = "\N{NO-BREAK SPACE}"


def page_of(client, run) -> str:
    return str(client.get(f"/rolling/{run.id}/").text).replace(SPACE, " ")


def sentence(page: str) -> str:
    head = page.partition("<h1")[2].partition("</h1>")[0]
    return " ".join(re.sub("<[^>]+>", "", head.partition(">")[2]).split())


def part(page: str, element: str) -> str:
    """The page from this element's id on, to the next part of the run's page."""
    return page.partition(f'id="{element}"')[2].partition("<section")[0]
