"""Numbers that administrators may change while everything runs. A page's value wins over the environment's.

They are read where they are used, each time: a change holds for the next run, stage or look, in every process.
"""

import os
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from maintenance.models import Setting

PREFIX = "limit."


class Source(StrEnum):
    """Where a value comes from."""

    DEFAULT = "default"
    ENVIRONMENT = "environment"
    HERE = "here"  # set on a page


@dataclass(frozen=True, slots=True)
class Limit:
    """One number. `setting` names the environment's value in Django's settings, `variable` the environment's name."""

    key: str
    setting: str
    variable: str
    least: int
    most: int
    unit: str = ""  # s | days | nothing

    def given(self) -> int:
        """The environment's value, or the default."""
        value = getattr(settings, self.setting)
        assert isinstance(value, int)
        return value

    def now(self) -> int:
        """The value that holds now."""
        kept = Setting.objects.filter(key=PREFIX + self.key).values_list("value", flat=True).first()
        return kept if isinstance(kept, int) else self.given()

    def source(self, values: dict[str, int]) -> Source:
        if self.key in values:
            return Source.HERE
        return Source.ENVIRONMENT if os.environ.get(self.variable) else Source.DEFAULT


MAX_UNAVAILABLE = Limit("max_unavailable", "MAX_UNAVAILABLE", "PITSTOP_MAX_UNAVAILABLE", 1, 1000)
CLUSTERS_IN_PARALLEL = Limit(
    "clusters_in_parallel", "CLUSTERS_IN_PARALLEL", "PITSTOP_CLUSTERS_IN_PARALLEL", 1, 1000
)
STAGE_TIMEOUT_S = Limit("timeout_s", "STAGE_TIMEOUT_S", "PITSTOP_STAGE_TIMEOUT_S", 1, 86_400, "s")
DRAIN_TIMEOUT_S = Limit("drain_timeout_s", "DRAIN_TIMEOUT_S", "PITSTOP_DRAIN_TIMEOUT_S", 1, 86_400, "s")
HOST_RETURN_TIMEOUT_S = Limit(
    "host_return_timeout_s", "HOST_RETURN_TIMEOUT_S", "PITSTOP_HOST_RETURN_TIMEOUT_S", 30, 86_400, "s"
)
SERVER_RETURN_TIMEOUT_S = Limit(
    "server_return_timeout_s", "SERVER_RETURN_TIMEOUT_S", "PITSTOP_SERVER_RETURN_TIMEOUT_S", 30, 86_400, "s"
)
FEED_KEPT_DAYS = Limit("feed_kept_days", "FEED_KEPT_DAYS", "PITSTOP_FEED_KEPT_DAYS", 1, 3650, "days")

OF_NEW_RUNS = (MAX_UNAVAILABLE, CLUSTERS_IN_PARALLEL, STAGE_TIMEOUT_S, DRAIN_TIMEOUT_S)
LIMITS = (*OF_NEW_RUNS, HOST_RETURN_TIMEOUT_S, SERVER_RETURN_TIMEOUT_S, FEED_KEPT_DAYS)


def set_here() -> dict[str, int]:
    """The limits that were set on a page, by key."""
    kept = Setting.objects.filter(key__startswith=PREFIX).values_list("key", "value")
    return {key.removeprefix(PREFIX): value for key, value in kept}


def rules_of_new_runs() -> dict[str, int]:
    """What a run starts with where nobody chooses otherwise, by the names of StartRequest's fields."""
    here = set_here()
    return {which.key: here.get(which.key, which.given()) for which in OF_NEW_RUNS}
