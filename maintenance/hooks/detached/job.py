"""What the starter asks of the runner: one memory file on standard input, fields divided by NUL.

Not JSON: importing that takes nearly as long as Python itself. Not on disk: the payload is nobody's business.
"""

import posix

JOB_MAX_BYTES = 1024 * 1024
ENVIRONMENT = b"env:"


class Job:
    """The fields of the request as the runner uses them. Paths, payload and environment stay bytes."""

    def __init__(self, fields: dict[bytes, bytes]) -> None:
        self.ticket = fields[b"ticket"].decode()
        self.nonce = fields[b"nonce"].decode()
        self.digest = fields[b"digest"].decode()
        self.script = fields[b"script"]
        self.hooks_dir = fields[b"hooks_dir"]
        self.payload = fields.get(b"payload")
        self.timeout_s = float(fields[b"timeout_s"])
        self.grace_s = float(fields[b"grace_s"])
        self.environment = {
            name.removeprefix(ENVIRONMENT): value
            for name, value in fields.items()
            if name.startswith(ENVIRONMENT)
        }
        self.rlimits = [tuple(map(int, pair.split(b"="))) for pair in fields[b"rlimits"].split()]
        self.cgroups = [group for group in fields[b"cgroups"].split(b"\n") if group]
        self.cgroup_limits = [line.split(b"=", 1) for line in fields[b"cgroup_limits"].split(b"\n") if line]
        self.account = [int(number) for number in fields[b"account"].split()]


def write_job(fields: dict[bytes, bytes]) -> bytes:
    """The request as bytes. No field may hold a NUL."""
    return b"\0".join(part for pair in fields.items() for part in pair)


def read_job(fd: int) -> Job:
    """The request that `write_job` made, from the start of the file."""
    parts = iter(posix.pread(fd, JOB_MAX_BYTES, 0).split(b"\0"))
    return Job(dict(zip(parts, parts, strict=True)))
