"""The lab cloud as a Django app of its own: label `lab`, tables `lab_…`."""

from importlib import import_module

from django.apps import AppConfig

# What may be due in the lab is applied by these, in whichever process looks next.
APPLIERS = ("drain", "guests", "hosts", "late", "requests")


class LabConfig(AppConfig):
    name = "maintenance.backends.lab"
    label = "lab"
    verbose_name = "Lab cloud"

    def ready(self) -> None:
        for module in APPLIERS:
            import_module(f"{self.name}.{module}")
