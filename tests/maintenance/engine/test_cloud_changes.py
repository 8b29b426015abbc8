"""A change of the cloud's settings is asked until the cloud answers or it has expired, by one engine at a time."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from maintenance.actions.agent_balance import change_balance, rebalance
from maintenance.backends.base import Expired, Later, Never, NoReply
from maintenance.backends.servers import BalanceChange
from maintenance.engine import cloud_changes
from maintenance.engine.cloud_changes import ask_due_change
from maintenance.models import Cloud, CloudChange, FeedEvent
from tests.maintenance.balanced import Balanced, make_balanced

pytestmark = pytest.mark.django_db(transaction=True)


class Answering:
    """A cloud that answers one request after another as a test wants: None is yes; a callable happens meanwhile."""

    def __init__(self, *answers: BaseException | Callable[[], None] | None) -> None:
        self.answers = list(answers)
        self.asked: list[BalanceChange | str] = []

    def change_balance(self, change, *, expires_at):
        self._answer(change, expires_at)

    def rebalance(self, *, expires_at):
        self._answer("rebalance", expires_at)

    def _answer(self, asked, expires_at):
        assert expires_at > timezone.now()
        self.asked.append(asked)
        answer = self.answers.pop(0)
        if callable(answer):
            answer()
        elif answer is not None:
            raise answer


@pytest.fixture
def cloud() -> Balanced:
    return make_balanced()


@pytest.fixture
def answering(monkeypatch):
    def begin(*answers: BaseException | Callable[[], None] | None) -> Answering:
        adapter = Answering(*answers)
        monkeypatch.setattr(cloud_changes, "cloud_of_kind", lambda kind, cloud_id: adapter)
        return adapter

    return begin


def ask(cloud: Balanced) -> CloudChange:
    change = BalanceChange(algorithm="static", check_interval_of_cluster_s={cloud.cluster.id: None})
    return change_balance(cloud.cloud.id, change, actor="anna")


def now_due() -> None:
    CloudChange.objects.update(due_at=Now())


def the_change() -> CloudChange:
    return CloudChange.objects.get()


def test_a_change_is_asked_told_and_the_cloud_is_read_again_soon(cloud, answering):
    adapter = answering(None)
    Cloud.objects.update(sync_due_at=timezone.now() + timedelta(hours=1))
    ask(cloud)

    ask_due_change()

    assert adapter.asked == [
        BalanceChange(algorithm="static", check_interval_of_cluster_s={cloud.cluster.id: None})
    ]
    assert (the_change().state, the_change().answer) == ("Done", "")
    assert the_change().ended_at is not None
    event = FeedEvent.objects.get(kind="balance.change")
    assert (event.after, event.object["by"]) == ({"state": "Done", "answer": ""}, "anna")
    assert Cloud.objects.get().sync_due_at is None


def test_a_rebalance_is_asked(cloud, answering):
    adapter = answering(None)
    rebalance(cloud.cloud.id, actor="anna")
    ask_due_change()
    assert (adapter.asked, the_change().state) == (["rebalance"], "Done")


def test_what_was_answered_is_not_asked_again(cloud, answering):
    adapter = answering(None)
    ask(cloud)
    ask_due_change()
    now_due()
    ask_due_change()
    assert len(adapter.asked) == 1


def test_a_refusal_is_kept_in_the_clouds_words(cloud, answering):
    answering(Never("no such management server"))
    ask(cloud)
    ask_due_change()
    assert (the_change().state, the_change().answer) == ("Refused", "no such management server")
    after = FeedEvent.objects.get(kind="balance.change").after
    assert after == {"state": "Refused", "answer": "no such management server"}


@pytest.mark.parametrize("answer", [Later("starting", 2.0), NoReply("connection lost")])
def test_a_cloud_that_does_not_answer_yet_is_asked_again(cloud, answering, answer):
    adapter = answering(answer, None)
    ask(cloud)

    ask_due_change()
    pending = the_change()
    assert (pending.state, pending.answer) == ("Pending", str(answer))
    assert pending.due_at > timezone.now()
    assert not FeedEvent.objects.filter(kind="balance.change").exists()

    ask_due_change()  # not due yet
    assert len(adapter.asked) == 1
    now_due()
    ask_due_change()
    assert (the_change().state, the_change().answer) == ("Done", "")


def test_silence_until_it_expires_ends_with_nobody_knowing(cloud, answering):
    adapter = answering(NoReply("connection lost"))
    ask(cloud)
    ask_due_change()
    CloudChange.objects.update(due_at=Now(), expires_at=Now())

    ask_due_change()

    assert len(adapter.asked) == 1
    assert the_change().state == "Expired"
    assert (
        the_change().answer
        == "not answered in time: nobody knows whether it was done (last: connection lost)"
    )
    assert FeedEvent.objects.get(kind="balance.change").after["state"] == "Expired"


def test_a_request_that_the_cloud_calls_late_has_expired(cloud, answering):
    answering(Expired("the request came too late"))
    ask(cloud)
    ask_due_change()
    assert (the_change().state, the_change().answer) == ("Expired", "the request came too late")


def test_an_engine_that_dies_after_asking_is_followed_by_one_that_asks_again(cloud, answering):
    adapter = answering(KeyboardInterrupt(), None)
    ask(cloud)
    with pytest.raises(KeyboardInterrupt):  # as if killed before the answer was written
        ask_due_change()

    ask_due_change()
    assert len(adapter.asked) == 1  # the dead one may still be asking
    now_due()
    ask_due_change()
    assert len(adapter.asked) == 2
    assert the_change().state == "Done"


def test_two_engines_that_ask_at_once_write_one_outcome(cloud, answering):
    def the_other_one_asks():
        now_due()
        ask_due_change()
        raise Never("asked twice")

    answering(the_other_one_asks, None)
    ask(cloud)
    ask_due_change()
    assert the_change().state == "Done"
    assert FeedEvent.objects.filter(kind="balance.change").count() == 1


def test_with_nothing_due_one_query_is_asked(cloud, answering, django_assert_num_queries):
    answering()
    with django_assert_num_queries(1):
        ask_due_change()
