"""Publishing: everything or nothing, in order, by anybody at once."""

import io
import os
import tarfile
import time
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from django.db import connections

from maintenance.actions.errors import BadInput, NotFound
from maintenance.domain.system_vms import SystemVmType
from maintenance.models import AuditEntry, FeedEvent, Payload
from maintenance.payload_files import files_of
from maintenance.payloads import here
from maintenance.payloads.kept import UNNAMED_KEPT_S
from maintenance.payloads.manifest import AGENT, SCRIPTS
from maintenance.payloads.publish import Downgrade, VersionTaken, publish, tidy_up, withdraw
from tests.maintenance.patching.archives import everything_below, tar_link, tgz_of, zip_of
from tests.maintenance.payloads.mirrors import Mirror, running
from tests.maintenance.payloads.published import contents, facts, make_manifest, make_publisher

pytestmark = pytest.mark.django_db(transaction=True)


def files(version: str = "4.19.1.1") -> dict[str, io.BytesIO]:
    return {name: io.BytesIO(content) for name, content in contents(version).items()}


def test_a_signed_payload_is_published_told_and_ready_to_be_sent(put, kept):
    published = put("4.19.1.1")

    payload = published.payload
    assert published.is_new
    assert (payload.version, payload.signed_by, payload.published_by) == ("4.19.1.1", "release", "ada")
    assert payload.fixes_security
    assert kept() == {payload.agent_sha256, payload.scripts_sha256}
    ready = files_of(payload)
    assert ready.scripts.read_bytes() == contents("4.19.1.1")[SCRIPTS]
    assert ready.types == {SystemVmType.ROUTER, SystemVmType.CONSOLE_PROXY}
    told = FeedEvent.objects.get(kind="payload.published")
    assert told.object["payload"] == str(payload.id)
    assert told.after["security"] is True
    entry = AuditEntry.objects.get(action="payload published")
    assert (entry.actor, entry.after["agent_sha256"]) == ("ada", payload.agent_sha256)


def test_the_very_same_again_changes_nothing(put):
    first, second = put(), put(actor="bob")

    assert (second.payload.id, second.is_new) == (first.payload.id, False)
    assert second.payload.published_by == "ada"
    assert FeedEvent.objects.filter(kind="payload.published").count() == 1


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({AGENT: b"other bytes"}, AGENT),
        ({SCRIPTS: b"x" * len(contents("4.19.1.1")[SCRIPTS])}, SCRIPTS),
        ({SCRIPTS: contents("4.19.1.1")[SCRIPTS][:-1]}, SCRIPTS),
        ({AGENT: contents("4.19.1.1")[AGENT] + b"x"}, AGENT),
        ({AGENT: None}, AGENT),
    ],
)
def test_files_that_are_not_the_signed_ones_are_refused_by_name(trusted, changed, field):
    given = files()
    for name, content in changed.items():
        given.pop(name)
        if content is not None:
            given[name] = io.BytesIO(content)

    with pytest.raises(BadInput, match=field.replace(".", r"\.")) as refused:
        publish(trusted.sign(make_manifest()), given, actor="ada")

    assert refused.value.field == field
    assert not Payload.objects.exists()
    assert not AuditEntry.objects.exists()


BAD_ARCHIVES = {
    "bombed": (AGENT, zip_of("VERSION", "core", text=bytes(4 << 20)), "far more than it takes packed"),
    "traversing": (AGENT, zip_of("VERSION", "../../outside"), "leads upward"),
    "absolute": (SCRIPTS, tgz_of("opt/cloud/VERSION", "/etc/cron.d/outside"), "is absolute"),
    "symlinked": (SCRIPTS, tgz_of(tar_link("opt/cloud/bin", tarfile.SYMTYPE, "/tmp")), "neither a file"),
    "truncated": (SCRIPTS, contents("4.19.1.1")[SCRIPTS][:-20], "cannot be read"),
    "of another version": (AGENT, contents("4.19.1.0")[AGENT], "does not say that it is 4.19.1.1"),
    "elsewhere": (SCRIPTS, tgz_of("etc/passwd"), "does not say that it is 4.19.1.1"),
}


@pytest.mark.parametrize("what", BAD_ARCHIVES)
def test_a_signed_archive_that_no_vm_may_unpack_is_refused_and_writes_nothing_outside(
    trusted, kept, tmp_path, what
):
    name, content, said = BAD_ARCHIVES[what]
    given = contents("4.19.1.1") | {name: content}
    manifest = trusted.sign(make_manifest(files={one: facts(text) for one, text in given.items()}))
    (tmp_path / "outside").write_text("precious")
    before = everything_below(tmp_path)

    with pytest.raises(BadInput, match=said) as refused:
        publish(manifest, {one: io.BytesIO(text) for one, text in given.items()}, actor="ada")

    assert refused.value.field == name
    assert not Payload.objects.exists()
    assert not AuditEntry.objects.exists()
    written = everything_below(tmp_path).keys() - before.keys()
    assert written == {"var", "var/payloads", *(f"var/payloads/{sha256}" for sha256 in kept())}
    assert kept() <= {facts(text).sha256 for text in given.values()}


