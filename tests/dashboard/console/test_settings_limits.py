"""Limits and clouds: what is set on a page holds for the next run and the next look, and all that is wrong is said."""

import pytest

from maintenance.limits import HOST_RETURN_TIMEOUT_S, MAX_UNAVAILABLE, STAGE_TIMEOUT_S
from maintenance.models import AuditEntry, Setting
from tests.dashboard.console.conftest import logged_in
from tests.dashboard.console.forms import send, texts_of
from tests.dashboard.people import api_of, make_person

pytestmark = pytest.mark.django_db
LIMITS = "/settings/limits/"


def test_a_limit_that_is_set_holds_for_runs_that_choose_nothing(inventory):
    send(logged_in("administrator"), LIMITS, max_unavailable="2", timeout_s="20 min")

    started = api_of(make_person("operator")).post(
        "rolling-maintenances/", {"clusters": [str(inventory.clusters["c1"].id)]}
    )

    assert started.status_code == 201, started.content
    assert (started.json()["max_unavailable"], started.json()["timeout_s"]) == (2, 1200)
    entry = AuditEntry.objects.get(action="limits changed")
    assert entry.before == {"max_unavailable": 1, "timeout_s": 1800}
    assert entry.after == {"max_unavailable": 2, "timeout_s": 1200}


def test_an_emptied_limit_is_the_environments_again(settings):
    administrator = logged_in("administrator")
    send(administrator, LIMITS, host_return_timeout_s="30 min")
    assert HOST_RETURN_TIMEOUT_S.now() == 1800

    send(administrator, LIMITS, host_return_timeout_s="")
    settings.HOST_RETURN_TIMEOUT_S = 777

    assert HOST_RETURN_TIMEOUT_S.now() == 777
    assert not Setting.objects.exists()


def test_everything_that_cannot_hold_is_said_at_once_and_nothing_is_saved():
    answer = send(
        logged_in("administrator"), LIMITS, max_unavailable="0", timeout_s="soon", clusters_in_parallel="3"
    )

    assert answer.status_code == 400
    assert "give 1 to 1,000" in answer.text
    assert "no length of time" in answer.text
    assert 'value="3"' in answer.text
    assert not Setting.objects.exists()


def test_the_second_of_two_administrators_does_not_overwrite_the_first():
    first, second = logged_in("administrator"), logged_in("administrator")
    stale = '{"max_unavailable": null}'
    send(first, LIMITS, max_unavailable="5")

    answer = send(second, LIMITS, max_unavailable="7", seen=stale)

    assert answer.status_code == 409
    assert MAX_UNAVAILABLE.now() == 5
    assert STAGE_TIMEOUT_S.now() == 1800


def test_a_clouds_rhythm_is_set_on_its_page_and_its_age_is_told(inventory):
    administrator = logged_in("administrator")
    address = f"/settings/clouds/{inventory.cloud.id}/"
    assert "read every 2 s, unknown after 30 s" in texts_of(administrator, "/settings/clouds/")

    refused = send(administrator, address, poll_s="30 s", unknown_s="40 s")
    send(administrator, address, poll_s="5 s", unknown_s="60 s")

    assert "unknown in between" in refused.text
    inventory.cloud.refresh_from_db()
    assert (inventory.cloud.read_every_s(), inventory.cloud.known_for_s()) == (5, 60)
    page = texts_of(administrator, "/settings/clouds/")
    assert "read every 5 s, unknown after 1 m 00 s" in page
    assert "6 hosts" in page
