"""What tests of pages and REST share."""

import pytest


@pytest.fixture(autouse=True)
def static_files_are_not_collected(settings) -> None:
    """Pages name the files as they lie in static/: collecting them is the launcher's work, and tested there."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.SERVESTATIC_USE_STATIC_ROOT = False
