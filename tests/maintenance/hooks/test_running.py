"""How a script is run: which argument, which environment, which rights it gets."""

import os
import signal
from datetime import UTC, datetime

import pytest

from maintenance.domain.hook_stages import STAGES, HookStage
from maintenance.domain.outcomes import Outcome, judge
from maintenance.hooks.results import HookEnd
from maintenance.hooks.tickets import TicketMalformed

PAYLOADS = [
    "plain",
    "two words",
    "'single' \"double\" `back`",
    "$(touch owned) ${HOME} ; touch owned & | > owned",
    "first\nsecond\n",
    "a,b,,c",
    "--",
    "-rf",
    "--payload=x",
    "\\ * ? [a-z] ~ ! #",
    "Größe ✓ 🧰",
    " ",
    "",
    "x" * 8192,
]


@pytest.mark.parametrize("status", [0, 1, 2, 69, 70, 71, 124, 126, 127, 128, 137, 143, 255])
def test_the_exit_status_arrives_as_it_was(hooks, status: int) -> None:
    result, _ = hooks.run(hooks.sh(f"exit {status}"))

    assert (result.end, result.exit_status, result.signal) == (HookEnd.EXITED, status, None)


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV, signal.SIGHUP]
)
def test_a_signal_is_no_exit_status(hooks, number: signal.Signals) -> None:
    result, _ = hooks.run(hooks.sh(f"kill -{number} $$"))

    assert (result.end, result.exit_status, result.signal) == (HookEnd.EXITED, None, number)


@pytest.mark.parametrize("stage", STAGES)
def test_every_status_of_a_real_script_is_judged_in_every_stage(hooks, stage: HookStage) -> None:
    """Every status is in the table of test_outcomes; here one of each kind comes from a real process."""
    outcomes = []
    for status in (0, 1, 70, 143):
        result, _ = hooks.run(hooks.sh(f"exit {status}", f"{stage}.sh"))
        outcomes.append(judge(stage, result.end, result.exit_status))

    seventy = Outcome.NOT_NEEDED if stage in ("PreFlight", "PreMaintenance") else Outcome.FAILED
    assert outcomes == [Outcome.OK, Outcome.FAILED, seventy, Outcome.FAILED]


@pytest.mark.parametrize("payload", PAYLOADS, ids=[f"payload{n}" for n in range(len(PAYLOADS))])
def test_the_payload_is_one_argument_and_only_data(hooks, payload: str) -> None:
    script = hooks.sh('printf "%s:%s" "$#" "$1"')

    _, output = hooks.run(script, payload=payload)

    assert output.decode() == f"1:{payload}"
    assert sorted(path.name for path in hooks.folder.iterdir()) == ["Maintenance"]


def test_no_payload_is_no_argument(hooks) -> None:
    assert hooks.run(hooks.sh('echo "$#"'))[1] == b"0\n"


@pytest.mark.parametrize("payload", ["a\0b", "x" * 8193, "é" * 4097, "\ud800"])
def test_a_payload_that_cannot_be_handed_over_is_refused_before_anything_is_kept(hooks, payload: str) -> None:
    with pytest.raises(TicketMalformed):
        hooks.start(hooks.sh("true"), payload=payload)

    assert not hooks.root.exists()


def test_the_payload_is_on_no_disk_and_the_environment_is_nearly_empty(hooks, monkeypatch) -> None:
    monkeypatch.setenv("SECRET_CANARY", "canary-in-our-environment")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/canary")
    monkeypatch.setenv("BASH_ENV", "/canary")
    script = hooks.sh("tr '\\0' '\\n' < /proc/$PPID/environ; env; ls -l /proc/self/fd | grep -c /")

    ticket = hooks.start(script, payload="canary-payload")
    hooks.result(ticket)

    names = {line.partition("=")[0] for line in hooks.output(ticket).decode().splitlines() if "=" in line}
    allowed = {
        "PATH",
        "LC_ALL",
        "HOME",
        "PITSTOP_HOOK_TICKET",
        "PITSTOP_HOOK_ROOT",
        "PWD",
        "SHLVL",
        "_",
        "OLDPWD",
    }
    assert {"PATH", "LC_ALL", "HOME", "PITSTOP_HOOK_TICKET"} <= names <= allowed
    assert not [path for path in (hooks.root / ticket).iterdir() if b"canary" in path.read_bytes()]


