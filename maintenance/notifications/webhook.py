"""One signed POST to an address that an administrator chose, and no way to make it anything else.

The address is http or https, without a password, and no redirect is followed. Where its name leads is looked up once,
checked, and then connected to: link-local addresses, clouds' metadata services, multicast and unspecified ones are
refused; private ones are not, for a private cloud's receivers are there. All of it together ends within DEADLINE_S,
and of the answer only the status is read.
"""

import json
import re
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpcore
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from maintenance.guarded_calls import BadAddress, Guarded, check_address

DEADLINE_S = 10.0
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")


class NotDelivered(Exception):
    """The receiver did not take it; the message says what happened."""


def check_secret(secret: str) -> None:
    """Raises: ValueError when nothing can be signed with it."""
    try:
        Webhook(secret)
    except (EmptyWebhookSecretError, ValueError) as reason:
        raise ValueError("it is not base64; take a secret such as whsec_…") from reason


def post(url: str, body: Mapping[str, Any], *, secret: str, message_id: str) -> int:
    """Sends it, signed where there is a secret. Returns: the status, a good one. Raises: NotDelivered."""
    content = json.dumps(body, sort_keys=True)
    headers = {"content-type": "application/json", "webhook-id": message_id, "user-agent": "Pitstop"}
    try:
        check_address(url)
        if secret:
            check_secret(secret)
            at = datetime.now(UTC)
            headers["webhook-timestamp"] = str(int(at.timestamp()))
            headers["webhook-signature"] = Webhook(secret).sign(message_id, at, content)
    except BadAddress as reason:
        raise NotDelivered(f"the address is not called: {reason}") from reason
    except ValueError as reason:
        raise NotDelivered(f"the signing secret cannot be used: {reason}") from reason
    status = _status(url, headers, content.encode())
    if not 200 <= status < 300:
        moved = " (a redirect is not followed)" if 300 <= status < 400 else ""
        raise NotDelivered(f"answered {status}{moved}")
    return status


def _status(url: str, headers: Mapping[str, str], content: bytes) -> int:
    """Raises: NotDelivered."""
    deadline = time.monotonic() + DEADLINE_S
    sent_headers = [*headers.items(), ("content-length", str(len(content)))]
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=ssl.create_default_context(), network_backend=Guarded(deadline), retries=0
            ) as pool,
            pool.stream("POST", url, headers=sent_headers, content=content) as answer,
        ):
            return answer.status
    except BadAddress as reason:
        raise NotDelivered(f"the address is not called: {reason}") from reason
    except (httpcore.TimeoutException, TimeoutError):
        raise NotDelivered(f"{urlsplit(url).netloc}: no answer within {DEADLINE_S:.0f} s") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError, UnicodeError) as reason:
        where = urlsplit(url).netloc
        raise NotDelivered(f"{where}: {_ERRNO.sub('', str(reason)) or type(reason).__name__}") from reason
