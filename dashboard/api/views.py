"""What all REST views share: who is asking, which query parameters and bodies are known, once per Idempotency-Key."""

from collections.abc import Mapping
from typing import Any, cast

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard.api.authentication import Sessions, Tokens
from dashboard.api.bodies import Nothing, StrictBody, StrictJson
from dashboard.api.idempotency import once
from dashboard.api.problems import BadField
from dashboard.models import User

WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class ApiView(APIView):
    """Strict towards the request: an unknown or repeated query parameter is 400, a body that is no JSON is 415."""

    authentication_classes = [Tokens, Sessions]
    parser_classes = [StrictJson]
    http_method_names = ["get", "head", "post", "delete"]
    parameters: frozenset[str] = frozenset()  # the query parameters it knows
    content_types: frozenset[str] = frozenset({"application/json"})  # of bodies

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(
            request, *args, **kwargs
        )  # who it is, and whether they may: before anything else is looked at
        self._check_parameters(request)
        if request.method in WITH_BODY:
            _check_content_type(request, self.content_types)

    def known_parameters(self) -> frozenset[str]:
        return self.parameters

    def _check_parameters(self, request: Request) -> None:
        known = self.known_parameters()
        for name, values in request.query_params.lists():
            if name not in known:
                there_are = ", ".join(sorted(known)) or "none"
                raise BadField(name[:60], f"there is no such query parameter; there are: {there_are}")
            if len(values) > 1:
                raise BadField(name, "it is there twice")
            if "\0" in values[0]:
                raise BadField(name, "it holds a NUL character")


class CommandView(ApiView):
    """A POST that changes something: one call to an action, done once per Idempotency-Key.

    `audited_as` is how the action signs the audit: after a crash of ours it tells whether the first request was done.
    """

    body: type[StrictBody] = Nothing
    audited_as: str

    def post(self, request: Request, **ids: Any) -> Response:
        return once(
            request, lambda: self.do(request, self._read(request), **ids), self.audited_as, self.done_before
        )

    def do(self, request: Request, given: Mapping[str, Any], **ids: Any) -> Response:
        """Calls the action. Raises what the action raises."""
        raise NotImplementedError

    def done_before(self, run_id: str) -> Response:
        """The answer to a request whose run was made, and whose answer was lost with our process."""
        raise NotImplementedError

    def _read(self, request: Request) -> Mapping[str, Any]:
        body = self.body(data=request.data)
        body.is_valid(raise_exception=True)
        return cast(Mapping[str, Any], body.validated_data)


def person_of(request: Request) -> User:
    """Who asks. The access matrix has let them in, so it is somebody."""
    assert isinstance(request.user, User), "the access matrix lets no anonymous person in here"
    return request.user


def _check_content_type(request: Request, known: frozenset[str]) -> None:
    sent = request.content_type or ""
    if sent.split(";")[0].strip().lower() not in {"", *known}:
        raise UnsupportedMediaType(sent[:100])
    if not sent and int(request.META.get("CONTENT_LENGTH") or 0) > 0:
        raise UnsupportedMediaType("(none)")