def test_nothing_is_kept_of_what_nobody_trusted_has_signed(trusted, kept):
    for content in (make_publisher().sign(make_manifest()), b"no manifest"):
        with pytest.raises(BadInput) as refused:
            publish(content, files(), actor="ada")
        assert refused.value.field == "manifest"
    assert kept() == set()


def test_a_key_that_is_taken_away_is_trusted_no_more(put, tmp_path):
    put("4.19.1.1")
    (tmp_path / "keys" / "release.pub").unlink()

    with pytest.raises(BadInput, match="not trusted here"):
        put("4.19.1.2")


def test_the_demos_key_is_nobodys_key_in_earnest(trusted, settings, tmp_path):
    (tmp_path / "keys" / "release.pub").rename(tmp_path / "keys" / "demo.pub")
    assert here.keyring().names() == "demo"

    settings.DEMO = False

    assert here.keyring().names() == "none"
    assert "this is no demo" in here.keyring().unusable[0]


def test_an_older_payload_is_not_published_over_a_newer_one_of_the_same_type(put):
    put("4.19.10.0")

    with pytest.raises(Downgrade, match=r"4\.19\.10\.0 is published already for domainrouter"):
        put("4.19.9.0", types=(SystemVmType.ROUTER,))
    assert put("4.19.9.0", types=(SystemVmType.SECONDARY_STORAGE,)).is_new


def test_a_version_is_used_once_also_after_it_was_withdrawn(put):
    first = put("4.19.1.1").payload

    for _again in range(2):
        with pytest.raises(VersionTaken, match="published before"):
            put("4.19.1.1", base_image="another")
        withdraw(first.id, actor="ada")


def test_a_withdrawn_payload_is_offered_to_nobody_and_makes_room_for_an_older_one(put):
    newer = put("4.19.2.0").payload

    withdraw(newer.id, actor="ada", reason="haproxy dies")
    withdraw(newer.id, actor="bob")

    entry = AuditEntry.objects.get(action="payload withdrawn")
    assert (entry.actor, entry.reason) == ("ada", "haproxy dies")
    assert FeedEvent.objects.filter(kind="payload.withdrawn").count() == 1
    assert put("4.19.1.0").is_new
    with pytest.raises(NotFound):
        withdraw(uuid4(), actor="ada")


def test_a_withdrawn_payload_may_be_published_again_as_it_was(put):
    first = put("4.19.1.1").payload
    withdraw(first.id, actor="ada")

    again = put("4.19.1.1", actor="bob")

    assert (again.payload.id, again.is_new) == (first.id, True)
    assert Payload.objects.get().withdrawn_at is None
    assert Payload.objects.get().published_by == "bob"


def test_several_who_publish_at_once_make_one_payload(put):
    ready, found = Barrier(4), []

    def together() -> None:
        ready.wait()
        found.append(put())
        connections.close_all()

    threads = [Thread(target=together) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(one.is_new for one in found) == [False, False, False, True]
    assert Payload.objects.count() == 1
    assert AuditEntry.objects.count() == 1


def test_other_content_of_one_version_at_once_is_published_once(put):
    ready, outcomes = Barrier(3), []

    def together(image: str) -> None:
        ready.wait()
        try:
            outcomes.append(put(base_image=image).is_new)
        except VersionTaken:
            outcomes.append(False)
        connections.close_all()

    threads = [Thread(target=together, args=(f"image-{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == [False, False, True]


class Dies(io.BytesIO):
    """A file whose reader is cut off in the middle."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise KeyboardInterrupt
        return super().read(10)


def test_whoever_is_cut_off_has_published_nothing_and_may_try_again(trusted, put, kept):
    given = files()
    given[SCRIPTS] = Dies(given[SCRIPTS].read())

    with pytest.raises(KeyboardInterrupt):
        publish(trusted.sign(make_manifest()), given, actor="ada")

    assert not Payload.objects.exists()
    assert kept() == {facts(contents("4.19.1.1")[AGENT]).sha256}
    assert put().is_new


def test_files_come_from_where_the_manifest_says(trusted):
    content = contents("4.19.1.1")
    with running(Mirror(content[AGENT])) as agent, running(Mirror(content[SCRIPTS])) as scripts:
        manifest = trusted.sign(make_manifest(), sources={AGENT: (agent.url,), SCRIPTS: (scripts.url,)})
        payload = publish(manifest, {}, actor="ada").payload

        assert payload.sources == [{"file": AGENT, "url": agent.url}, {"file": SCRIPTS, "url": scripts.url}]
        (here.folder() / payload.agent_sha256).unlink()
        assert files_of(payload).agent.read_bytes() == content[AGENT]
        assert (len(agent.asked), len(scripts.asked)) == (2, 1)


def test_files_that_nobody_needs_go_after_a_day(put, kept):
    old, current = put("4.19.1.1").payload, put("4.19.1.2").payload
    withdraw(old.id, actor="ada")
    assert tidy_up() == []
    for name in kept():
        at = time.time() - UNNAMED_KEPT_S - 60
        os.utime(here.folder() / name, (at, at))

    tidy_up()

    assert kept() == {current.agent_sha256, current.scripts_sha256}
