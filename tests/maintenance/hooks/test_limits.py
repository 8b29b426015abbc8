"""What bounds a script, and that the host's page says what really does."""

import os
import pwd
import resource
import stat
from pathlib import Path

import pytest

from maintenance.hooks.limits import AccountUnknown, LimitMalformed, Limits, limits_in_force
from maintenance.hooks.results import HookEnd
from maintenance.hooks.tickets import Tickets, TicketState

MEGABYTE = 1024 * 1024
IS_ROOT = os.geteuid() == 0
HAS_CGROUPS = bool(Limits().cgroups())


def with_limits(hooks, **limits) -> None:
    hooks.tickets = Tickets(hooks.root, Limits(**limits))


def test_knobs_come_from_the_environment_with_safe_defaults() -> None:
    assert Limits.from_environment({}) == Limits()
    assert Limits.from_environment(
        {
            "PITSTOP_HOOK_PROCESSES": "9",
            "PITSTOP_HOOK_MEMORY_MB": "64",
            "PITSTOP_HOOK_FILE_MB": "1",
            "PITSTOP_HOOK_USER": "nobody",
            "PITSTOP_HOOK_CGROUP": "off",
        }
    ) == Limits(processes_max=9, memory_mb=64, file_mb=1, user="nobody", cgroup="off")


@pytest.mark.parametrize("text", ["", "many", "0", "-1", "1.5", "²"])
def test_a_limit_that_is_no_number_is_named(text: str) -> None:
    with pytest.raises(LimitMalformed, match="PITSTOP_HOOK_MEMORY_MB"):
        Limits.from_environment({"PITSTOP_HOOK_MEMORY_MB": text})


def test_the_sentence_names_the_means_and_the_account() -> None:
    account = pwd.getpwuid(os.geteuid()).pw_name
    means = "control group: 512 processes" if HAS_CGROUPS else "rlimits only:"

    assert limits_in_force(Limits()).startswith(means)
    assert limits_in_force(Limits()).endswith(f"runs as {account}")
    assert limits_in_force(Limits(cgroup="off", memory_mb=77)).startswith("rlimits only: 77 MB of memory")


def test_no_core_is_dumped_and_files_and_descriptors_are_bounded(hooks) -> None:
    with_limits(hooks, file_mb=3)
    script = hooks.sh("ulimit -c; ulimit -n; head -c 4000000 /dev/zero > big; stat -c %s big")

    _, output = hooks.run(script)

    lines = output.split()
    assert (lines[0], int(lines[1]) <= 4096, lines[-1]) == (b"0", True, str(3 * MEGABYTE).encode())


def test_memory_is_bounded(hooks) -> None:
    with_limits(hooks, memory_mb=64)
    hooks.write("Maintenance.py", "#!/usr/bin/env python3\nx = bytearray(300_000_000)\nprint('had it')\n")

    result, output = hooks.run(hooks.find())

    assert result.exit_status != 0
    assert b"had it" not in output
    if HAS_CGROUPS:
        assert "it reached the limit of memory and was killed for it" in result.detail


def test_without_a_control_group_memory_is_bounded_for_each_process(hooks) -> None:
    with_limits(hooks, memory_mb=64, cgroup="off")
    hooks.write("Maintenance.py", "#!/usr/bin/env python3\nx = bytearray(300_000_000)\n")

    result, output = hooks.run(hooks.find())

    assert result.exit_status == 1
    assert b"MemoryError" in output


def test_the_number_of_processes_is_bounded_as_far_as_the_sentence_says(hooks) -> None:
    limits = Limits(processes_max=20)
    hooks.tickets = Tickets(hooks.root, limits)
    script = hooks.sh("for n in $(seq 60); do sleep 600 & done; echo all 60; exit 0")

    result, output = hooks.run(script)

    bounded = "control group: 20 processes" in limits_in_force(limits)
    assert (b"all 60" in output) is not bounded
    assert ("it reached the limit of processes" in result.detail) is bounded


def test_a_fork_bomb_ends_with_its_time(hooks) -> None:
    """Bounded in any case: it doubles six times only. What matters is that all of it is gone afterwards."""
    with_limits(hooks, processes_max=40)
    script = hooks.sh(
        '[ "${1:-0}" -ge 6 ] && exec sleep 600\n"$0" $((${1:-0}+1)) & "$0" $((${1:-0}+1)) & wait'
    )

    result, _ = hooks.run(script, timeout_s=0.5, grace_s=0.2)

    assert result.end in (HookEnd.TIMED_OUT, HookEnd.EXITED)
    assert hooks.tickets.strays() == []


def test_no_control_group_is_left(hooks) -> None:
    ticket = hooks.start(hooks.sh("sleep 600"))
    hooks.tickets.kill_as_lost(ticket)
    other = hooks.start(hooks.sh("exit 0"))
    hooks.result(other)

    left = [
        path
        for place in Limits().cgroups()
        for name in (ticket, other)
        for path in place.glob(f"hook-{name}*")
    ]
    assert left == []


def test_the_same_ticket_of_another_installation_has_its_own_groups(hooks, tmp_path: Path) -> None:
    """Killing all of one ticket must not reach what another folder of tickets runs under the same one."""
    script = hooks.sh("sleep 600")
    others = Tickets(tmp_path / "others")
    ticket = hooks.start(script)
    others.start(ticket, script, payload=None, timeout_s=30)

    hooks.tickets.kill_as_lost(ticket)

    assert others.look(ticket).state is TicketState.RUNNING
    others.kill_as_lost(ticket)


def test_an_account_that_is_not_there_is_named(hooks) -> None:
    limits = Limits(user="nobody-of-this-name")
    hooks.tickets = Tickets(hooks.root, limits)
    script = hooks.sh("true")

    if not IS_ROOT:
        # Only root can give rights away: the setting has no effect, and the sentence does not claim one.
        assert limits_in_force(limits).endswith(f"runs as {pwd.getpwuid(os.geteuid()).pw_name}")
        return
    with pytest.raises(AccountUnknown, match="nobody-of-this-name"):
        hooks.start(script)


def test_rights_are_dropped_where_we_have_them(hooks, tmp_path_factory: pytest.TempPathFactory) -> None:
    reachable = Path(tmp_path_factory.mktemp("reachable"))
    for folder in (reachable, *reachable.parents):
        if folder.stat().st_uid == os.geteuid() and stat.S_IMODE(folder.stat().st_mode) == 0o700:
            folder.chmod(0o711)
    hooks.folder = reachable
    with_limits(hooks, user="nobody")
    script = hooks.sh('id -un; echo "$HOME"; echo to stderr > /dev/stderr; cat /proc/$PPID/environ')

    _, output = hooks.run(script)

    account = pwd.getpwnam("nobody" if IS_ROOT else pwd.getpwuid(os.geteuid()).pw_name)
    assert output.splitlines()[:3] == [account.pw_name.encode(), account.pw_dir.encode(), b"to stderr"]
    assert (b"PITSTOP_HOOK_ROOT" in output) is not IS_ROOT


def test_a_lower_limit_of_the_system_stays(hooks) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    _, output = hooks.run(hooks.sh("ulimit -n; ulimit -Hn"))

    assert [int(value) for value in output.split()] == [min(4096, hard)] * 2
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)
