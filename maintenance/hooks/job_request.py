"""What a starter hands to the runner: checked here, written as bytes, never on a disk."""

import os
import re
import uuid
from collections.abc import Mapping
from pathlib import Path

from maintenance.hooks.detached.job import write_job
from maintenance.hooks.find import Script
from maintenance.hooks.interpreter import SCRIPT_PATH
from maintenance.hooks.limits import Limits
from maintenance.hooks.processes import ROOT_VARIABLE, TICKET_VARIABLE

PAYLOAD_MAX_BYTES = 8192
TIMEOUT_MAX_S = 7 * 86_400.0

_VARIABLE_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


class TicketMalformed(Exception):
    """A ticket is a UUID, a payload at most 8 kB without NUL, a variable's name upper case."""


def canonical_ticket(ticket: str) -> str:
    """The one spelling of a ticket; it is also its folder's name. Raises: TicketMalformed."""
    try:
        return str(uuid.UUID(ticket))
    except ValueError as problem:
        raise TicketMalformed(f"{ticket!r} is no ticket: it must be a UUID.") from problem


def ticket_variables(root: Path, ticket: str) -> dict[str, str]:
    """By these a process is known to belong to a ticket, wherever it moves."""
    return {TICKET_VARIABLE: ticket, ROOT_VARIABLE: str(root)}


def make_job(
    script: Script,
    *,
    root: Path,
    ticket: str,
    nonce: str,
    payload: str | None,
    timeout_s: float,
    grace_s: float,
    extra_env: Mapping[str, str],
    limits: Limits,
) -> bytes:
    """The request for `detached/job.py`. The script's environment has what stands here and nothing of ours.

    Raises: TicketMalformed, AccountUnknown.
    """
    if not 0 < timeout_s <= TIMEOUT_MAX_S or not 0 <= grace_s <= TIMEOUT_MAX_S:
        raise TicketMalformed(f"A script cannot run for {timeout_s} s with {grace_s} s of grace.")
    account = limits.account()
    environment = {
        **_checked(extra_env),
        "PATH": SCRIPT_PATH,
        "LC_ALL": "C.UTF-8",
        "HOME": account.home,
        **ticket_variables(root, ticket),
    }
    fields = {
        b"ticket": ticket.encode(),
        b"nonce": nonce.encode(),
        b"digest": script.digest.encode(),
        b"script": os.fsencode(script.path),
        b"hooks_dir": os.fsencode(script.path.parent),
        b"timeout_s": repr(float(timeout_s)).encode(),
        b"grace_s": repr(float(grace_s)).encode(),
        b"rlimits": " ".join(f"{limit}={value}" for limit, value in limits.rlimits().items()).encode(),
        b"cgroups": b"\n".join(os.fsencode(group) for group in limits.groups_of(root, ticket)),
        b"cgroup_limits": "\n".join(
            f"{name}={value}" for name, value in limits.cgroup_files().items()
        ).encode(),
        b"account": b"",
    }
    if limits.drops_rights():
        fields[b"account"] = " ".join(map(str, (account.user_id, *account.group_ids))).encode()
    if payload is not None:
        fields[b"payload"] = _encoded(payload, "The payload")
        if len(fields[b"payload"]) > PAYLOAD_MAX_BYTES:
            raise TicketMalformed(f"The payload is longer than {PAYLOAD_MAX_BYTES} bytes.")
    fields |= {f"env:{name}".encode(): _encoded(value, name) for name, value in environment.items()}
    return write_job(fields)


def _checked(variables: Mapping[str, str]) -> Mapping[str, str]:
    for name in variables:
        if not _VARIABLE_NAME.fullmatch(name):
            raise TicketMalformed(f"{name!r} is no name for a script's variable.")
    return variables


def _encoded(text: str, what: str) -> bytes:
    if "\0" in text:
        raise TicketMalformed(f"{what} holds a NUL character.")
    try:
        return text.encode()
    except UnicodeEncodeError as problem:
        raise TicketMalformed(f"{what} is not valid Unicode text.") from problem
