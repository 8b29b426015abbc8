"""The web process's application: pages and REST over HTTP, live updates over sockets."""

import os
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter

from dashboard.one_thread import django_in_one_thread

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django_application: Any = django_in_one_thread()  # loads the apps: what is imported below needs them

from dashboard.live.door import SocketDoor  # noqa: E402
from dashboard.live.lifespan import lifespan  # noqa: E402
from dashboard.live.routes import routes  # noqa: E402
from dashboard.request_bodies import BoundedBodies  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": BoundedBodies(django_application),
        "websocket": SocketDoor(URLRouter(routes)),
        "lifespan": lifespan,
    }
)
