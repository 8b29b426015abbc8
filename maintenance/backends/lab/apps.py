"""The lab cloud as a Django app of its own: label `lab`, tables `lab_…`."""

from django.apps import AppConfig


class LabConfig(AppConfig):
    name = "maintenance.backends.lab"
    label = "lab"
    verbose_name = "Lab cloud"
