"""Settings of a cloud that a person has asked to change: written here first, asked of the cloud by an engine."""

import uuid

from django.db import models
from django.db.models.functions import Now

from maintenance.models.inventory import Cloud


class CloudChange(models.Model):
    """One change. Asking for it twice does no harm, so it is asked again until an answer was read or it expired."""

    class State(models.TextChoices):
        PENDING = "Pending"
        DONE = "Done"
        REFUSED = "Refused"  # by the cloud, in its words
        EXPIRED = "Expired"  # no answer came in time: nobody knows whether it was done

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cloud = models.ForeignKey(Cloud, on_delete=models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=20)  # balance | rebalance
    change = models.JSONField(default=dict)
    state = models.CharField(max_length=20, choices=State, default=State.PENDING)
    answer = models.TextField(blank=True)
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())  # the next try; one engine takes it at a time
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["asked_at"]
        indexes = [models.Index(fields=["due_at"], condition=models.Q(state="Pending"), name="changes_due")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.cloud_id}"
