"""One wrong mail address takes nothing from the others, and what the mail server said is kept."""

import socketserver
import threading
from collections.abc import Iterator

import pytest

from maintenance.feed import unit_of_work
from maintenance.models import Notification
from maintenance.notifications.owe import MAIL, owe_test
from maintenance.notifications.send import send_due_notification

pytestmark = pytest.mark.django_db(transaction=True)
BODY = {"title": "A test", "message": "Nothing is wrong.", "url": "http://127.0.0.1/"}


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mail for everybody but those whose address begins with “nobody”."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.taken: list[str] = []


class Talk(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line.upper()
            if verb.startswith("RCPT TO:<NOBODY"):
                self._say("550 no such user here")
            elif verb.startswith("RCPT"):
                self.server.taken.append(line.split("<")[1].rstrip(">"))
                self._say("250 fine")
            elif verb == "DATA":
                self._say("354 go on")
                while self.rfile.readline().strip() != b".":
                    continue
                self._say("250 taken")
            else:
                self._say("221 bye" if verb == "QUIT" else "250 fine")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def mail_server(settings) -> Iterator[MailServer]:
    with MailServer() as ours:
        thread = threading.Thread(target=ours.serve_forever, args=(0.02,))
        thread.start()
        _use_server(settings, ours.server_address[1])
        yield ours
        ours.shutdown()
        thread.join(5)


def _use_server(settings, port: int) -> None:
    options = {"host": "127.0.0.1", "port": port, "timeout": 5}
    settings.MAILERS = {
        "default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}
    }


def what_became() -> Notification:
    """What became of a test mail to whoever is told."""
    with unit_of_work("ada") as work:
        owed = owe_test(work, MAIL, BODY)
    send_due_notification()
    return Notification.objects.get(id=owed.id)


def test_everybody_gets_a_mail_of_their_own(mail_server, settings):
    settings.NOTIFY_MAIL_TO = ["a@example.org", "b@example.org"]

    became = what_became()

    assert mail_server.taken == ["a@example.org", "b@example.org"]
    assert became.answer.startswith("taken by 127.0.0.1:")
    assert became.error == ""


def test_one_refused_address_is_told_and_the_others_have_their_mail(mail_server, settings):
    settings.NOTIFY_MAIL_TO = ["nobody@example.org", "b@example.org"]

    became = what_became()

    assert mail_server.taken == ["b@example.org"]
    assert became.sent_at is not None
    assert became.error == "nobody@example.org: 550 no such user here"


def test_when_all_are_refused_nothing_was_sent(mail_server, settings):
    settings.NOTIFY_MAIL_TO = ["nobody@example.org"]

    became = what_became()

    assert became.sent_at is None
    assert became.given_up_at is not None
    assert became.error == "nobody@example.org: 550 no such user here"


def test_a_mail_server_that_is_away_is_named(mail_server, settings):
    settings.NOTIFY_MAIL_TO = ["a@example.org"]
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as free:
        port = free.server_address[1]
    _use_server(settings, port)

    assert what_became().error == f"127.0.0.1:{port}: Connection refused"
