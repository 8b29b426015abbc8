"""Needs of management servers that no run has: one a cause and server."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("maintenance", "0005_servers")]

    operations: ClassVar = [
        migrations.RemoveConstraint(model_name="attention", name="one_open_attention_a_cause"),
        migrations.AddConstraint(
            model_name="attention",
            constraint=models.UniqueConstraint(
                fields=["cause", "run", "target", "server"],
                condition=models.Q(resolved_at=None),
                nulls_distinct=False,
                name="one_open_attention_a_cause",
            ),
        ),
    ]
