"""Asking for other settings of agent balance: what is refused and why, what is written, what is shown before."""

from uuid import UUID, uuid4

import pytest

from maintenance.actions import BadInput, Conflict, NotFound
from maintenance.actions.agent_balance import PreviewChanged, change_balance, outcome_of, preview, rebalance
from maintenance.backends.servers import BalanceChange
from maintenance.models import AuditEntry, Cloud, CloudChange, FeedEvent
from tests.maintenance.balanced import HOSTS, Balanced, make_balanced

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cloud() -> Balanced:
    return make_balanced()


def ask(cloud: Balanced, **settings: object) -> CloudChange:
    return change_balance(cloud.cloud.id, BalanceChange(**settings), actor="anna", reason="too full")  # type: ignore[arg-type]


def test_a_change_is_written_with_its_audit_and_its_event(cloud: Balanced) -> None:
    asked = ask(cloud, algorithm="static", hosts=(" 10.0.0.2", "10.0.0.1", "10.0.0.2"))

    kept = CloudChange.objects.get(id=asked.id)
    assert (kept.state, kept.kind, kept.asked_by) == ("Pending", "balance", "anna")
    assert kept.change == {"algorithm": "static", "hosts": ["10.0.0.2", "10.0.0.1"]}
    assert kept.expires_at > kept.asked_at
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.reason) == ("agent balance change asked for", "too full")
    assert (entry.before, entry.after) == ({"algorithm": "roundrobin", "hosts": list(HOSTS)}, kept.change)
    assert FeedEvent.objects.get(kind="balance.asked").object["change"] == str(asked.id)


def test_a_rebalance_is_written_with_its_audit_and_its_event(cloud: Balanced) -> None:
    asked = rebalance(cloud.cloud.id, actor="anna")

    assert (asked.kind, asked.change) == ("rebalance", {})
    assert AuditEntry.objects.get().action == "rebalance of agents asked for"
    assert FeedEvent.objects.get(kind="balance.asked").object["kind"] == "rebalance"


@pytest.mark.parametrize(
    ("settings", "field", "words"),
    [
        ({"algorithm": "random"}, "algorithm", "static, roundrobin, shuffle"),
        ({"hosts": ()}, "host", "names no management server"),
        ({"hosts": (" ", "")}, "host", "names no management server"),
        ({"hosts": ("10.0.0.1@static",)}, "host", "'10.0.0.1@static' is no address"),
        ({"hosts": ("10.0.0.1", "10.0. 0.2")}, "host", "'10.0. 0.2' is no address"),
        ({"hosts": ("10.0.0.1", "")}, "host", "'' is no address"),
        ({"hosts": ("10.0.0.1", "[fe80::1%eth0]")}, "host", "is no address or name"),
        ({"hosts": tuple(f"10.0.1.{n}" for n in range(101))}, "host", "at most 100"),
        ({"check_interval_s": -1}, "checkinterval", "0 to"),
        ({"check_interval_s": 604_801}, "checkinterval", "0 to"),
        ({"check_interval_of_cluster_s": {UUID(int=9): 5}}, "clusters", "no cluster"),
        ({"check_interval_of_cluster_s": {UUID(int=0xA3): -5}}, "clusters", "0 to"),
        ({"maintenance_timeout_min": 0}, "maintenancetimeout", "1 to"),
        ({}, "algorithm", "nothing to change"),
    ],
)
def test_what_cannot_be_set_is_refused_by_its_field(
    cloud: Balanced, settings: dict[str, object], field: str, words: str
) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        ask(cloud, **settings)
    assert refused.value.field == field
    assert not CloudChange.objects.exists()


def test_a_host_list_on_which_no_server_is_up_is_refused(cloud: Balanced) -> None:
    cloud.server("ms2", state="Maintenance")

    with pytest.raises(Conflict, match=r"Up are: ms1 \(10.0.0.1\), ms3"):
        ask(cloud, hosts=("10.0.0.2", "10.9.9.9"))
    assert ask(cloud, hosts=("10.0.0.2", "10.0.0.1")).state == "Pending"


def test_a_second_change_waits_until_the_first_was_answered(cloud: Balanced) -> None:
    first = ask(cloud, algorithm="static")

    with pytest.raises(Conflict, match="what anna asked") as refused:
        rebalance(cloud.cloud.id, actor="berta")
    assert refused.value.owner is not None
    assert refused.value.owner["change"] == str(first.id)

    CloudChange.objects.update(state="Done")
    assert ask(cloud, algorithm="shuffle").state == "Pending"


def test_a_cloud_whose_settings_are_not_known_cannot_be_changed(cloud: Balanced) -> None:
    Cloud.objects.update(balance=None)
    with pytest.raises(Conflict, match="not read yet"):
        ask(cloud, algorithm="static")
    with pytest.raises(NotFound):
        rebalance(uuid4(), actor="anna")


def test_a_preview_tells_who_would_move_and_writes_nothing(cloud: Balanced) -> None:
    told = preview(cloud.cloud.id, BalanceChange(algorithm="static"))

    assert [(load.name, load.before, load.after) for load in told.loads] == [
        ("ms1", 2, 6),
        ("ms2", 2, 0),
        ("ms3", 2, 0),
    ]
    assert not CloudChange.objects.exists()
    with pytest.raises(BadInput):
        preview(cloud.cloud.id, BalanceChange(algorithm="random"))


def test_a_preview_of_a_rebalance_tells_who_goes_home(cloud: Balanced) -> None:
    assert preview(cloud.cloud.id, None).moving == 0
    cloud.gather("ms1")
    told = preview(cloud.cloud.id, None)
    assert (told.moving, told.by_themselves) == (4, 4)


def test_what_was_agreed_to_is_asked_and_another_plan_is_shown_again(cloud: Balanced) -> None:
    change = BalanceChange(algorithm="static")
    agreed = preview(cloud.cloud.id, change).hash
    cloud.gather("ms2")

    with pytest.raises(PreviewChanged) as refused:
        change_balance(cloud.cloud.id, change, actor="anna", seen_hash=agreed)
    assert refused.value.preview.moving == 6
    assert not CloudChange.objects.exists()

    now = refused.value.preview.hash
    assert change_balance(cloud.cloud.id, change, actor="anna", seen_hash=now).state == "Pending"


def test_the_outcome_is_there_once_the_settings_can_be_read_back(cloud: Balanced) -> None:
    asked = ask(cloud, algorithm="static", check_interval_of_cluster_s={cloud.cluster.id: 5})
    assert outcome_of(asked, timeout_s=0).state == "Pending"

    CloudChange.objects.update(state="Done")
    early = outcome_of(asked, timeout_s=0)
    assert early.cloud.balance is not None
    assert (early.state, early.cloud.balance["algorithm"]) == ("Done", "roundrobin")

    cloud.settings(algorithm="static", check_interval_of_cluster_s={str(cloud.cluster.id): 5})
    kept = outcome_of(asked, timeout_s=60).cloud.balance  # at once, not after a minute
    assert kept is not None
    assert kept["algorithm"] == "static"


def test_removing_a_clusters_own_interval_is_kept_as_such(cloud: Balanced) -> None:
    cloud.settings(check_interval_of_cluster_s={str(cloud.cluster.id): 5})
    asked = ask(cloud, check_interval_of_cluster_s={cloud.cluster.id: None})
    assert asked.change == {"check_interval_of_cluster_s": {str(cloud.cluster.id): None}}
