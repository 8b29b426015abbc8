"""VPCs, networks, system VMs and routers."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('lab', '0003_agents'),
    ]

    operations = [
        migrations.CreateModel(
            name='Network',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('name', models.TextField()),
                ('account', models.TextField()),
                ('domain', models.TextField()),
                ('state', models.TextField(default='Implemented')),
                ('is_redundant', models.BooleanField(default=False)),
                ('zone', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='lab.zone')),
            ],
            options={
                'db_table': 'lab_network',
            },
        ),
        migrations.CreateModel(
            name='Vpc',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('name', models.TextField()),
                ('account', models.TextField()),
                ('domain', models.TextField()),
                ('zone', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='lab.zone')),
            ],
            options={
                'db_table': 'lab_vpc',
            },
        ),
        migrations.CreateModel(
            name='SystemVm',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('name', models.TextField(unique=True)),
                ('type', models.TextField()),
                ('state', models.TextField(default='Running')),
                ('host_boot', models.UUIDField(null=True)),
                ('account', models.TextField(default='')),
                ('domain', models.TextField(default='')),
                ('redundant_state', models.TextField(default='')),
                ('template_version', models.TextField()),
                ('base_image', models.TextField()),
                ('public_ips', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list)),
                ('rules', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list)),
                ('is_virtual', models.BooleanField(default=False)),
                ('software_version', models.TextField(default='')),
                ('scripts_checksum', models.TextField(default='')),
                ('patch', models.JSONField(null=True)),
                ('host', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, to='lab.host')),
                ('network', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, to='lab.network')),
                ('zone', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='lab.zone')),
                ('vpc', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, to='lab.vpc')),
            ],
            options={
                'db_table': 'lab_system_vm',
            },
        ),
        migrations.AddField(
            model_name='network',
            name='vpc',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to='lab.vpc'),
        ),
    ]
