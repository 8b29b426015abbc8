"""The plan is kept with the run that it was made for. Runs from before have none: nothing is written for them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("maintenance", "0003_settings")]

    operations = [
        migrations.CreateModel(
            name="RunPlan",
            fields=[
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="plan",
                        serialize=False,
                        to="maintenance.run",
                    ),
                ),
                ("computed_at", models.DateTimeField()),
                ("minutes_low", models.FloatField(null=True)),
                ("minutes_high", models.FloatField(null=True)),
                ("lines", models.JSONField()),
            ],
        ),
    ]
