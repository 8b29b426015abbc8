"""People who log in, the one role each of them has, what a tenant's person belongs to, what tokens are called, and the
screens on walls."""

import uuid
from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from maintenance.models import Cloud


class Role(models.TextChoices):
    """What a person may do; `access.py` holds the matrix."""

    VIEWER = "viewer", "viewer"
    OPERATOR = "operator", "operator"
    ADMINISTRATOR = "administrator", "administrator"
    TENANT = "tenant", "tenant"


class User(AbstractUser):
    """A person. A role is never inferred: without one there is no access.

    Nobody is deleted: the audit names people by `username`, so a name is never used again.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)  # what addresses and topics say
    role = models.CharField(max_length=20, choices=Role.choices, blank=True, default="")
    # A demo user's password is known to whoever started the demo.
    is_demo = models.BooleanField(default=False)
    # An administrator chose the password and knows it: it opens one door only, where another one is chosen.
    must_change_password = models.BooleanField(default=False)
    # Raised to end every session there is; the password stays.
    session_epoch = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.username

    @property
    def may_come_in(self) -> bool:
        """Whether this person can log in, and stay: active, and no demo user where there is no demo."""
        return self.is_active and (settings.DEMO or not self.is_demo)

    def get_session_auth_hash(self) -> str:
        return self._of_this_epoch(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        for found in super().get_session_auth_fallback_hash():
            yield self._of_this_epoch(found)

    def _of_this_epoch(self, digest: str) -> str:
        if not self.session_epoch:
            return digest
        return salted_hmac("session epoch", f"{digest}:{self.session_epoch}", algorithm="sha256").hexdigest()


class Membership(models.Model):
    """A tenant's person belongs to an account of a cloud, or to a whole domain (no account)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    cloud = models.ForeignKey(Cloud, on_delete=models.CASCADE, related_name="+")
    domain = models.CharField(max_length=255)
    account = models.CharField(max_length=255, blank=True)  # empty: everything in the domain
    made_at = models.DateTimeField(db_default=Now())
    made_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["domain", "account"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "cloud", "domain", "account"], name="one_membership_an_account"
            )
        ]

    def __str__(self) -> str:
        return f"{self.domain}/{self.account or '*'}"


class TokenNote(models.Model):
    """What a person calls an API token, and when it was last used; the token itself is knox's, and only its hash."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    token = models.OneToOneField("knox.AuthToken", on_delete=models.CASCADE, related_name="note")
    name = models.CharField(max_length=120)
    made_by = models.CharField(max_length=150)
    used_at = models.DateTimeField(null=True)  # to the minute

    def __str__(self) -> str:
        return self.name


class WallLink(models.Model):
    """A screen on a wall: what it is called, what it shows, and until when. Of its secret only the hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the secret
    cloud_ids = ArrayField(models.UUIDField(), default=list)  # empty: every cloud there is
    shows_names = models.BooleanField(default=True)
    profile = models.UUIDField(db_index=True)  # the same for all screens that show the same
    has_sound = models.BooleanField(default=False)
    networks = models.CharField(max_length=500, blank=True)  # where it may be opened; empty: anywhere
    made_at = models.DateTimeField(db_default=Now())
    made_by = models.CharField(max_length=150)
    ends_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=150, blank=True)
    seen_at = models.DateTimeField(null=True)  # to the minute
    seen_from = models.GenericIPAddressField(null=True)

    class Meta:
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return self.name
