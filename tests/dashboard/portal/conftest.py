"""Two tenants, and the browser of one of them."""

import pytest
from django.test import Client

from tests.dashboard.portal.networks import Tenancy, browser, make_tenancy


@pytest.fixture
def tenancy(db) -> Tenancy:
    return make_tenancy()


@pytest.fixture
def shop(tenancy: Tenancy) -> Client:
    return browser(tenancy.person("shop"))
