"""A wall link's life: made and shown once, exchanged for a cookie, seen, over; and what is told of it."""

import logging
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.logs import hide_secrets
from dashboard.models import WallLink
from dashboard.screens.events.acts import tell_act
from dashboard.walls import cookie
from dashboard.walls.links import digest_of
from dashboard.walls.networks import is_within
from maintenance.models import AuditEntry, FeedEvent
from tests.dashboard.console.conftest import logged_in
from tests.dashboard.console.forms import send
from tests.dashboard.walk_page import Page
from tests.dashboard.wall.conftest import make_secret, open_link
from tests.dashboard.wall.fleets import quiet_fleet

pytestmark = pytest.mark.django_db
WALLS = "/settings/walls/"
FAR = "198.51.100.7"


def shown_link(answer) -> str:
    secret = Page(answer.text).by_id("secret")
    assert secret is not None
    return secret.text


def test_a_link_is_shown_once_and_only_its_hash_is_kept():
    quiet_fleet()
    ada = logged_in("administrator")
    answer = send(ada, WALLS, name="operations room")
    url = shown_link(answer)
    secret = url.rstrip("/").rpartition("/")[2]

    link = WallLink.objects.get()
    assert len(secret) >= 43  # 256 bit
    assert link.digest == digest_of(secret)
    assert secret not in str(WallLink.objects.values().get())
    assert secret not in ada.get(WALLS).text
    assert "operations room" in ada.get(WALLS).text
    entry = AuditEntry.objects.get(action="wall link made")
    assert secret not in str((entry.object, entry.after))
    assert "administrator" in tell_act(entry).says
    assert "operations room" in tell_act(entry).says
    assert FeedEvent.objects.filter(kind="settings.changed", object__part="walls").count() == 1


def test_a_form_that_is_sent_twice_makes_one_link():
    quiet_fleet()
    ada = logged_in("administrator")
    form = {"name": "hall", "names": "yes", "days": "0", "networks": "", "link": make_id()}

    assert ada.post(WALLS, form).status_code == 200
    again = ada.post(WALLS, form)

    assert again.status_code == 409
    assert WallLink.objects.count() == 1


def make_id() -> str:
    return "5f0c5f6e-7d0b-4b53-8a53-0d3f3a4f3a11"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"name": ""}, "Give a name"),
        ({"networks": "the second floor"}, "10.1.0.0/24"),
        ({"days": "12"}, "Choose how long"),
        ({"clouds": "c1"}, "Choose among the clouds"),
    ],
)
def test_what_cannot_be_is_said_beside_the_form_and_makes_nothing(typed, says):
    quiet_fleet()
    answer = send(logged_in("administrator"), WALLS, **{"name": "hall", **typed})

    assert answer.status_code == 400
    assert says in answer.text
    assert not WallLink.objects.exists()


def test_the_first_visit_becomes_a_cookie_and_leaves_the_address():
    quiet_fleet()
    secret, link = make_secret()
    client = Client()

    answer = client.get(f"/wall/l/{secret}/")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/wall/")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    kept = answer.cookies[cookie.NAME]
    assert (kept["httponly"], kept["samesite"], kept["path"], kept["domain"]) == (True, "Lax", "/", "")
    assert secret not in kept.value
    page = client.get("/wall/")
    assert page.status_code == 200
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in page.headers["X-Robots-Tag"]
    assert (
        page.cookies[cookie.NAME].value == kept.value
    )  # it is given anew: it never runs out while it is used
    assert cookie.link_named(kept.value) == link.id


def test_over_https_the_cookie_is_this_hosts_alone():
    assert cookie.name_over(is_https=True) == "__Host-wall"
    assert cookie.name_over(is_https=False) == "pitstop-wall"


def test_whoever_only_looks_at_a_link_changes_nothing_and_uses_nothing_up():
    quiet_fleet()
    secret, link = make_secret()
    before = WallLink.objects.values().get()

    for _ in range(3):
        Client().get(f"/wall/l/{secret}/")

    assert WallLink.objects.values().get() == before
    assert open_link(secret).get("/wall/").status_code == 200
    link.refresh_from_db()
    assert link.seen_from == "127.0.0.1"


def test_a_made_up_link_opens_nothing():
    secret, _link = make_secret()
    for wrong in ("x" * 43, secret.swapcase(), secret[:-1]):
        answer = Client().get(f"/wall/l/{wrong}/")
        assert answer.status_code == 404
        assert cookie.NAME not in answer.cookies


