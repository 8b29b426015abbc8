"""`Idempotency-Key`: the same key and body do a thing once and get the first answer again (`dashboard.once`)."""

import json
import re
from collections.abc import Callable
from typing import Any

from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard import once as doing
from dashboard.api.problems import BadField, KeyBusy, KeyReused
from dashboard.requests import request_id

HEADER = "Idempotency-Key"
KEY = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
REPEATED = "Idempotency-Replayed"


def once(
    request: Request,
    do: Callable[[], Response],
    audited_as: str,
    done_before: Callable[[str], Response],
    *,
    meant: Any = None,
) -> Response:
    """What `do` answers, or what it answered before; without a key, what `do` answers. `meant`: what tells requests
    with one key apart, where that is not the body.

    Raises: BadField, KeyReused, KeyBusy, and what `do` raises.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return do()
    if not KEY.fullmatch(key):
        raise BadField(HEADER, "give 1 to 200 printable ASCII characters without spaces")
    asked = doing.Asked(
        user_id=str(request.user.pk),
        actor=request.user.get_username(),
        route=request.path,
        key=key,
        digest=doing.digest_of(request.data if meant is None else meant),
        request_id=request_id(request._request),
        audited_as=audited_as,
    )
    first: list[Response] = []  # the answer with its headers, where it is given for the first time

    def kept(response: Response) -> doing.Answer:
        first.append(response)
        return doing.Answer(response.status_code, json.loads(JSONRenderer().render(response.data)))

    try:
        answer = doing.once(asked, lambda: kept(do()), lambda run_id: kept(done_before(run_id)))
    except doing.StillBeingDone:
        raise KeyBusy from None
    except doing.OtherBody:
        raise KeyReused from None
    if answer.is_repeated:
        return Response(answer.body, status=answer.status, headers={REPEATED: "true"})
    return first[0]
