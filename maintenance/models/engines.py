"""Engine processes, as they last said they live."""

import uuid

from django.db import models
from django.db.models.functions import Now


class EngineProcess(models.Model):
    """One engine: it says every two seconds that it lives; after ten seconds of silence it is called silent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host_name = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    version = models.CharField(max_length=40)
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    stopped_at = models.DateTimeField(null=True)  # it said goodbye

    class Meta:
        ordering = ["started_at"]

    def __str__(self) -> str:
        return f"engine {self.pid} on {self.host_name}"
