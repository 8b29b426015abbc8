"""Why a run needs a person, by cause: of a run over many hosts the causes are few, and the hosts many."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Min
from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.screens.marks import NEEDS_PERSON, Mark
from dashboard.screens.needs.causes import cause_words_of
from dashboard.screens.words import count, listing, said
from maintenance.models import Attention, Run

NAMED_MAX = 4


@dataclass(frozen=True, slots=True)
class CauseOfMany:
    """One cause: how many hosts in how many clusters, which, since when."""

    mark: Mark
    name: str
    says: str
    names: str
    since: datetime
    url: str


def run_causes(run: Run) -> list[CauseOfMany]:
    """One query, however many hosts need somebody."""
    found = (
        Attention.objects.filter(run=run, resolved_at=None)
        .values("cause")
        .annotate(
            hosts=Count("target", distinct=True),
            clusters=Count("target__cluster", distinct=True),
            since=Min("since"),
            names=ArrayAgg("target__name", distinct=True, default=[]),
        )
        .order_by("-hosts", "cause")
    )
    return [
        CauseOfMany(
            mark=NEEDS_PERSON,
            name=str(cause_words_of(row["cause"]).name),
            says=_("%(hosts)s in %(clusters)s")
            % {"hosts": count(row["hosts"], "host"), "clusters": count(row["clusters"], "cluster")}
            if row["hosts"]
            else _("the run itself"),
            names=listing([said(name) for name in row["names"] if name], NAMED_MAX),
            since=row["since"],
            url=f"{reverse('needs')}?cause={row['cause']}",
        )
        for row in found
    ]
