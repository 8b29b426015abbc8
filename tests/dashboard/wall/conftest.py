"""Screens on walls, let in by a link."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from dashboard.models import WallLink
from dashboard.walls.links import LinkGiven, make_link

type MakeScreen = Callable[..., tuple[Client, WallLink]]


def make_secret(**given: Any) -> tuple[str, WallLink]:
    """A link, as an administrator makes it; what it opens with."""
    asked = {
        "name": "hall", "cloud_ids": [], "shows_names": True, "has_sound": False, "days": 0, "networks": "", **given,
    }  # fmt: skip
    link_id = uuid4()
    return make_link(LinkGiven(**asked), link_id=link_id, actor="ada"), WallLink.objects.get(id=link_id)


def open_link(secret: str, **environment: Any) -> Client:
    """The browser of a screen after its first visit."""
    client = Client(**environment)
    client.get(f"/wall/l/{secret}/")
    return client


@pytest.fixture
def screen() -> MakeScreen:
    """Makes a link and opens it."""

    def made(**given: Any) -> tuple[Client, WallLink]:
        secret, link = make_secret(**given)
        return open_link(secret), link

    return made
