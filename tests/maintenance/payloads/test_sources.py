"""A file is fetched from where it can be had, and only the signed one is kept."""

import socket
from contextlib import ExitStack
from threading import Thread

import pytest

from maintenance.payloads.kept import NoSpace
from maintenance.payloads.sources import MetalinkAt, NoSource, Rules, fetch
from tests.maintenance.payloads.mirrors import Mirror, running
from tests.maintenance.payloads.published import facts

CONTENT = bytes(range(256)) * 4000
WANTED = facts(CONTENT)
OTHER = b"!" * len(CONTENT)


@pytest.fixture
def start():
    """Has mirrors run until the test's end."""
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(running(Mirror(how.pop("content", CONTENT), **how)))


@pytest.fixture
def rules(tmp_path):
    return Rules(tmp_path / "payloads", 1 << 30, allows_plain_loopback=True, within_s=20, pause_s=0)


def fetch_it(rules, *sources):
    return fetch(sources, WANTED.sha256, WANTED.size, name="agent.zip", rules=rules)


def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/agent.zip"


def lies_in(rules) -> list[str]:
    return sorted(one.name for one in rules.folder.iterdir() if not one.name.endswith(".lock"))


def metalink(*mirrors: tuple[str, str], sha256: str = WANTED.sha256, size: int = WANTED.size) -> bytes:
    urls = "".join(f"<url {attributes}>{url}</url>" for url, attributes in mirrors)
    return (
        f'<?xml version="1.0"?><metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="agent.zip">'
        f'<size>{size}</size><hash type="sha-256">{sha256}</hash>{urls}</file></metalink>'
    ).encode()


def test_a_file_is_fetched_once_and_kept_under_its_checksum(rules, start):
    mirror = start()

    path = fetch_it(rules, mirror.url)
    again = fetch_it(rules, mirror.url)

    assert path == again == rules.folder / WANTED.sha256
    assert path.read_bytes() == CONTENT
    assert len(mirror.asked) == 1
    assert lies_in(rules) == [WANTED.sha256]


def test_a_local_file_is_a_source_too(rules, tmp_path):
    (tmp_path / "agent.zip").write_bytes(CONTENT)
    assert fetch_it(rules, tmp_path / "missing.zip", tmp_path / "agent.zip").read_bytes() == CONTENT


def test_what_rotted_on_the_disk_is_fetched_again(rules, start):
    mirror = start()
    rules.folder.mkdir()
    (rules.folder / WANTED.sha256).write_bytes(OTHER)

    assert fetch_it(rules, mirror.url).read_bytes() == CONTENT


def test_a_connection_that_breaks_goes_on_where_it_was(rules, start):
    mirror = start(breaks_after=[100_000, 200_000])

    assert fetch_it(rules, mirror.url).read_bytes() == CONTENT
    assert mirror.ranges() == [None, "bytes=100000-", "bytes=300000-"]
    assert [headers.get("if-range") for headers in mirror.asked] == [None, '"v1"', '"v1"']


def test_a_mirror_that_ignores_ranges_begins_anew(rules, start):
    mirror = start(breaks_after=[100_000], ignores_range=True)

    assert fetch_it(rules, mirror.url).read_bytes() == CONTENT
    assert len(mirror.asked) == 2


def test_what_one_mirror_began_another_ends(rules, start):
    dying, living = start(breaks_after=[300_000, 0]), start()

    assert fetch_it(rules, dying.url, living.url).read_bytes() == CONTENT
    assert living.ranges() == ["bytes=300000-"]


def test_a_file_that_changes_under_the_fetch_is_not_mixed(rules, start):
    """If-Range: another version comes whole, and is not what was signed."""
    mirror, good = start(breaks_after=[100_000], other_from=2), start()

    assert fetch_it(rules, mirror.url, good.url).read_bytes() == CONTENT
    assert good.ranges() == [None]


def test_a_mirror_that_is_away_is_followed_by_the_next_one(rules, start):
    mirror = start()
    assert fetch_it(rules, nobody(), start(status=503).url, mirror.url).read_bytes() == CONTENT


def test_a_wrong_checksum_is_fetched_again_three_times_in_all(rules, start):
    mirror = start(content=OTHER)

    with pytest.raises(NoSource, match="its checksum is another"):
        fetch_it(rules, mirror.url)

    assert len(mirror.asked) == 3
    assert lies_in(rules) == [f".{WANTED.sha256}.part"]
    assert (rules.folder / f".{WANTED.sha256}.part").stat().st_size == 0


def test_after_a_wrong_checksum_the_next_mirror_is_asked_first(rules, start):
    lying, good = start(content=OTHER), start()

    assert fetch_it(rules, lying.url, good.url).read_bytes() == CONTENT
    assert (len(lying.asked), len(good.asked)) == (1, 1)


def test_a_file_that_is_right_the_third_time_is_taken(rules, start):
    mirror = start(other_until=2)

    assert fetch_it(rules, mirror.url).read_bytes() == CONTENT
    assert len(mirror.asked) == 3


