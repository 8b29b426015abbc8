"""The runner: starts one script, keeps its output, ends it in time, leaves nothing behind, writes the result.

It belongs to nobody: the starter may be killed. It holds the ticket's lock (fd 3) as long as it lives. A free
lock without a result means that the outcome is unknown; the ticket never runs again.
"""

# ruff: noqa: SIM105 - contextlib would take 3 ms to import

import fcntl
import posix
import select
import time

from .cgroups import Cgroups
from .children import descendants, read, read_process
from .ending import Ending, write_result
from .job import Job, read_job
from .launch import Refused, adopt_orphans, changed_since, check, launch
from .output_file import OutputWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal  # `signal` would build its enums: 2 ms

SETTLE_S = 0.5  # what a script left in the background may take to end by itself
SCRIPT_IS_OPEN_S = 1.0  # by then every interpreter has opened the script
KILL_S = 5.0  # a process in an uninterruptible call may need this long to die
DRAIN_S = 1.0
PIPE_BYTES = 1024 * 1024
READ_BYTES = 256 * 1024
F_SETPIPE_SZ = 1031


def main(folder: str) -> None:
    """Run the script of the ticket with this folder, and end this process."""
    posix.chdir("/")
    job = _take_job()
    wake = _listen_for_signals()
    _announce(folder)
    adopt_orphans()
    output = OutputWriter(posix.open(folder + "/output", posix.O_RDWR | posix.O_CLOEXEC))
    run = Run(folder, job, wake, output)
    run.to_the_end()
    write_result(folder, run.ending.as_json(job, output.total))
    posix._exit(0)


class Run:
    """One script from its start until nothing of it is left; `ending` tells how it went."""

    def __init__(self, folder: str, job: Job, wake: int, output: OutputWriter) -> None:
        self.folder = folder
        self.job = job
        self.ending = Ending()
        self._output = output
        self._wake = wake
        self._pipe = -1
        self._pipe_is_open = False
        self._poll = select.poll()
        self._poll.register(wake, select.POLLIN)
        self._buffer = bytearray(READ_BYTES)
        self._cgroups = Cgroups(job)
        self._pid = 0
        self._script_ended = False
        self._children_left = False

    def to_the_end(self) -> None:
        """Start it, wait for it, end what must be ended."""
        # A stop may have been asked for before this process could hear a signal: its file is there then.
        if read_stop_reason(self.folder) is not None:
            self._stop()
            return
        self._cgroups.make()
        try:
            self._start()
        except Refused as reason:
            self.ending.decide("refused", str(reason))
        else:
            self._wait()
            self._end_what_is_left()
            self._drain()
        for words in (*self._cgroups.limits_hit(), self._output.problem):
            self.ending.add(words)
        self._cgroups.remove()

    def _start(self) -> None:
        self._identity = check(self.job)
        self._pipe, scripts_end = posix.pipe2(posix.O_CLOEXEC)
        try:
            fcntl.fcntl(self._pipe, F_SETPIPE_SZ, PIPE_BYTES)
        except PermissionError:
            pass  # the account's share of pipe memory is used up: a small pipe is only slower
        self.ending.begin()
        self._pid = launch(self.job, self._cgroups.paths, scripts_end)
        self._children_left = True
        posix.close(scripts_end)
        posix.set_blocking(self._pipe, False)
        self._poll.register(self._pipe, select.POLLIN)
        self._pipe_is_open = True

    def _wait(self) -> None:
        """Until the script ended by itself or was told to."""
        time_is_up = time.monotonic() + self.job.timeout_s
        script_is_open = min(time.monotonic() + SCRIPT_IS_OPEN_S, time_is_up)
        while not (self._script_ended or self._output.total or self.ending.is_decided):
            if time.monotonic() >= script_is_open:
                break
            self._look_until(script_is_open)
        # It prints, has ended or had long enough: its interpreter has opened the file. When that is still the
        # checked one, it is what runs.
        if changed_since(self.job, self._identity):
            self.ending.decide(
                "refused", "the script's file changed between check and run; what had begun was ended"
            )
            self._tell_to_end()
            return
        while not self._script_ended and not self.ending.is_decided:
            self._look_until(time_is_up)
            if not self._script_ended and time.monotonic() >= time_is_up:
                self.ending.decide("timed_out", f"still running after {self.job.timeout_s:g} s")
        if self.ending.is_decided:
            self._tell_to_end()

    def _stop(self) -> None:
        if self.ending.is_decided:
            return
        reason = read_stop_reason(self.folder) or "its runner was told to end"
        self.ending.decide("stopped", reason if self._pid else f"before it began: {reason}")

    def _tell_to_end(self) -> None:
        """TERM to the whole group and to what left it, time to obey, then KILL to the whole group."""
        if not self._script_ended:
            _send(-self._pid, _signal.SIGTERM)
        for child in descendants(posix.getpid()):
            if child.group != self._pid:
                _send(child.pid, _signal.SIGTERM)
        deadline = time.monotonic() + self.job.grace_s
        while self._children_left and time.monotonic() < deadline:
            self._look_until(deadline)
        if not self._script_ended:
            self.ending.add(f"TERM did not end it, killed after {self.job.grace_s:g} s")
            _send(-self._pid, _signal.SIGKILL)

    def _end_what_is_left(self) -> None:
        """Background processes get a moment, then KILL; those that detached themselves are our children."""
        if not self.ending.is_decided:
            settled = time.monotonic() + SETTLE_S
            while self._children_left and time.monotonic() < settled:
                self._look_until(settled)
        if not self._children_left:
            return
        left = descendants(posix.getpid())
        was_told = self.ending.is_decided
        self.ending.strays = [
            child.describe() for child in left if not (was_told and child.group == self._pid)
        ]
        self._cgroups.kill()
        deadline = time.monotonic() + KILL_S
        while self._children_left and time.monotonic() < deadline:
            me = posix.getpid()
            # Children only: their numbers stay theirs until we collect them. Orphans become children at once.
            for child in descendants(me):
                if child.parent == me:
                    _send(child.pid, _signal.SIGKILL)
            self._look_until(min(deadline, time.monotonic() + 0.02))
        if self._children_left:
            self.ending.add("some of its processes could not be killed")

    def _look_until(self, deadline: float) -> None:
        """Take one helping of what there is: output, ended processes, a stop. Not beyond the deadline."""
        rest_ms = max(0.0, deadline - time.monotonic()) * 1000
        for fd, _ in self._poll.poll(rest_ms):
            if fd == self._pipe:
                self._take_output()
            else:
                self._take_signals()

    def _take_signals(self) -> None:
        if _signal.SIGTERM in posix.read(self._wake, 4096) and not self._script_ended:
            self._stop()
        while True:
            try:
                pid, status = posix.waitpid(-1, posix.WNOHANG)
            except ChildProcessError:
                self._children_left = False
                return
            if pid == 0:
                return
            if pid == self._pid:
                self._script_ended = True
                self.ending.finish(status)

    def _take_output(self) -> bool:
        """Whether there was any."""
        if not self._pipe_is_open:
            return False
        try:
            length = posix.readv(self._pipe, [self._buffer])
        except BlockingIOError:
            return False
        if length == 0:
            self._poll.unregister(self._pipe)
            self._pipe_is_open = False
            return False
        self._output.append(memoryview(self._buffer)[:length])
        return True

    def _drain(self) -> None:
        """What is still in the pipe; not for ever, somebody out of our reach may hold the other end."""
        deadline = time.monotonic() + DRAIN_S
        while time.monotonic() < deadline and self._take_output():
            pass


