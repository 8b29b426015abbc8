"""How long a live patch usually takes, as learned from those that went well."""

from django.db.models import Min

from dashboard.screens.words import Range
from maintenance.domain.system_vms import PatchOutcome
from maintenance.models import Target

LEARNED_FROM = 50
LEAST = 3


def usual_patch() -> Range | None:
    """Between the quarter that were quickest and the quarter that were slowest. None: too little was learned."""
    done = Target.objects.filter(result=PatchOutcome.PATCHED, finished_at__isnull=False)
    newest = done.annotate(began=Min("steps__started")).order_by("-finished_at")[:LEARNED_FROM]
    took = sorted(
        (target.finished_at - target.began).total_seconds() for target in newest if target.began is not None
    )
    if len(took) < LEAST:
        return None
    quarter = len(took) // 4
    return Range(took[quarter], took[-1 - quarter])
