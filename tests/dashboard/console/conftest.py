"""People who are logged in, and the small inventory that their pages show."""

import pytest
from django.test import Client

from tests.dashboard.inventory import Inventory, make_inventory
from tests.dashboard.people import make_person


def logged_in(role: str) -> Client:
    client = Client()
    client.force_login(make_person(role), backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def inventory(db) -> Inventory:
    return make_inventory()


@pytest.fixture
def operator(db) -> Client:
    return logged_in("operator")


@pytest.fixture
def administrator(db) -> Client:
    return logged_in("administrator")


@pytest.fixture
def viewer(db) -> Client:
    return logged_in("viewer")


@pytest.fixture
def tenant(db) -> Client:
    return logged_in("tenant")