def _take_job() -> Job:
    """The request, from standard input, which is closed then: the script could find its nonce there."""
    job = read_job(0)
    null = posix.open("/dev/null", posix.O_RDONLY | posix.O_CLOEXEC)
    posix.dup2(null, 0)
    posix.close(null)
    return job


def read_stop_reason(folder: str) -> str | None:
    """Why somebody wants the script to end; None when nobody does."""
    text = read(folder.encode("utf-8", "surrogateescape") + b"/stop")
    return text.decode("utf-8", "backslashreplace") if text else None


def _send(pid: int, number: int) -> None:
    """A signal to a process or a group (negative). Gone is as good; another account's stays and is told later."""
    try:
        posix.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _listen_for_signals() -> int:
    """A file that becomes readable with each TERM (stop) and each ended child. HUP and INT are not for us."""
    wake, written = posix.pipe2(posix.O_NONBLOCK | posix.O_CLOEXEC)
    _signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    for number in (_signal.SIGTERM, _signal.SIGCHLD):
        _signal.signal(number, lambda *_: None)
    for number in (_signal.SIGHUP, _signal.SIGINT):
        _signal.signal(number, _signal.SIG_IGN)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    return wake


def _announce(folder: str) -> None:
    """Who runs this ticket: pid and start time, since numbers are used again."""
    me = read_process(posix.getpid())
    assert me is not None
    fd = posix.open(folder + "/runner.new", posix.O_WRONLY | posix.O_CREAT | posix.O_CLOEXEC, 0o600)
    posix.write(fd, f"{me.pid} {me.started_ticks}\n".encode())
    posix.close(fd)
    posix.rename(folder + "/runner.new", folder + "/runner")
