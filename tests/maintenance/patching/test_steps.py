"""The five steps of a live patch in one VM, and the way back."""

import subprocess
from dataclasses import replace
from uuid import uuid4

import pytest

from maintenance.backends.system_vms import NotRestored, PayloadRefused, StepFailed
from maintenance.domain.system_vms import SERVICES, SystemVmType
from maintenance.patching import journal, steps
from maintenance.patching.backing_up import backup_in
from maintenance.patching.layout import (
    AGENT,
    ENABLED,
    PATCHES,
    RELEASES,
    SIGNATURE,
    current_release,
    installed,
    signature,
)
from tests.maintenance.patching.archives import everything_below, tgz_of
from tests.maintenance.patching.boxes import NEW, OLD, TICKET, keys, make_box, patch, runs
from tests.maintenance.patching.payloads import agent_zip, payload, scripts_tgz


@pytest.fixture
def box(tmp_path):
    return make_box(tmp_path / "vm")


@pytest.fixture
def new(tmp_path):
    return payload(tmp_path / "files", NEW)


@pytest.fixture
def old(tmp_path):
    return payload(tmp_path / "files", OLD)


@pytest.mark.parametrize("kind", list(SystemVmType))
def test_a_vm_runs_the_new_version_with_its_own_keys(tmp_path, new, kind):
    box = make_box(tmp_path / "vm", kind=kind)
    before = keys(box)

    patch(box, new)

    assert runs(box, NEW, new.scripts_md5)
    assert keys(box) == before
    assert (box.root / AGENT / "agent.jar").read_bytes() != b""


def test_copying_changes_nothing_else(box, new):
    before = everything_below(box.root)

    patch(box, new, until="copy")

    after = everything_below(box.root)
    assert {name for name in after if name not in before and not name.startswith(str(PATCHES))} == set()
    assert {name: after[name] for name in before} == before


def test_backing_up_changes_nothing_else_and_says_what_ran(box, new):
    box.stop("portmap")
    before = everything_below(box.root / "usr")

    patch(box, new, until="copy")
    saved = steps.back_up(box, ticket=TICKET)

    assert everything_below(box.root / "usr") == before
    assert (saved.was_active, saved.was_dead) == (("cloud", "apache2"), ("portmap",))
    assert saved.path == f"/var/cache/cloud/patch/{TICKET}/backup"
    assert saved.files > 5
    assert saved.bytes > 100


def test_what_ran_is_what_ran_before_the_patch_also_when_asked_again(box, new):
    patch(box, new, until="back_up")
    box.stop("cloud")

    assert "cloud" in steps.back_up(box, ticket=TICKET).was_active


def test_the_signature_is_written_only_after_verifying(box, new, old):
    patch(box, new, until="restart")
    assert signature(box.root) == old.scripts_md5

    steps.verify(box, ticket=TICKET)
    assert signature(box.root) == new.scripts_md5


def test_a_service_that_was_dead_stays_so_and_nobody_minds(box, new):
    box.stop("apache2")

    patch(box, new)

    assert box.versions() == {"cloud": NEW, "apache2": None, "portmap": NEW}


def test_services_are_restarted_in_order_each_once(box, new):
    patch(box, new)
    first = box.running()
    assert sorted(first, key=lambda name: first[name].began) == list(SERVICES[box.type])

    patch(box, new)
    assert box.running() == first


@pytest.mark.parametrize("service", ["cloud", "apache2", "portmap"])
def test_one_service_that_does_not_start_brings_all_back(box, new, old, service):
    box.break_(service, "fail-start")
    with pytest.raises(StepFailed, match=service):
        patch(box, new)
    box.break_(service, "")

    steps.roll_back(box, ticket=TICKET)

    assert runs(box, OLD, old.scripts_md5)


