"""Every VM of a live patch in pages, those that are counted under one outcome alone where that is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Min

from dashboard.screens.marks import Mark
from dashboard.screens.patch_run.downtime import Measured, measured_by_vm
from dashboard.screens.patch_run.tallies import of_tally
from dashboard.screens.places.asked import PAGE_ROWS
from dashboard.screens.runs.name import target_url
from dashboard.screens.system_vms.words import outcome_mark, serves
from dashboard.screens.words import duration
from maintenance.models import Run, SystemVm, Target


@dataclass(frozen=True, slots=True)
class PatchRow:
    order: int
    name: str
    url: str
    serves: str
    zone: str
    mark: Mark
    detail: str
    version: str
    probed_at: datetime | None
    took: str
    measured: Sequence[Measured]


@dataclass(frozen=True, slots=True)
class PatchTable:
    rows: Sequence[PatchRow]
    show: str
    matching: int
    page: int
    pages: int
    previous: str
    next: str


def patch_table(run: Run, show: str, page: int) -> PatchTable:
    found = of_tally(run.targets.all(), show)
    matching = found.count()
    pages = max(1, -(-matching // PAGE_ROWS))
    page = min(max(1, page), pages)
    shown = list(
        found.annotate(began=Min("steps__started")).order_by("order")[
            (page - 1) * PAGE_ROWS : page * PAGE_ROWS
        ]
    )
    vms = SystemVm.objects.select_related("network", "vpc").in_bulk([one.system_vm_key for one in shown])
    measured = measured_by_vm(run.id)
    return PatchTable(
        rows=[_row(one, vms.get(one.system_vm_key), measured.get(one.system_vm_key, [])) for one in shown],
        show=show,
        matching=matching,
        page=page,
        pages=pages,
        previous=_address(show, page - 1) if page > 1 else "",
        next=_address(show, page + 1) if page < pages else "",
    )


def _address(show: str, page: int) -> str:
    return "?" + urlencode({name: value for name, value in {"show": show, "page": page}.items() if value})


def _row(target: Target, vm: SystemVm | None, measured: Sequence[Measured]) -> PatchRow:
    began: datetime | None = target.began  # type: ignore[attr-defined]
    return PatchRow(
        order=target.order,
        name=target.name,
        url=target_url(target),
        serves=serves(vm) if vm else "",
        zone=target.zone_name,
        mark=outcome_mark(target),
        detail=target.detail,
        version=vm.software_version if vm else "",
        probed_at=vm.probed_at if vm else None,
        took=duration((target.finished_at - began).total_seconds()) if began and target.finished_at else "",
        measured=measured,
    )
