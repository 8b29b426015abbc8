"""The live half inside a test's own event loop."""

from collections.abc import AsyncIterator

import pytest

from dashboard.live import database
from dashboard.live.feed_tail import feed_tail


@pytest.fixture
async def live_database(transactional_db) -> AsyncIterator[None]:
    """The live half may be used; at the end its tasks and connections are gone."""
    yield
    await feed_tail().stop()
    await database.close()
