"""The list of hosts as it comes: clusters in order, and of their hosts only those that are on the page."""

import pytest

from dashboard.screens.hosts.found import hosts_on_page, narrowed, sorted_hosts
from dashboard.screens.places.asked import Asked
from maintenance.models import Host
from tests.dashboard.inventory import add_cluster, make_inventory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("sort", ["", "-place"])
@pytest.mark.parametrize("state", ["", "in-service"])
def test_each_page_has_the_hosts_that_the_whole_order_has_there(sort, state):
    inventory = make_inventory()
    for name in ("c10", "c9", "b2"):
        add_cluster(inventory, name)
    Host.objects.filter(name__in=["kvm2", "kvm7"]).update(state="Down")
    asked = Asked(sort=sort, state=state)
    found = narrowed(Host.objects.filter(gone_at=None), asked)
    in_order = list(sorted_hosts(found, asked).values_list("id", flat=True))
    assert len(in_order) == (15 if not state else 13)

    pages = [hosts_on_page(found, asked, slice(n, n + 4)) for n in range(0, 20, 4)]

    assert [key for page in pages for key in page] == in_order
    assert [len(page) for page in pages[:3]] == [4, 4, 4]