def test_a_rollback_whose_service_does_not_start_says_what_to_type(box, new):
    patch(box, new, until="restart")
    box.break_("apache2", "fail-start")

    with pytest.raises(NotRestored) as caught:
        steps.roll_back(box, ticket=TICKET)

    words = str(caught.value)
    assert "apache2 does not start" in words
    assert f"/var/cache/cloud/patch/{TICKET}/backup" in words
    assert "systemctl restart cloud apache2 portmap" in words
    box.break_("apache2", "")
    steps.roll_back(box, ticket=TICKET)
    assert set(box.versions().values()) == {OLD}


def test_the_commands_for_a_person_bring_the_old_version_back(box, new, old):
    patch(box, new, until="verify")
    for release in (box.root / RELEASES).iterdir():
        if release.name == OLD:
            (release / "agent/VERSION").write_text("damaged")
    box.break_("cloud", "fail-start")
    with pytest.raises(NotRestored) as caught:
        steps.roll_back(box, ticket=TICKET)

    commands = str(caught.value).partition("as root in the VM:\n")[2].splitlines()
    there = [
        line.replace("/var/", f"{box.root}/var/").replace("/usr/", f"{box.root}/usr/") for line in commands
    ]
    for line in there[:-1]:
        subprocess.run(["sh", "-euc", line], check=True)

    assert commands[-1].startswith("systemctl restart ")
    assert installed(box.root).version == OLD
    assert signature(box.root) == old.scripts_md5


def test_a_service_that_dies_after_the_rollback_is_told_when_asked_again(box, new):
    patch(box, new, until="restart")
    steps.roll_back(box, ticket=TICKET)
    box.stop("portmap")

    with pytest.raises(NotRestored, match="portmap does not run"):
        steps.roll_back(box, ticket=TICKET)


def test_a_rollback_before_anything_was_installed_disturbs_no_service(box, new):
    patch(box, new, until="back_up")
    before = box.running()

    steps.roll_back(box, ticket=TICKET)

    assert box.running() == before


def test_a_rollback_of_a_patch_that_nobody_knows_is_no_success(box):
    with pytest.raises(NotRestored, match="nothing is known"):
        steps.roll_back(box, ticket=TICKET)


def test_scripts_really_come_back(box, new, old):
    """CloudStack saves them under one name and restores them from another, so that they never come back."""
    scripts = everything_below(box.root / "opt/cloud/")
    patch(box, new)
    assert everything_below(box.root / "opt/cloud/") != scripts

    steps.roll_back(box, ticket=TICKET)

    assert everything_below(box.root / "opt/cloud/") == scripts
    assert signature(box.root) == old.scripts_md5


def test_after_a_rollback_the_patch_goes_no_further(box, new, old):
    patch(box, new, until="apply")
    steps.roll_back(box, ticket=TICKET)

    for step in (steps.apply, steps.restart, steps.verify):
        with pytest.raises(StepFailed, match="rolled back"):
            step(box, ticket=TICKET)
    assert runs(box, OLD, old.scripts_md5)


@pytest.mark.parametrize("place", ["backup", "release"])
def test_one_damaged_copy_of_the_old_version_is_enough_of_a_loss(box, new, old, place):
    patch(box, new, until="restart")
    damage(box, place)

    steps.roll_back(box, ticket=TICKET)

    assert runs(box, OLD, old.scripts_md5)


def test_a_rollback_without_any_good_copy_is_not_called_one(box, new):
    patch(box, new, until="restart")
    damage(box, "backup")
    damage(box, "release")

    with pytest.raises(NotRestored, match="damaged"):
        steps.roll_back(box, ticket=TICKET)
    assert set(box.versions().values()) == {NEW}


def damage(box, place):
    folder = journal.folder_of(box.root, TICKET)
    tree = backup_in(folder) / "release" if place == "backup" else box.root / RELEASES / OLD
    (tree / "scripts/opt/cloud/bin/configure.py").write_text("damaged")


