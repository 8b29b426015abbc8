"""Who uses the console in a test: a person of each role, by token or by session."""

from dataclasses import dataclass
from typing import Any

from django.test import Client
from knox.models import get_token_model

from dashboard.models import User


def make_person(role: str, name: str = "") -> User:
    """Somebody of this role. They have no password: hashing one costs more than most tests."""
    user, _ = User.objects.get_or_create(username=name or role or "nobody", defaults={"role": role})
    return user


def make_token(user: User) -> str:
    _, token = get_token_model().objects.create(user=user)
    return str(token)


@dataclass(frozen=True)
class Api:
    """A program that talks to REST with a token."""

    client: Client

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", **options)

    def post(self, path: str, body: Any = None, *, key: str | None = None, **options: Any) -> Any:
        """`body` is sent as JSON; bytes are sent as they are."""
        if key is not None:
            options.setdefault("headers", {})["Idempotency-Key"] = key
        options.setdefault("content_type", "application/json")
        return self.client.post(f"/api/v1/{path}", {} if body is None else body, **options)

    def delete(self, path: str) -> Any:
        return self.client.delete(f"/api/v1/{path}")


def api_of(user: User) -> Api:
    return Api(Client(headers={"Authorization": f"Token {make_token(user)}"}))
