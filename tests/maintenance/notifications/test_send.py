"""A mail and a webhook go out when somebody is needed; a receiver that is away gets it later, and can check it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core import mail
from django.db import connection
from standardwebhooks import Webhook

from maintenance.engine.attention import Cause, ask_for_person
from maintenance.feed import unit_of_work
from maintenance.models import Attention, Notification
from maintenance.notifications.send import TRIES_MAX, send_due_notification
from tests.maintenance.engine.rows import make_run

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver:
    """A webhook's receiver that answers as it is told."""

    def __init__(self) -> None:
        self.status = 204
        self.heard: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Answers(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    ours = Receiver()
    thread = threading.Thread(target=ours.server.serve_forever, args=(0.02,))
    thread.start()
    settings.NOTIFY_WEBHOOK_URL, settings.NOTIFY_WEBHOOK_SECRET = ours.url, SECRET
    yield ours
    ours.server.shutdown()
    ours.server.server_close()
    thread.join(5)


def need_a_person():
    run = make_run(hosts=1)
    target = run.targets.get()
    with unit_of_work() as work:
        ask_for_person(work, Cause.STAGE_FAILED, run=run, target=target, message="exit status 3")
        ask_for_person(work, Cause.STAGE_FAILED, run=run, target=target, message="exit status 3")
    return run


def make_due():
    with connection.cursor() as cursor:
        cursor.execute("UPDATE maintenance_notification SET due_at = clock_timestamp()")


def test_nothing_is_owed_where_nothing_is_configured():
    need_a_person()

    assert Attention.objects.count() == 1
    assert not Notification.objects.exists()


def test_a_mail_says_what_happened_and_where_to_look(settings):
    settings.NOTIFY_MAIL_TO = ["noc@example.org"]
    run = need_a_person()

    send_due_notification()
    send_due_notification()

    (sent,) = mail.outbox
    assert sent.subject == "Pitstop: kvm1 failed"
    assert "exit status 3" in sent.body
    assert f"/rolling/{run.id}/" in sent.body


def test_a_webhook_is_signed_and_sent_once(receiver):
    need_a_person()

    send_due_notification()
    send_due_notification()

    ((headers, body),) = receiver.heard
    assert Webhook(SECRET).verify(body, headers)["title"] == "kvm1 failed"
    assert json.loads(body)["cause"] == "stage-failed"


def test_a_receiver_that_fails_gets_it_again_under_the_same_id(receiver):
    need_a_person()
    receiver.status = 500
    send_due_notification()
    assert Notification.objects.get().error == "answered 500"

    receiver.status = 204
    make_due()
    send_due_notification()

    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1
    assert Notification.objects.get().sent_at is not None


def test_a_receiver_that_never_answers_is_given_up_and_that_is_kept(receiver):
    need_a_person()
    receiver.status = 410
    for _ in range(TRIES_MAX):
        make_due()
        send_due_notification()
    make_due()
    send_due_notification()

    assert len(receiver.heard) == TRIES_MAX
    assert Notification.objects.get().given_up_at is not None


def test_a_redirect_is_not_followed(receiver):
    need_a_person()
    receiver.status = 302

    send_due_notification()

    assert Notification.objects.get().sent_at is None
