"""Django behind ASGI, with everything but static files in one thread a request.

Django's own handler asks each middleware on its way in and out in a thread, one hop at a time: about twenty hops, which
cost more than most of our answers do.
"""

from typing import Any

import django
from asgiref.sync import AsyncToSync, sync_to_async
from django.core.handlers.asgi import ASGIHandler


class OneThread(ASGIHandler):
    """The middleware is loaded as for WSGI; those that can only be asynchronous, and what is around them, stay so."""

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)
        chain: Any = self._middleware_chain  # type: ignore[has-type]
        is_async_outside = isinstance(chain, AsyncToSync)  # it is while static files are served
        self._middleware_chain = chain.awaitable if is_async_outside else sync_to_async(chain)


def django_in_one_thread() -> OneThread:
    """Loads the apps."""
    django.setup(set_prefix=False)
    return OneThread()