def test_a_cookie_that_was_not_made_for_this_opens_nothing():
    quiet_fleet()
    _secret, link = make_secret()
    for value in (str(link.id), f"{link.id}:forged", cookie._signer.sign("nobody"), ""):
        client = Client()
        client.cookies[cookie.NAME] = value
        assert client.get("/wall/").status_code != 200


def is_over(client: Client) -> bool:
    """Both walls show the dark page, and nothing of the fleet."""
    answers = [client.get(path) for path in ("/wall/", "/wall/hosts/")]
    assert not any(re.search(r"kvm|\blab\b", answer.text) for answer in answers)
    return all(answer.status_code == 403 and "Link ended" in answer.text for answer in answers)


def test_a_link_that_was_revoked_shows_the_dark_page_also_to_whoever_opens_it_again():
    quiet_fleet()
    secret, link = make_secret()
    client = open_link(secret)
    ada = logged_in("administrator")

    assert ada.post(f"/settings/walls/{link.id}/revoke/").status_code == 303

    assert is_over(client)
    assert Client().get(f"/wall/l/{secret}/").status_code == 403
    link.refresh_from_db()
    assert link.revoked_by == "administrator"
    assert AuditEntry.objects.filter(action="wall link revoked").count() == 1
    ada.post(f"/settings/walls/{link.id}/revoke/")
    assert AuditEntry.objects.filter(action="wall link revoked").count() == 1


def test_a_link_that_has_expired_shows_the_dark_page():
    quiet_fleet()
    secret, link = make_secret(days=1)
    client = open_link(secret)
    assert client.get("/wall/").status_code == 200

    WallLink.objects.filter(id=link.id).update(ends_at=timezone.now() - timedelta(seconds=1))

    assert is_over(client)


def test_a_link_opens_only_from_where_it_may():
    quiet_fleet()
    secret, _link = make_secret(networks="10.1.0.0/24, 2001:db8::/48")
    inside = open_link(secret, REMOTE_ADDR="10.1.0.9")
    assert inside.get("/wall/").status_code == 200

    assert Client(REMOTE_ADDR=FAR).get(f"/wall/l/{secret}/").status_code == 403
    moved = Client(REMOTE_ADDR=FAR)
    moved.cookies[cookie.NAME] = inside.cookies[cookie.NAME].value
    assert is_over(moved)


@pytest.mark.parametrize(
    ("address", "ranges", "inside"),
    [
        ("10.1.0.9", "10.1.0.0/24", True),
        ("10.1.1.9", "10.1.0.0/24", False),
        ("::ffff:10.1.0.9", "10.1.0.0/24", True),
        ("2001:db8::7", "10.1.0.0/24 2001:db8::/48", True),
        ("", "10.1.0.0/24", False),
        ("10.1.0.9", "not a range", False),
        ("10.1.0.9", "", True),
    ],
)
def test_ranges_are_read_with_care(address, ranges, inside):
    assert is_within(address, ranges) == inside


def test_when_and_from_where_a_screen_was_last_seen_is_listed():
    quiet_fleet()
    secret, link = make_secret()
    open_link(secret, REMOTE_ADDR="192.0.2.44").get("/wall/")

    page = logged_in("administrator").get(WALLS)

    assert "192.0.2.44" in page.text
    link.refresh_from_db()
    assert link.seen_at is not None


def test_the_secret_stays_out_of_the_log(caplog):
    quiet_fleet()
    secret, _link = make_secret()
    with caplog.at_level(logging.INFO):
        open_link(secret)

    told = [
        hide_secrets(None, "", dict(record.msg)) for record in caplog.records if isinstance(record.msg, dict)
    ]
    assert any("/wall/l/[hidden]" in str(one) for one in told)
    assert secret not in str(told)


def test_somebody_who_has_logged_in_sees_the_link_as_its_screen_does():
    quiet_fleet()
    secret, _link = make_secret(shows_names=False)
    ada = logged_in("administrator")
    assert "zone1" in ada.get("/wall/hosts/").text
    ada.get(f"/wall/l/{secret}/")

    assert "zone1" not in ada.get("/wall/hosts/").text
    assert "zone1" in ada.get("/clusters/").text
