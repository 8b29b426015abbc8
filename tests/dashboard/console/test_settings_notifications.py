"""Who is told: set on a page, tested with a button; secrets are taken and never shown."""

import pytest

from maintenance.models import AuditEntry, Notification
from maintenance.notifications.recipients import recipients
from maintenance.notifications.send import send_due_notification
from tests.dashboard.console.conftest import logged_in
from tests.dashboard.console.forms import send, texts_of

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/settings/notifications/"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_what_is_saved_holds_and_the_secret_is_shown_nowhere():
    administrator = logged_in("administrator")

    send(
        administrator,
        PAGE,
        mail_to="noc@example.org",
        webhook_url="https://example.org/key123",
        webhook_secret=SECRET,
    )

    to = recipients()
    assert (to.mail_to, to.webhook_secret) == (("noc@example.org",), SECRET)
    assert SECRET not in administrator.get(PAGE).text
    entry = AuditEntry.objects.get(action="notifications changed")
    assert SECRET not in str(entry.after)
    assert "key123" not in str(entry.after)
    send(administrator, PAGE, mail_to="ops@example.org")
    assert recipients().webhook_secret == SECRET


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"webhook_url": "http://169.254.169.254/"}, "no receiver"),
        ({"webhook_url": "gopher://example.org"}, "must begin with"),
        ({"mail_to": "noc@example.org\nno mail"}, "“no mail” is no mail address"),
        ({"webhook_secret": "not base64!"}, "not base64"),
    ],
)
def test_what_cannot_be_told_is_said_beside_it(typed, said):
    answer = send(logged_in("administrator"), PAGE, **typed)

    assert answer.status_code == 400
    assert said in answer.text
    assert recipients().here == frozenset()


def test_a_test_mail_goes_the_way_of_all_mail_and_the_page_says_what_became_of_it(mailoutbox):
    administrator = logged_in("administrator")
    send(administrator, PAGE, mail_to="noc@example.org")

    administrator.post(f"{PAGE}test/mail/")
    send_due_notification()

    (sent,) = mailoutbox
    assert sent.to == ["noc@example.org"]
    assert "Nothing is wrong." in sent.body
    assert "Mail test" in texts_of(administrator, PAGE)


def test_a_test_that_fails_is_tried_once_and_says_why():
    administrator = logged_in("administrator")
    send(administrator, PAGE, webhook_url="http://receiver.invalid/hook")

    administrator.post(f"{PAGE}test/webhook/")
    send_due_notification()

    page = texts_of(administrator, PAGE)
    assert "receiver.invalid: " in page
    assert "Given up" in page
    assert Notification.objects.get().tries == 1


def test_nobody_is_tested_where_nobody_is_named():
    answer = logged_in("administrator").post(f"{PAGE}test/mail/", follow=True)

    assert "nobody is named there yet" in answer.text
    assert not Notification.objects.exists()


def test_the_overview_of_the_settings_says_that_nobody_is_told_or_that_it_does_not_arrive():
    administrator = logged_in("administrator")
    assert "Nobody is told when somebody is needed." in texts_of(administrator, "/settings/")
    send(administrator, PAGE, webhook_url="http://receiver.invalid/hook")
    Notification.objects.create(channel="webhook", subject="kvm1 failed", body={"title": "kvm1 failed"})

    send_due_notification()

    assert "1 is tried again and again." in texts_of(administrator, "/settings/")
