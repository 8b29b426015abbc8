"""Starting system VMs and what is loaded into them; how far a router's replacement has come; numbers for new ones."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('lab', '0004_system_vms'),
    ]

    operations = [
        migrations.CreateModel(
            name='RouterRestart',
            fields=[
                ('ticket', models.UUIDField(primary_key=True, serialize=False)),
                ('old_id', models.UUIDField(db_index=True)),
                ('old_name', models.TextField()),
                ('phase', models.TextField()),
                ('before', models.JSONField()),
                ('new_id', models.UUIDField(null=True)),
                ('second_id', models.UUIDField(null=True)),
                ('refused', models.TextField(default='')),
            ],
            options={
                'db_table': 'lab_router_restart',
            },
        ),
        migrations.AddField(
            model_name='systemvm',
            name='boots_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='systemvm',
            name='loads_payload',
            field=models.BooleanField(default=False, db_default=False),
        ),
        migrations.AddIndex(
            model_name='systemvm',
            index=models.Index(condition=models.Q(('boots_at__isnull', False)), fields=['boots_at'], name='lab_vm_boots_at'),
        ),
        # Numbers of routers are never given twice; 27 is the demo's last.
        migrations.RunSQL(
            'CREATE SEQUENCE lab_system_vm_number START 28', 'DROP SEQUENCE lab_system_vm_number'
        ),
    ]
