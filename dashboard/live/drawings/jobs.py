"""Parts of the list of pending jobs. One that has ended leaves within a second, its heading and the rail with it."""

from collections.abc import Mapping

from dashboard.live.drawings.drawing import Drawing, Key, simple
from dashboard.screens.jobs.cut_off import cut_off
from dashboard.screens.jobs.list import AskedJobs, job_list, total

EVERY_S = 0.3

DRAWINGS: Mapping[Key, Drawing] = {
    ("jobs", "total"): Drawing("jobs/list.html#total", "jobs-total", simple("total", total), every_s=EVERY_S),
    ("jobs", "table"): Drawing(
        "jobs/list.html#table",
        "jobs-first",
        simple("list", lambda: job_list(AskedJobs())),
        every_s=EVERY_S,
    ),
    ("jobs", "cut-off"): Drawing(
        "jobs/list.html#cut",
        "cut-off",
        lambda _topic, _one, role: {"cut": cut_off(role)},
        by_role=True,
    ),
}
