"""Logging in and out by program: name and password for a token."""

import math
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in, user_logged_out
from drf_spectacular.utils import extend_schema
from knox.models import get_token_model
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import NEWCOMER, principal, why_forbidden
from dashboard.api.bodies import StrictBody, Text
from dashboard.api.problems import BadField
from dashboard.api.views import ApiView, person_of
from dashboard.models import TokenNote
from dashboard.people.tokens import BY_PROGRAM


class Login(StrictBody):
    username = Text(max_length=150)
    password = Text(bytes_max=1024)


class MadeToken(serializers.Serializer):
    token = serializers.CharField()
    expiry = serializers.DateTimeField()


class Token(ApiView):
    """POST gives a token for name and password; DELETE ends the token it comes with."""

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Whoever logs in brings a password; an old token or cookie does not matter then."""
        is_login = self.request is not None and self.request.method == "POST"
        return [] if is_login else super().get_authenticators()

    def get_authenticate_header(self, request: Request) -> str:
        return "Token"

    @extend_schema(request=Login, responses=MadeToken, auth=[])
    def post(self, request: Request) -> Response:
        """401 for a wrong name or password, in the same time; 429 after too many of them."""
        login = Login(data=request.data)
        login.is_valid(raise_exception=True)
        django_request: Any = request._request
        user = authenticate(request=django_request, **login.validated_data)
        if getattr(django_request, "axes_locked_out", False):
            django_request.axes_locked_out = False  # we say so ourselves, not the middleware
            raise Throttled(
                wait=math.ceil(settings.AXES_COOLOFF_TIME.total_seconds()), detail="too many wrong passwords"
            )
        if user is None:
            raise AuthenticationFailed("the name or the password is wrong")
        if principal(user) == NEWCOMER:
            raise PermissionDenied(why_forbidden("api:token", "POST", user))
        made, token = get_token_model().objects.create(user=user)
        TokenNote.objects.create(token=made, name=BY_PROGRAM, made_by=user.get_username())
        user_logged_in.send(sender=type(user), request=django_request, user=user)
        return Response(MadeToken({"token": token, "expiry": made.expiry}).data)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """The token is worth nothing any more; sockets it opened close within 5 s."""
        if request.auth is None:
            raise BadField("Authorization", "there is no token in this request")
        request.auth.delete()
        user_logged_out.send(sender=type(request.user), request=request._request, user=person_of(request))
        return Response(status=204)
