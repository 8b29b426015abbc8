"""What a person asks for when starting a rolling maintenance, checked as far as it can be without a database."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from maintenance.actions.errors import BadInput
from maintenance.domain.states import OnFailure

SCOPE_KINDS = ("zones", "pods", "clusters", "hosts")
TIMEOUT_S_MAX = 86_400
PAYLOAD_BYTES_MAX = 8192
HOSTS_OUT_MAX = 1000
IDS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """One kind of scope with its ids, and the rules of the run. `order` and `leave_out` are host ids; what they and
    `cluster_order` do not name comes after, in natural order."""

    scope_kind: str
    scope_ids: tuple[UUID, ...]
    cloud_id: UUID | None = None
    payload: str | None = None
    timeout_s: int = 1800  # kvm.rolling.maintenance.stage.timeout
    drain_timeout_s: int = 1800  # kvm.rolling.maintenance.wait.maintenance.timeout
    on_failure: str = OnFailure.PAUSE
    max_unavailable: int = 1
    clusters_in_parallel: int = 1
    skip_unready: bool = False
    not_before: datetime | None = None
    reason: str = ""
    ticket: str = ""
    cluster_order: tuple[UUID, ...] = ()
    order: tuple[UUID, ...] = ()
    leave_out: tuple[UUID, ...] = ()
    plan_hash: str = ""

    def check(self) -> None:
        """Raises: BadInput naming the first field that cannot be used."""
        if self.scope_kind not in SCOPE_KINDS:
            raise BadInput(
                f"scope {self.scope_kind!r} is not one of {', '.join(SCOPE_KINDS)}", field="scope_kind"
            )
        if not self.scope_ids:
            raise BadInput(f"no ids: give at least one of {', '.join(SCOPE_KINDS)}", field=self.scope_kind)
        _once_each(self.scope_kind, self.scope_ids)
        for field in ("cluster_order", "order", "leave_out"):
            _once_each(field, getattr(self, field))
        _within("timeout_s", self.timeout_s, TIMEOUT_S_MAX)
        _within("drain_timeout_s", self.drain_timeout_s, TIMEOUT_S_MAX)
        _within("max_unavailable", self.max_unavailable, HOSTS_OUT_MAX)
        _within("clusters_in_parallel", self.clusters_in_parallel, HOSTS_OUT_MAX)
        if self.on_failure not in set(OnFailure):
            raise BadInput(
                f"on_failure {self.on_failure!r} is not one of {', '.join(OnFailure)}", field="on_failure"
            )
        _check_payload(self.payload)
        _fits("reason", self.reason, 500)
        _fits("ticket", self.ticket, 120)


def _once_each(field: str, ids: tuple[UUID, ...]) -> None:
    if len(ids) > IDS_MAX:
        raise BadInput(f"{len(ids)} ids; at most {IDS_MAX}", field=field)
    seen: set[UUID] = set()
    for given in ids:
        if given in seen:
            raise BadInput(f"{given} is given twice", field=field, bad=str(given))
        seen.add(given)


def _within(field: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise BadInput(f"{field} is {value}; give 1 to {most}", field=field, bad=str(value))


def _check_payload(payload: str | None) -> None:
    if payload is None:
        return
    if "\0" in payload:
        raise BadInput("payload holds a NUL, which no program argument can carry", field="payload")
    try:
        size = len(payload.encode())
    except UnicodeEncodeError:
        raise BadInput("payload is not text: it holds half a character", field="payload") from None
    if size > PAYLOAD_BYTES_MAX:
        raise BadInput(f"payload has {size} bytes; at most {PAYLOAD_BYTES_MAX}", field="payload")


def _fits(field: str, text: str, most: int) -> None:
    if len(text) > most:
        raise BadInput(f"{field} has {len(text)} characters; at most {most}", field=field)
    if "\0" in text:
        raise BadInput(f"{field} holds a NUL", field=field)
