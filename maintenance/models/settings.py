"""What administrators set on pages, where it differs from the environment; and how far the audit was checked."""

from django.db import models


class Setting(models.Model):
    """One value that was set on a page. Without a row the environment's value, or the default, holds."""

    key = models.CharField(primary_key=True, max_length=80)
    value = models.JSONField()
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key


class AuditCheck(models.Model):
    """One row: the audit's chain was walked, and found whole, up to `number`. Each round goes on from there."""

    number = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)  # of entry `number`: what the next one must name
    broken_number = models.BigIntegerField(null=True)  # the first entry whose link does not hold
    began_at = models.DateTimeField(null=True)  # when the walk left the first entry
    checked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"whole up to {self.number}"
