"""People who log in, and the one role each of them has."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    """What a person may do; `access.py` holds the matrix."""

    VIEWER = "viewer", "viewer"
    OPERATOR = "operator", "operator"
    ADMINISTRATOR = "administrator", "administrator"
    TENANT = "tenant", "tenant"


class User(AbstractUser):
    """A person. A role is never inferred: without one there is no access."""

    role = models.CharField(max_length=20, choices=Role.choices, blank=True, default="")

    def __str__(self) -> str:
        return self.username
