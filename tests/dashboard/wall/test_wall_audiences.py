"""What leaves for a wall: its profile's clouds, names only where they are shown, and one drawing for all that show the
same."""

import re
from collections import Counter
from contextlib import ExitStack

import pytest
from django.conf import settings
from django.utils import timezone

from dashboard.live import render
from dashboard.live.drawn_lately import DrawnLately
from dashboard.live.touched import Part, touched, whole
from dashboard.screens.feed_head import feed_head
from dashboard.screens.wall.profile import EVERYTHING
from dashboard.walls import cookie
from maintenance.engine.attention import Cause, ask_for_person
from maintenance.feed import unit_of_work
from maintenance.models import Attention, Cloud, Host, Run
from tests.dashboard.live.test_live_socket import next_frame
from tests.dashboard.people import make_person, make_token
from tests.dashboard.wall.conftest import make_secret, open_link
from tests.dashboard.wall.fleets import fleet_at_work

ELEMENTS = re.compile("<[^>]*>")
OURS = settings.WEBSOCKET_ORIGINS[0]
# What a wall without names must never tell, as distinctive words.
NAMES = {
    "kvm": "quokka",
    "c": "capybara",
    "cloud": "axolotl",
    "zone": "wombat",
    "server": "numbat",
    "who": "ada-lovelace",
}


@pytest.fixture
def fleet(transactional_db):
    """With names that stand in no text of ours, and somebody who has a problem."""
    inventory = fleet_at_work()
    run = Run.objects.get()
    for host in Host.objects.all():
        Host.objects.filter(pk=host.pk).update(name=host.name.replace("kvm", NAMES["kvm"]))
    for target in run.targets.all():
        run.targets.filter(pk=target.pk).update(name=target.name.replace("kvm", NAMES["kvm"]))
    for cluster in inventory.clusters.values():
        cluster.name = cluster.name.replace("c", NAMES["c"])
        cluster.save()
    for thing, name in ((inventory.cloud, "cloud"), (inventory.zone, "zone"), (inventory.server, "server")):
        thing.name = NAMES[name]
        thing.save()
    _need(run, taken_by=NAMES["who"])
    return inventory


def _need(run: Run, taken_by: str = "") -> None:
    target = run.targets.order_by("order")[1]
    with unit_of_work() as work:
        ask_for_person(work, Cause.STAGE_FAILED, run=run, target=target, message=f"{target.name} failed")
    Attention.objects.update(taken_by=taken_by)


def change(host: Host) -> None:
    """The cloud lists it as Disabled."""
    with unit_of_work() as work:
        Host.objects.filter(pk=host.pk).update(resource_state="Disabled")
        about = {"host": str(host.pk), "host_name": host.name, "cluster": str(host.cluster_id)}
        work.event(
            "host.changed", about, before={"resource_state": "Enabled"}, after={"resource_state": "Disabled"}
        )


def frames(opened, beats: int = 3) -> list[str]:
    """Everything that comes until so many heartbeats did."""
    found: list[str] = []
    while sum(text.startswith('{"type":"heartbeat"') for text in found) < beats:
        found.append(opened.recv(timeout=10))
    return found


def socket_of(web, secret: str, topic: str):
    value = open_link(secret).cookies[cookie.NAME].value
    return web.socket(f"/ws/live/?topic={topic}", Cookie=f"{cookie.NAME}={value}", Origin=OURS)


def told(texts: list[str]) -> set[str]:
    """The names in them, whole or with elements within."""
    plain = [ELEMENTS.sub("", text) for text in texts]
    return {name for name in NAMES.values() for text in [*texts, *plain] if name in text}


def counted(monkeypatch) -> Counter[Part]:
    """How often each part was drawn."""
    found: Counter[Part] = Counter()
    draw = render._draw

    def counting(part: Part, role: str) -> render.Drawn:
        found[part] += 1
        return draw(part, role)

    monkeypatch.setattr(render, "_draw", counting)
    return found


def test_names_that_a_profile_hides_leave_in_no_frame_and_no_page(web, fleet):
    secret, link = make_secret(shows_names=False)
    named_secret, named = make_secret()
    pages = {}
    for given in (secret, named_secret):
        client = open_link(given)
        pages[given] = [client.get("/wall/").text, client.get("/wall/hosts/").text]
    with ExitStack() as stack:
        hidden = [
            stack.enter_context(socket_of(web, secret, f"{kind}:{link.profile}"))
            for kind in ("wall", "wallhosts")
        ]
        shown = [
            stack.enter_context(socket_of(web, named_secret, f"{kind}:{named.profile}"))
            for kind in ("wall", "wallhosts")
        ]
        for opened in (*hidden, *shown):
            next_frame(opened, "heartbeat")
        change(fleet.hosts["kvm5"])
        _need(Run.objects.get())
        for opened in (*hidden, *shown):
            opened.send("snapshot")
        hidden_frames = [text for opened in hidden for text in frames(opened)]
        shown_frames = [text for opened in shown for text in frames(opened)]

    assert told(hidden_frames) == set()
    assert told(pages[secret]) == set()
    assert any('"snapshot"' in text for text in hidden_frames)
    # The same fleet, with names: else this would prove nothing.
    assert {NAMES["kvm"], NAMES["c"], NAMES["zone"], NAMES["server"]} <= told(shown_frames)
    assert NAMES["who"] in told(pages[named_secret])