def test_a_backup_that_reads_back_differently_changes_nothing(box, new):
    class Forgetful(type(box.disk)):
        def write(self, fd, contents):
            super().write(fd, contents.replace(b"4.19", b"9.19"))

    patch(box, new, until="copy")
    before = everything_below(box.root / "usr")
    box.disk = Forgetful()

    with pytest.raises(StepFailed, match="read back"):
        steps.back_up(box, ticket=TICKET)
    assert everything_below(box.root / "usr") == before
    assert not backup_in(journal.folder_of(box.root, TICKET)).exists()


def test_what_changed_since_it_was_saved_is_not_replaced(box, new):
    patch(box, new, until="back_up")
    (box.root / AGENT / "conf/cloud.crt").write_text("renewed meanwhile")

    with pytest.raises(StepFailed, match="changed since"):
        steps.apply(box, ticket=TICKET)
    assert installed(box.root).version == OLD


def test_a_vm_that_answers_new_while_the_old_is_installed_is_found(box, new):
    patch(box, new, until="restart")
    for file in (box.root / RELEASES / current_release(box.root)).rglob("VERSION"):
        file.write_text(f"{OLD}\n")

    with pytest.raises(StepFailed, match="not those of the payload"):
        steps.verify(box, ticket=TICKET)


def test_a_service_that_answers_old_while_the_new_is_installed_is_found(box, new):
    patch(box, new, until="restart")
    box.break_("apache2", f"lie {OLD}")

    with pytest.raises(StepFailed, match=f"apache2 answers {OLD}, not {NEW}"):
        steps.verify(box, ticket=TICKET)


def test_a_service_that_was_never_restarted_is_found_whatever_it_says(box, new):
    box.break_("cloud", "keep")
    patch(box, new, until="restart")
    box.break_("cloud", f"lie {NEW}")

    with pytest.raises(StepFailed, match=r"cloud says [^,]+, but runs since before"):
        steps.verify(box, ticket=TICKET)


def test_services_that_died_or_went_silent_are_all_named(box, new):
    patch(box, new, until="restart")
    box.stop("cloud")
    box.break_("portmap", "mute")

    with pytest.raises(StepFailed, match="cloud does not run; portmap does not answer"):
        steps.verify(box, ticket=TICKET)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda new: replace(new, types=frozenset({"domainrouter"})), "is for domainrouter"),
        (lambda new: replace(new, base_image="debian-13"), "needs the image debian-13"),
        (lambda new: replace(new, agent_sha256="0" * 64), "not the one that was announced"),
        (lambda new: replace(new, version="4.19.2.0"), "does not say that it is 4.19.2.0"),
        (lambda new: replace(new, agent=new.scripts, agent_sha256=new.scripts_sha256), "not a zip"),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_and_nothing_is_left(box, new, change, words):
    refused(box, change(new), words)


def test_an_older_payload_is_refused(box, tmp_path):
    refused(box, payload(tmp_path / "older", "4.18.2.0"), "older than what is installed")


@pytest.mark.parametrize("size", [0, 10, 200])
def test_a_truncated_payload_is_refused(box, tmp_path, size):
    refused(box, payload(tmp_path / "short", NEW, scripts=scripts_tgz(NEW)[:size]), "cloud-scripts.tgz")
    refused(box, payload(tmp_path / "short", NEW, agent=agent_zip(NEW)[:size]), "agent.zip")


def test_scripts_for_other_places_are_refused(box, tmp_path):
    scripts = scripts_tgz(NEW, extra={"etc/shadow": b"root::"})

    refused(box, payload(tmp_path / "other", NEW, scripts=scripts), "'etc/shadow' is no place")


def test_hostile_scripts_are_refused(box, tmp_path):
    refused(box, payload(tmp_path / "hostile", NEW, scripts=tgz_of("../../etc/shadow")), "upward")


