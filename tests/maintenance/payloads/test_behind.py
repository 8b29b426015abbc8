"""How many system VMs are behind a payload: by what was probed, of its types only."""

from uuid import uuid4

import pytest
from django.utils import timezone

from maintenance.models import Payload, SystemVm
from maintenance.payloads.behind import Behind, behind
from tests.dashboard.inventory import make_inventory

pytestmark = pytest.mark.django_db


def test_vms_are_counted_by_what_was_probed(django_assert_num_queries):
    inventory = make_inventory()
    now = timezone.now()
    for number, (kind, version, checksum, error, at) in enumerate(
        (
            ("domainrouter", "4.19.1.1", "new", "", now),
            ("domainrouter", "4.19.1.1", "other", "", now),  # the right version, other scripts
            ("domainrouter", "4.19.0.0", "old", "", now),
            ("domainrouter", "4.20.0.0", "newer", "", now),
            ("domainrouter", "4.19.1.1", "new", "no answer", now),
            ("domainrouter", "", "", "", None),
            ("consoleproxy", "4.19.0.0", "old", "", now),
        )
    ):
        SystemVm.objects.create(
            id=uuid4(), cloud=inventory.cloud, zone=inventory.zone, changed_at=now, name=f"r-{number}-VM",
            type=kind, state="Running", software_version=version, scripts_checksum=checksum, probe_error=error,
            probed_at=at,
        )  # fmt: skip
    payload = Payload(version="4.19.1.1", types=["domainrouter"], scripts_md5="new")

    with django_assert_num_queries(1):
        assert behind([payload]) == {payload.id: Behind(older=2, current=1, newer=1, unknown=2)}
