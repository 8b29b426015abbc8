"""Agents become rows of their own; which server a host was connected to is kept."""

import django.db.models.deletion
from django.db import migrations, models

COPY = """
INSERT INTO lab_agent (id, name, kind, host_order, zone_id, cluster_id, host_id, is_direct, state, resource_state,
    servers_listed, algorithm, check_interval_s, server_id, is_leaving, stuck, is_away, session, longest_gap_s)
SELECT h.id, h.name, 'host', row_number() OVER (ORDER BY h.name), p.zone_id, h.cluster_id, h.id,
    h.hypervisor NOT IN ('KVM', 'LXC'), 'Up', 'Enabled', '', '', 0,
    CASE WHEN h.state = 'Up' THEN h.management_server_id END, false, '', h.state <> 'Up', h.agent_session, 0
FROM lab_host h JOIN lab_cluster c ON c.id = h.cluster_id JOIN lab_pod p ON p.id = c.pod_id
"""


def _to_server(related_name: str) -> "models.ForeignKey[object, object]":
    return models.ForeignKey(
        db_index=False,
        null=True,
        on_delete=django.db.models.deletion.SET_NULL,
        related_name=related_name,
        to="lab.managementserver",
    )


class Migration(migrations.Migration):
    dependencies = [("lab", "0002_servers")]

    operations = [
        migrations.CreateModel(
            name="Agent",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("name", models.TextField(unique=True)),
                ("kind", models.TextField()),
                ("host_order", models.BigIntegerField(unique=True)),
                ("is_direct", models.BooleanField(default=False)),
                ("state", models.TextField(default="Up")),
                ("resource_state", models.TextField(default="Enabled")),
                ("servers_listed", models.TextField(default="")),
                ("algorithm", models.TextField(default="")),
                ("check_interval_s", models.IntegerField(default=0)),
                ("next_check_at", models.DateTimeField(null=True)),
                ("moves_at", models.DateTimeField(null=True)),
                ("moved_at", models.DateTimeField(null=True)),
                ("is_leaving", models.BooleanField(default=False)),
                ("stuck", models.TextField(default="")),
                ("is_away", models.BooleanField(default=False)),
                ("session", models.IntegerField(default=0)),
                ("without_since", models.DateTimeField(null=True)),
                ("longest_gap_s", models.FloatField(default=0)),
                (
                    "cluster",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="lab.cluster",
                    ),
                ),
                (
                    "host",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.CASCADE, to="lab.host"
                    ),
                ),
                ("last_server", _to_server("last_agents")),
                ("moves_to", _to_server("arriving_agents")),
                ("server", _to_server("agents")),
                (
                    "zone",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, to="lab.zone"
                    ),
                ),
            ],
            options={"db_table": "lab_agent"},
        ),
        migrations.RunSQL(COPY, migrations.RunSQL.noop),
        migrations.RemoveField(model_name="host", name="management_server"),
    ]
