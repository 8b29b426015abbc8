"""The lab as one call finds it: its settings, whether faults are set, and time caught up before anything is read."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from maintenance.backends.base import CloudError, Never
from maintenance.backends.lab import folders, stages
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.hosts import HostNow, host_now, reboot, reboot_wishes
from maintenance.backends.lab.outside import Door, NoLab, cluster_locked, lab_door
from maintenance.backends.lab.record import note_effect
from maintenance.backends.lab.servers.rows import accepting
from maintenance.backends.lab.settle import (
    Aftermath,
    clusters_with_something_due,
    settle_cluster,
    settle_locked,
)
from maintenance.backends.lab.started import Start, end_cut_off_scripts


@dataclass(frozen=True, slots=True)
class World:
    """One call's view: an open door, the settings, and which lab this is."""

    door: Door
    config: LabConfig
    generation: UUID
    has_faults: bool
    now: datetime  # when the call began

    def host(self, host_id: UUID) -> HostNow:
        """The host as it is now, with everything due in its cluster done. Raises: Never."""
        self.grant_reboots()
        host = host_now(self.door, host_id)
        if not host.is_behind:
            return host
        self.settle(host.read.cluster_id)
        return host_now(self.door, host_id)

    def settle(self, cluster_id: UUID) -> None:
        """Time in the cluster is caught up, and what that ends or starts outside is ended or started."""
        self.finish(settle_cluster(self.door, self.config, cluster_id))

    def settle_if_behind(self, cluster_id: UUID) -> None:
        """The same when something is due there."""
        self.grant_reboots()
        if self.door.row(
            "SELECT 1 FROM lab_due WHERE cluster_id = %s AND at <= clock_timestamp() LIMIT 1", cluster_id
        ):
            self.settle(cluster_id)

    def settle_everywhere(self) -> None:
        """Time is caught up in every cluster."""
        self.grant_reboots()
        for cluster_id in clusters_with_something_due(self.door):
            self.settle(cluster_id)

    @contextmanager
    def locked(self, host_id: UUID, via: UUID | None = None) -> Iterator[str]:
        """The host's cluster locked, its time caught up before and after what is done inside. `via`: a management
        server whose state, which is told, does not change meanwhile.

        What is refused inside does not turn time back. Raises: Never.
        """
        self.grant_reboots()
        found = self.door.row("SELECT cluster_id FROM lab_host WHERE id = %s", host_id)
        if found is None:
            raise Never(f"there is no host {host_id}")
        refusal: CloudError | None = None
        with accepting(self.door, via) as state, cluster_locked(self.door, found[0]):
            before = settle_locked(self.door, self.config, found[0])
            try:
                yield state
            except CloudError as refused:
                refusal = refused
            after = settle_locked(self.door, self.config, found[0])
        self.finish(before)
        self.finish(after)
        if refusal is not None:
            raise refusal

    def grant_reboots(self) -> None:
        """Hosts whose scripts asked for a reboot are rebooting."""
        for wish in reboot_wishes(folders.reboots_dir(), self.config.boot_back_s):
            found = self.door.row("SELECT id, cluster_id FROM lab_host WHERE name = %s", wish.host_name)
            if found is not None:
                with cluster_locked(self.door, found[1]):
                    reboot(
                        self.door, self.config, host_now(self.door, found[0]), wish.back_after_s, wish.token
                    )
            wish.path.unlink(missing_ok=True)

    def finish(self, aftermath: Aftermath) -> None:
        """Scripts cut off by a reboot or by their agent's end are ended; late requests to start one are obeyed."""
        for host_id in aftermath.interrupted:
            host = host_now(self.door, host_id)
            if not host.is_virtual:
                end_cut_off_scripts(self.door, host)
        for kept in aftermath.late_starts:
            start = Start.from_json(kept)
            try:
                stages.start(self.door, self.config, host_now(self.door, start.host_id), start)
            except CloudError as refusal:
                words = f"{type(refusal).__name__}: {refusal}"
                note_effect(self.door, "late_start_refused", start.host_id, words)


@contextmanager
def lab_world() -> Iterator[World]:
    """The lab for one call. Raises: CalledInsideTransaction, NoLab."""
    with lab_door() as door:
        row = door.row(
            "SELECT generation, settings::text, EXISTS (SELECT 1 FROM lab_fault), clock_timestamp()"
            " FROM lab_world WHERE id = 1"
        )
        if row is None:
            raise NoLab("the lab has not been seeded: run `manage.py lab reset`")
        yield World(door, LabConfig.read(json.loads(row[1])), row[0], row[2], row[3])
