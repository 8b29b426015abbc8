"""Starting the script: checked once more, in a session of its own, with a clean environment."""

import _ctypes
import errno
import posix
import resource
import time

from .job import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from hashlib import sha256
else:
    import _signal
    from _sha2 import sha256  # `hashlib` would bring OpenSSL with it: 2 ms

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# Python ignores the last two, the runner the others; what is ignored stays so in a program that is executed.
SIGNALS_WE_IGNORE = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGPIPE, _signal.SIGXFSZ)
BUSY_TRIES = 20
BUSY_PAUSE_S = 0.005
READ_BYTES = 256 * 1024

Identity = tuple[int, int, int, int, int]


class Refused(Exception):
    """The script was not started, and this is why."""


def adopt_orphans() -> None:
    """From now on daemons of the script become this process's children, however they detach themselves."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def check(job: Job) -> Identity:
    """The identity of the script's file, when its contents are still the ones that were checked."""
    try:
        fd = posix.open(job.script, posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK)
    except OSError as problem:
        raise Refused(f"{_name(job)} cannot be opened any more: {problem.strerror}") from problem
    try:
        digest = sha256()
        while piece := posix.read(fd, READ_BYTES):
            digest.update(piece)
        status = posix.fstat(fd)
    except OSError as problem:
        raise Refused(f"{_name(job)} cannot be read: {problem.strerror}") from problem
    finally:
        posix.close(fd)
    if digest.hexdigest() != job.digest:
        raise Refused(f"{_name(job)} changed between check and run")
    if status.st_mode & 0o002:
        raise Refused(f"{_name(job)} became world-writable between check and run")
    return _identity(status)


def changed_since(job: Job, identity: Identity) -> bool:
    """Whether another file stands in the script's place now, or the file was touched. Gone is not changed."""
    try:
        return _identity(posix.stat(job.script)) != identity
    except OSError:
        return False


def launch(job: Job, cgroups: list[bytes], output: int) -> int:
    """Start the script in `cgroups` with `output` as its stdout and stderr; its pid, once it really runs.

    Raises: Refused, with the kernel's reason, when it could not be executed.
    """
    report, child_report = posix.pipe2(posix.O_CLOEXEC)
    pid = posix.fork()
    if pid == 0:
        _become_the_script(job, cgroups, output, child_report)
    posix.close(child_report)
    problem = posix.read(report, 64)
    posix.close(report)
    if problem:
        posix.waitpid(pid, 0)
        step, _, number = problem.decode().partition(" ")
        raise Refused(_explain(job, step, int(number)))
    return pid


def _become_the_script(job: Job, cgroups: list[bytes], output: int, report: int) -> None:
    """In the child: never returns. A failure is told through `report` as "step errno"."""
    step = "start"
    try:
        posix.setsid()
        for number in SIGNALS_WE_IGNORE:
            _signal.signal(number, _signal.SIG_DFL)
        null = posix.open(b"/dev/null", posix.O_RDONLY)
        posix.dup2(null, 0)
        posix.dup2(output, 1)
        posix.dup2(output, 2)
        posix.closerange(3, report)
        posix.closerange(report + 1, 1 << 20)
        posix.umask(0o022)
        step = "limit"
        for group in cgroups:
            _join(group)
        for name, value in job.rlimits:
            hard = resource.getrlimit(name)[1]
            top = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(name, (top, top))
        step = "account"
        if job.account:
            user, group_id, *groups = job.account
            posix.fchown(1, user, group_id)  # or /dev/stderr could not be opened by the script
            posix.setgroups(groups)
            posix.setgid(group_id)
            posix.setuid(user)
        # Asked for after the change of user, which would clear it: a script does not outlive its runner.
        _prctl(PR_SET_PDEATHSIG, _signal.SIGKILL)
        step = "folder"
        posix.chdir(job.hooks_dir)
        step = "execute"
        _execute(job)
    except OSError as problem:
        posix.write(report, f"{step} {problem.errno}".encode())
    finally:
        posix._exit(127)


def _execute(job: Job) -> None:
    arguments = [job.script] if job.payload is None else [job.script, job.payload]
    for _ in range(BUSY_TRIES):
        try:
            posix.execve(job.script, arguments, job.environment)
        except OSError as problem:
            # Somebody still has the file open for writing, often only for the moment of another fork.
            if problem.errno != errno.ETXTBSY:
                raise
        time.sleep(BUSY_PAUSE_S)
    raise OSError(errno.ETXTBSY, "busy")


def _explain(job: Job, step: str, number: int) -> str:
    words = posix.strerror(number)
    match step, number:
        case "execute", errno.ENOENT:
            return f"{_name(job)} or its interpreter is missing"
        case "execute", errno.EACCES:
            return f"{_name(job)} is not executable for the account that runs it"
        case "execute", errno.ENOEXEC:
            return f"{_name(job)} has no first line naming its interpreter and is no program"
        case "execute", errno.ETXTBSY:
            return f"{_name(job)} is open for writing"
        case "folder", _:
            return f"the hooks folder cannot be entered: {words}"
        case "account", _:
            return f"the account for hook scripts cannot be taken: {words}"
        case "limit", _:
            return f"the limits for hook scripts cannot be set: {words}"
        case _:
            return f"{_name(job)} cannot be started: {words}"


def _name(job: Job) -> str:
    return job.script.decode("utf-8", "backslashreplace")


def _identity(status: posix.stat_result) -> Identity:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _join(cgroup: bytes) -> None:
    fd = posix.open(cgroup + b"/cgroup.procs", posix.O_WRONLY | posix.O_CLOEXEC)
    try:
        posix.write(fd, b"0")
    finally:
        posix.close(fd)


def _prctl(option: int, value: int) -> None:
    # `ctypes` itself takes 3 ms to import; these three calls are all of it that is needed.
    function = _ctypes.dlsym(_ctypes.dlopen("", 0), "prctl")
    if _ctypes.call_function(function, (option, value, 0, 0, 0)) != 0:
        raise OSError(errno.EINVAL, f"prctl {option}")
