"""Programs of each role, and a small inventory that was read just now."""

import pytest

from tests.dashboard.inventory import Inventory, make_inventory
from tests.dashboard.people import Api, api_of, make_person


@pytest.fixture
def operator(db) -> Api:
    return api_of(make_person("operator"))


@pytest.fixture
def administrator(db) -> Api:
    return api_of(make_person("administrator"))


@pytest.fixture
def viewer(db) -> Api:
    return api_of(make_person("viewer"))


@pytest.fixture
def tenant(db) -> Api:
    return api_of(make_person("tenant"))


@pytest.fixture
def inventory(db) -> Inventory:
    return make_inventory()
