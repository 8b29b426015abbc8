"""The inventory follows what was read: whole listings, only changes, the newest look wins."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from maintenance import inventory_sync
from maintenance.backends.base import Later
from maintenance.backends.registry import cloud_of_kind
from maintenance.clock import database_now
from maintenance.feed import unit_of_work
from maintenance.models import Cloud, FeedEvent, Host
from maintenance.observed import note_observation
from tests.maintenance.engine.conftest import lab as small_lab

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])
lab = small_lab


class Answering:
    """A cloud that answers what a test wants; everything else as the lab does."""

    def __init__(self, cloud, snapshot):
        self._cloud, self._snapshot = cloud, snapshot

    def snapshot(self):
        if isinstance(self._snapshot, Exception):
            raise self._snapshot
        return self._snapshot

    def __getattr__(self, name):
        return getattr(self._cloud, name)


def read_as(lab, snapshot, monkeypatch):
    adapter = Answering(cloud_of_kind("lab", lab.cloud.id), snapshot)
    monkeypatch.setattr(inventory_sync, "cloud_of_kind", lambda kind, cloud_id: adapter)
    lab.read()
    lab.cloud.refresh_from_db()


def now_listed(lab):
    return cloud_of_kind("lab", lab.cloud.id).snapshot()


def changed(snapshot, name, **values):
    hosts = tuple(replace(h, **values) if h.name == name else h for h in snapshot.hosts)
    return replace(snapshot, hosts=hosts, as_of=timezone.now())


def test_a_reading_without_a_change_writes_no_row_and_no_event(lab):
    before = FeedEvent.objects.count()
    rows = dict(Host.objects.values_list("id", "changed_at"))

    lab.read()

    assert FeedEvent.objects.count() == before
    assert dict(Host.objects.values_list("id", "changed_at")) == rows


def test_a_changed_host_is_one_event_with_before_and_after(lab, monkeypatch):
    read_as(lab, changed(now_listed(lab), "kvm1", state="Down"), monkeypatch)

    event = FeedEvent.objects.filter(kind="host.changed").latest("seq")
    assert (event.before, event.after) == ({"state": "Up"}, {"state": "Down"})
    assert Host.objects.get(name="kvm1").state == "Down"


def test_a_host_that_is_no_longer_listed_is_gone_and_comes_back(lab, monkeypatch):
    listed = now_listed(lab)
    read_as(lab, replace(listed, hosts=listed.hosts[1:], as_of=timezone.now()), monkeypatch)
    gone = Host.objects.exclude(gone_at=None).get()
    assert gone.id == listed.hosts[0].id

    read_as(lab, replace(listed, as_of=timezone.now()), monkeypatch)
    assert not Host.objects.exclude(gone_at=None).exists()


def test_a_cloud_that_cannot_be_read_keeps_its_rows_and_says_why(lab, monkeypatch):
    lab.cloud.refresh_from_db()
    read_at = lab.cloud.read_at
    read_as(lab, Later("management server is starting"), monkeypatch)

    assert lab.cloud.read_error == "management server is starting"
    assert Host.objects.filter(gone_at=None).count() == 3
    assert lab.cloud.read_at == read_at
    assert not lab.cloud.is_known(timezone.now() + timedelta(minutes=5))


def test_a_listing_older_than_a_look_does_not_undo_it(lab, monkeypatch):
    older = now_listed(lab)
    seen = replace(next(h for h in older.hosts if h.name == "kvm1"), resource_state="Maintenance")
    with unit_of_work() as work:
        note_observation(work, seen)

    read_as(lab, changed(older, "kvm2", state="Up"), monkeypatch)
    assert Host.objects.get(name="kvm1").resource_state == "Enabled"  # this listing is newer than the look

    with unit_of_work() as work:
        note_observation(work, seen)
    read_as(lab, replace(older, as_of=timezone.now() - timedelta(seconds=3)), monkeypatch)
    assert Host.objects.get(name="kvm1").resource_state == "Maintenance"


def test_a_clouds_endless_or_odd_text_is_cut_and_stops_nobody(lab, monkeypatch):
    odd = "x" * 500 + "\0"
    read_as(
        lab,
        changed(now_listed(lab), "kvm1", agent_version=odd, kernel_version="6.1\0", state="?" * 99),
        monkeypatch,
    )

    host = Host.objects.get(name="kvm1")
    assert (len(host.agent_version), host.kernel_version, host.state) == (80, "6.1␀", "?" * 39 + "…")
    assert lab.cloud.read_error == ""


def test_a_reading_that_is_asked_for_while_one_is_under_way_stays_due(lab, monkeypatch):
    before = now_listed(lab)

    class Slow(Answering):
        def snapshot(self):
            Cloud.objects.update(sync_due_at=database_now())
            return super().snapshot()

    for snapshot in (before, Later("busy")):
        Cloud.objects.update(sync_due_at=None)
        adapter = Slow(cloud_of_kind("lab", lab.cloud.id), snapshot)
        with monkeypatch.context() as patch:
            patch.setattr(inventory_sync, "cloud_of_kind", lambda kind, cloud_id, it=adapter: it)
            inventory_sync.read_due_cloud()

        assert Cloud.objects.get().sync_due_at <= database_now()


def test_a_reading_that_nobody_asked_for_again_is_done_again_in_its_rhythm(lab):
    Cloud.objects.update(sync_due_at=None)

    inventory_sync.read_due_cloud()

    assert Cloud.objects.get().sync_due_at > database_now()
