"""What is told: the feed (what changed; pruned), the audit (who did what and why; kept), what still must be sent."""

import uuid

from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Now

# What only pages that are open need: it is no news of its own, and it is most of the feed.
CHATTER = (
    "step.output",
    "step.moved",
    "jobs.changed",
    "settings.changed",
    "audit.checked",
    "notification.changed",
)
NEWS = ~models.Q(kind__in=CHATTER)


class FeedEvent(models.Model):
    """One change, in commit order: rows are appended under the feed lock, last in their transaction.

    The table is partitioned by `seq` (feed_partitions.py).
    """

    seq = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(
        max_length=60
    )  # run.state, target.state, step.started, step.output, host.changed, …
    actor = models.CharField(max_length=150)  # a user's name, or "engine"
    # What it is about: {"run": id, "target": id, "host": id, "cluster": id, "name": "kvm5", "step": id}.
    object = models.JSONField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        ordering = ["seq"]
        # The timeline pages through millions of rows by `seq`: each of its filters has an index in that order.
        indexes = [
            models.Index(fields=["at"]),
            models.Index(fields=["seq"], condition=NEWS, name="feed_news"),
            models.Index(fields=["kind", "seq"], condition=NEWS, name="feed_of_kind"),
            models.Index(KeyTextTransform("run", "object"), "seq", condition=NEWS, name="feed_of_run"),
            models.Index(KeyTextTransform("host", "object"), "seq", condition=NEWS, name="feed_of_host"),
            models.Index(
                KeyTextTransform("cluster", "object"), "seq", condition=NEWS, name="feed_of_cluster"
            ),
            models.Index(fields=["seq"], condition=~models.Q(actor="engine"), name="feed_by_people"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class AuditEntry(models.Model):
    """Who did what, and why: chained by hash, never changed, never pruned (a trigger refuses)."""

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=80)
    object = models.JSONField()
    reason = models.TextField(blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["number"]
        indexes = [
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["actor", "number"], name="audit_by"),
            models.Index(fields=["action", "number"], name="audit_of_action"),
            models.Index(KeyTextTransform("run", "object"), "number", name="audit_of_run"),
            models.Index(KeyTextTransform("host", "object"), "number", name="audit_of_host"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.actor} {self.action}"


class Notification(models.Model):
    """A mail or webhook that is owed: written with the change it tells, sent by an engine, tried again on failure."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.CharField(max_length=20)  # mail | webhook
    subject = models.CharField(max_length=300)
    body = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)  # of the last try
    answer = models.CharField(max_length=300, blank=True)  # what became of it, in words, once it was sent
    is_test = models.BooleanField(default=False)  # asked for by a button: tried once, and told as it is

    class Meta:
        ordering = ["created_at"]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(sent_at=None, given_up_at=None),
                name="notifications_owed",
            )
        ]

    def __str__(self) -> str:
        return self.subject


class IdempotentAnswer(models.Model):
    """The first answer to an Idempotency-Key, per user and route, kept for 24 h."""

    user = models.CharField(max_length=150)
    route = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    body_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)  # null: the first request is still being done
    answer = models.JSONField(null=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "route", "key"], name="one_answer_a_key")]

    def __str__(self) -> str:
        return f"{self.user} {self.route} {self.key}"