@pytest.mark.parametrize(
    "how",
    [
        {"announces": WANTED.size * 1000},
        {"content": CONTENT + b"x"},
        {"content": CONTENT[:-1]},
        {"breaks_after": [100_000] + [0] * 20, "lies_about_range": True},
        {"status": 404},
    ],
)
def test_a_mirror_that_lies_is_left_for_the_next_one(rules, start, how):
    liar, good = start(**how), start()

    with pytest.raises(NoSource):
        fetch_it(rules, liar.url)
    assert fetch_it(rules, liar.url, good.url).read_bytes() == CONTENT


def test_when_nobody_has_it_each_one_is_named(rules, start):
    broken = start(status=500)

    with pytest.raises(NoSource, match="answered 500") as caught:
        fetch_it(rules, broken.url, nobody())

    assert "refused" in str(caught.value)
    assert len(broken.asked) == 3
    with pytest.raises(NoSource, match="no source was given"):
        fetch_it(rules)


def test_a_redirect_is_followed_a_few_times_only(rules, start):
    mirror = start()
    once = start(redirects_to=mirror.url)
    assert fetch_it(rules, once.url).read_bytes() == CONTENT

    round_about = start()
    round_about.redirects_to = round_about.url
    (rules.folder / WANTED.sha256).unlink()
    with pytest.raises(NoSource, match="elsewhere too often"):
        fetch_it(rules, round_about.url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://169.254.169.254/latest/", "is not called"),
        ("https://169.254.169.254/latest/", "is not called"),
        ("https://[fd00:ec2::254]/", "metadata"),
        ("http://10.1.2.3/agent.zip", "https://"),
        ("ftp://127.0.0.1/agent.zip", "must begin with"),
        ("file:///etc/passwd", "must begin with"),
        ("https://ada:secret@example.org/", "password"),
        ("https://exa mple.org/", "is not called"),
        ("https://[/agent.zip", "is no address"),
    ],
)
def test_addresses_that_payloads_never_come_from_are_not_called(rules, url, said):
    with pytest.raises(NoSource, match=said):
        fetch_it(rules, url)


def test_a_redirect_leads_to_no_address_that_is_not_called(rules, start):
    with pytest.raises(NoSource, match="is not called"):
        fetch_it(rules, start(redirects_to="http://169.254.169.254/latest/").url)
    with pytest.raises(NoSource, match="leads to what is no address"):
        fetch_it(rules, start(redirects_to="https://[/").url)


def test_plain_http_is_for_a_demo_and_its_own_machine_only(tmp_path, start):
    strict = Rules(tmp_path / "strict", 1 << 30, within_s=5, pause_s=0)
    mirror = start()

    with pytest.raises(NoSource, match="https://"):
        fetch_it(strict, mirror.url)
    assert mirror.asked == []


def test_mirrors_of_a_metalink_go_by_priority_and_the_nearest_of_equals_first(rules, start, tmp_path):
    far, near, last = start(status=503), start(status=503), start()
    links = metalink(
        (last.url, 'priority="9"'), (far.url, 'priority="1"'), (near.url, 'priority="1" location="DE"')
    )
    order = []
    for name, mirror in (("far", far), ("near", near), ("last", last)):
        mirror.asked = _Told(order, name)

    there = Rules(rules.folder, 1 << 30, allows_plain_loopback=True, near="de", within_s=20, pause_s=0)
    assert fetch_it(there, links).read_bytes() == CONTENT
    assert order == ["near", "far", "last"]


class _Told(list):
    """Notes in which order mirrors were asked."""

    def __init__(self, order, name):
        super().__init__()
        self.order, self.name = order, name

    def append(self, asked):
        self.order.append(self.name)
        super().append(asked)


def test_a_metalink_is_fetched_too(rules, start):
    mirror = start()
    links = start(content=metalink((mirror.url, 'priority="1"')))

    url = links.url.replace("agent.zip", "agent.zip.meta4")
    assert fetch_it(rules, url).read_bytes() == CONTENT
    (rules.folder / WANTED.sha256).unlink()
    assert fetch_it(rules, MetalinkAt(links.url)).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("links", "said"),
    [
        (metalink(("http://127.0.0.1:1/", ""), sha256="a" * 64), "no file with this checksum"),
        (metalink(("http://127.0.0.1:1/", ""), size=7), "another size"),
        (metalink(), "names no mirror"),
        (b"<metalink/>", "no metalink"),
        (b"<?xml", "no XML"),
    ],
)
def test_a_metalink_that_says_something_else_is_no_source(rules, links, said):
    with pytest.raises(NoSource, match=said):
        fetch_it(rules, links)


def test_two_who_need_the_same_file_fetch_it_once(rules, start):
    mirror = start()
    found = []
    threads = [Thread(target=lambda: found.append(fetch_it(rules, mirror.url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [rules.folder / WANTED.sha256] * 4
    assert len(mirror.asked) == 1


def test_no_more_is_fetched_than_there_is_room_for(rules, start):
    mirror = start()
    with pytest.raises(NoSpace):
        fetch_it(Rules(rules.folder, 1000, allows_plain_loopback=True), mirror.url)
    assert mirror.asked == []


def test_the_time_for_everything_together_ends(rules):
    """Somebody who takes the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/agent.zip"
        short = Rules(rules.folder, 1 << 30, allows_plain_loopback=True, within_s=0.5, pause_s=0)
        with pytest.raises(NoSource, match="does not answer"):
            fetch_it(short, url)
