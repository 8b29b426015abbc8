"""Killing engines on purpose is for tests of ours, and cannot happen elsewhere."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from maintenance.engine.failpoints import failpoint


def test_a_failpoint_does_nothing_unless_it_is_switched_on(settings, monkeypatch):
    monkeypatch.setenv("FAILPOINT", "prepare.sent@kvm1:kill9-always")
    assert settings.FAILPOINTS is False

    failpoint("prepare.sent", "kvm1")  # we are still here


def test_failpoints_are_refused_in_a_real_installation(settings):
    settings.FAILPOINTS, settings.DEMO = True, False

    with pytest.raises(ImproperlyConfigured, match="for tests of ours only"):
        failpoint("prepare.sent", "kvm1")