def refused(box, files, words):
    before = everything_below(box.root)
    with pytest.raises(PayloadRefused, match=words):
        steps.copy(box, files, ticket=TICKET)
    assert everything_below(box.root) == before


def test_the_same_version_is_copied_again_only_when_forced(box, old):
    refused(box, old, "installed already")

    steps.copy(box, old, ticket=TICKET, forced=True)
    patch(box, old)

    assert runs(box, OLD, old.scripts_md5)


def test_a_ticket_is_for_one_payload(box, new, tmp_path):
    patch(box, new, until="copy")

    with pytest.raises(PayloadRefused, match="under this ticket"):
        steps.copy(box, payload(tmp_path / "newer", "4.20.0.0"), ticket=TICKET)


def test_a_half_patched_vm_is_not_patched_over(box, new, tmp_path):
    patch(box, new, until="restart")

    with pytest.raises(StepFailed, match="neither finished nor rolled back"):
        steps.copy(box, payload(tmp_path / "newer", "4.20.0.0"), ticket=uuid4())


def test_the_backup_is_kept_until_it_is_verified_and_gone_after(box, new):
    patch(box, new, until="restart")
    with pytest.raises(StepFailed, match="is kept"):
        steps.discard_backup(box, ticket=TICKET)
    steps.verify(box, ticket=TICKET)
    assert backup_in(journal.folder_of(box.root, TICKET)).is_dir()

    steps.discard_backup(box, ticket=TICKET)
    steps.discard_backup(box, ticket=TICKET)

    assert [path.name for path in journal.folder_of(box.root, TICKET).iterdir()] == [journal.NAME]
    assert [path.name for path in (box.root / RELEASES).iterdir()] == [current_release(box.root)]
    assert set(box.versions().values()) == {NEW}


def test_one_patch_after_another_leaves_no_rest(box, new, tmp_path):
    box.break_("cloud", "fail-start")
    with pytest.raises(StepFailed):
        patch(box, new)
    box.break_("cloud", "")
    steps.roll_back(box, ticket=TICKET)
    newest, ticket = payload(tmp_path / "newest", "4.20.0.0"), uuid4()

    patch(box, newest, ticket, until="discard_backup")

    assert runs(box, "4.20.0.0", newest.scripts_md5)
    assert [path.name for path in (box.root / PATCHES).iterdir()] == [str(ticket)]
    assert len(list((box.root / RELEASES).iterdir())) == 1


def test_enabled_services_and_signature_come_back(box, new, old):
    patch(box, new)
    (box.root / ENABLED).write_text("nothing\n")
    (box.root / SIGNATURE).unlink()

    steps.roll_back(box, ticket=TICKET)

    assert signature(box.root) == old.scripts_md5
    assert (box.root / ENABLED).read_text().split() == list(SERVICES[box.type])


def test_after_the_backup_is_discarded_there_is_no_way_back(box, new):
    patch(box, new, until="discard_backup")

    with pytest.raises(NotRestored, match="no way back"):
        steps.roll_back(box, ticket=TICKET)
    assert runs(box, NEW, new.scripts_md5)


def test_what_cannot_be_removed_does_not_fail_a_verified_patch(box, new):
    class Stuck(type(box.disk)):
        def unlink(self, name, *, dir_fd=None):
            raise OSError(5, "Input/output error")

    patch(box, new)
    sound, box.disk = box.disk, Stuck()

    assert "Input/output error" in steps.discard_backup(box, ticket=TICKET)
    box.disk = sound
    assert steps.discard_backup(box, ticket=TICKET) == ""
    assert len(list((box.root / RELEASES).iterdir())) == 1


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"phase": "elsewhere"}'])
def test_a_damaged_journal_is_never_taken_for_none(box, new, text):
    patch(box, new, until="restart")
    (journal.folder_of(box.root, TICKET) / journal.NAME).write_text(text)

    with pytest.raises(OSError, match="is damaged"):
        steps.copy(box, new, ticket=TICKET)
