"""The addresses of all sockets."""

from typing import Any

from django.urls import path, re_path

from dashboard.asgi_types import Application
from dashboard.live.consumers import live_socket
from dashboard.live.door import no_such_socket
from dashboard.live.events_socket import events_socket


def socket(application: Application) -> Any:
    """Channels' router takes ASGI applications where Django's `path` expects views."""
    return application


routes = [
    path("ws/events/", socket(events_socket)),
    path("ws/live/", socket(live_socket)),
    re_path("", socket(no_such_socket)),  # the last one: whatever is none of the above
]