def test_nothing_of_the_console_s_frame_leaves_for_a_wall(web, fleet):
    secret, link = make_secret()
    with socket_of(web, secret, f"wall:{link.profile}") as opened:
        parts = next_frame(opened, "snapshot")["parts"]

    assert set(parts) == {"wall-verdict", "wall-problems", "wall-clusters", "wall-servers"}
    assert whole(f"wallhosts:{link.profile}") == [Part(f"wallhosts:{link.profile}", "map")]


def test_a_wall_of_one_cloud_hears_of_no_other(web, fleet):
    other = Cloud.objects.create(name="narwhal", kind="lab", read_at=timezone.now(), as_of=timezone.now())
    secret, link = make_secret(cloud_ids=[other.id])
    client = open_link(secret)

    assert told([client.get("/wall/").text, client.get("/wall/hosts/").text]) == set()
    with socket_of(web, secret, f"wall:{link.profile}") as opened:
        beat = next_frame(opened, "heartbeat")
        change(fleet.hosts["kvm5"])
        later = frames(opened)
    assert beat["clouds"].keys() == {str(other.id)} == beat["listings"].keys()
    assert told(later) == set()
    assert not any(str(fleet.cloud.id) in text for text in later)


def test_a_changed_host_is_drawn_once_for_all_walls_that_show_the_same(web, fleet, monkeypatch):
    drawn = counted(monkeypatch)
    first, link = make_secret()
    second, same = make_secret(name="another screen")
    assert link.profile == same.profile
    topic = f"wallhosts:{link.profile}"
    with ExitStack() as stack:
        walls = [stack.enter_context(socket_of(web, secret, topic)) for secret in (first, second, first)]
        for opened in walls:
            next_frame(opened, "heartbeat")
        drawn.clear()

        change(fleet.hosts["kvm5"])

        key = f"cells-{fleet.clusters['c2'].id.hex[:12]}"
        pushed = []
        for opened in walls:
            while key not in (parts := next_frame(opened, "delta")["parts"]):
                continue
            pushed.append(parts[key])
    assert len(set(pushed)) == 1
    assert pushed[0] == "oto"
    assert drawn[Part(topic, "cluster", str(fleet.clusters["c2"].id))] == 1
    assert not any(part.name == "map" for part in drawn)


def test_people_follow_the_wall_of_everything_with_their_own_rights(web, fleet):
    token = make_token(make_person("viewer"))
    with web.socket(
        f"/ws/live/?topic=wall:{EVERYTHING.id}&after={feed_head()}", Authorization=f"Token {token}"
    ) as opened:
        assert next_frame(opened, "current")["seq"] == feed_head()
        change(fleet.hosts["kvm5"])
        assert "wall-verdict" in next_frame(opened, "delta")["parts"]


def test_a_heartbeat_names_the_build(web, fleet):
    secret, link = make_secret()
    with socket_of(web, secret, f"wall:{link.profile}") as opened:
        beat = next_frame(opened, "heartbeat")

    assert f'data-build="{beat["build"]}"' in open_link(secret).get("/wall/").text


def test_a_changed_host_that_nobody_knows_yet_costs_its_own_cluster_and_not_the_map(fleet):
    host = fleet.hosts["kvm5"]
    about = {"host": str(host.id), "cluster": str(host.cluster_id)}
    parts = [
        part for part in touched("host.changed", about, {}, {"state": "Down"}) if part.topic == "wallhosts:*"
    ]
    assert parts == [Part("wallhosts:*", "cluster", str(host.cluster_id))]

    drawn = render.draw([(parts[0]._replace(topic=f"wallhosts:{EVERYTHING.id}"), "")])

    assert list(drawn.values()) == [render.Drawn(f"cells-{host.cluster_id.hex[:12]}", "ooo")]


def test_a_map_that_was_drawn_lately_does_not_hold_when_a_cell_of_it_has_changed():
    topic = f"wallhosts:{EVERYTHING.id}"
    whole_map = Part(topic, "map"), ""
    lately = DrawnLately()
    lately.keep({whole_map: render.Drawn("wall-map", "as it was")}, seq=7, era=lately.era, now=0)

    lately.touch(Part("wallhosts:*", "cluster", "c1"), 7)  # had been told when it was drawn
    assert lately.still_hold([whole_map], 1).keys() == {whole_map}

    lately.touch(Part("wallhosts:*", "cluster", "c2"), 8)
    assert lately.still_hold([whole_map], 1) == {}
