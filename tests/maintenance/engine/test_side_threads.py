"""What an engine does beside its steps goes on, whatever fails in it."""

import pytest

from maintenance.models import Cloud
from tests.maintenance.engine.small_lab import engine_running
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


def test_a_cloud_that_nobody_can_talk_to_keeps_no_other_cloud_from_being_read(lab):
    Cloud.objects.create(name="of another kind", kind="abacus")
    Cloud.objects.filter(id=lab.cloud.id).update(read_at=None, servers_read_at=None, sync_due_at=None)

    with engine_running():
        read = Cloud.objects.filter(id=lab.cloud.id, read_at__isnull=False, servers_read_at__isnull=False)
        wait_until(read.first, within_s=20)