def test_the_caller_may_add_variables_but_not_replace_ours(hooks) -> None:
    ticket = "6f1d2c7a-0000-4000-8000-000000000001"
    hooks.tickets.start(
        ticket,
        hooks.sh("echo $LAB_HOST $PATH $PITSTOP_HOOK_TICKET"),
        payload=None,
        timeout_s=10,
        extra_env={"LAB_HOST": "kvm1 $(id)", "PATH": "/evil", "PITSTOP_HOOK_TICKET": "other"},
    )
    hooks.result(ticket)

    assert hooks.output(ticket).startswith(b"kvm1 $(id) /usr/local/sbin:")
    assert hooks.output(ticket).endswith(f"{ticket}\n".encode())


@pytest.mark.parametrize("name", ["", "lower", "A=B", "A B", "A\n"])
def test_a_variable_with_an_odd_name_is_refused(hooks, name: str) -> None:
    with pytest.raises(TicketMalformed):
        hooks.tickets.start(
            "6f1d2c7a-0000-4000-8000-000000000002",
            hooks.sh("true"),
            payload=None,
            timeout_s=1,
            extra_env={name: "x"},
        )


def test_nothing_of_ours_is_open_in_the_script(hooks) -> None:
    inherited = os.open("/dev/zero", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    try:
        _, output = hooks.run(hooks.sh("for fd in /proc/$$/fd/*; do readlink $fd; done"))
    finally:
        os.close(inherited)

    opened = output.decode().split()
    assert opened[0] == "/dev/null"
    assert {name.partition(":")[0] for name in opened[1:]} <= {"pipe", str(hooks.folder / "Maintenance")}


def test_standard_input_is_empty_not_waited_for(hooks) -> None:
    result, output = hooks.run(hooks.sh("cat; read answer; echo $?"))

    assert (result.exit_status, output) == (0, b"1\n")


def test_signals_that_we_ignore_work_in_the_script(hooks) -> None:
    _, output = hooks.run(hooks.sh("grep -E 'Sig(Blk|Ign)' /proc/self/status"))

    blocked, ignored = (int(line.split()[1], 16) for line in output.decode().splitlines())
    ours = (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGCHLD, signal.SIGXFSZ)
    assert [number for number in ours if (blocked | ignored) >> (number - 1) & 1] == []


def test_the_script_sees_its_own_path_and_works_beside_it(hooks) -> None:
    hooks.write("common.sh", "word=shared\n")
    script = hooks.sh('. "$(dirname "$0")/common.sh"; echo "$0 $word"; pwd; echo x > processed')

    _, output = hooks.run(script)

    assert output.decode() == f"{script.path} shared\n{hooks.folder}\n"
    assert (hooks.folder / "processed").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Maintenance", "#!/bin/bash\n[[ 1 -eq 1 ]] && echo ran\n"),
        ("Maintenance.sh", "#!/usr/bin/env bash\necho ran\n"),
        (
            "Maintenance.py",
            "#!/usr/bin/env python3\nimport sys\nprint('ran', flush=True); print('err', file=sys.stderr)\n",
        ),
    ],
)
def test_shell_python_and_bare_scripts_run(hooks, name: str, text: str) -> None:
    hooks.write(name, text)

    result, output = hooks.run(hooks.find())

    assert result.exit_status == 0
    assert output.startswith(b"ran\n")


def test_stdout_and_stderr_come_in_the_order_in_which_they_were_written(hooks) -> None:
    _, output = hooks.run(
        hooks.sh("for n in 1 2 3; do echo out $n; echo err $n >&2; done; echo last > /dev/stderr")
    )

    assert output == b"out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\nlast\n"


def test_times_are_utc_and_the_duration_is_the_scripts(hooks) -> None:
    before = datetime.now(UTC)
    result, _ = hooks.run(hooks.sh("sleep 0.2"))

    assert before <= result.started_at < result.finished_at <= datetime.now(UTC)
    assert 0.2 <= result.duration_s < 5
    assert result.started_at.tzinfo is UTC


def test_the_originals_pair_leaves_a_file_that_makes_the_next_preflight_say_not_needed(hooks) -> None:
    preflight = hooks.sh('[ -e "$(dirname "$0")/processed.successfully" ] && exit 70; exit 0', "PreFlight.sh")
    after = hooks.sh('touch "$(dirname "$0")/processed.successfully"', "PostMaintenance.sh")

    statuses = [hooks.run(script)[0].exit_status for script in (preflight, after, preflight)]

    assert statuses == [0, 0, 70]
