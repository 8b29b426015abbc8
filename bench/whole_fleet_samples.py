"""What is looked at once a second while a fleet rolls: hosts out in each cluster, memory and processor time."""

import os
import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg

from bench.stack import resident_mb

EVERY_S = 1.0
BY_LEDGER = """
SELECT coalesce(max(n), 0), coalesce(sum(n), 0)::int FROM (
    SELECT count(*) AS n FROM maintenance_hostout WHERE closed_at IS NULL GROUP BY cluster_id) AS out
"""
BY_CLOUD = """
SELECT coalesce(max(n), 0), coalesce(sum(n), 0)::int FROM (
    SELECT count(*) AS n FROM lab_host WHERE resource_state <> 'Enabled' GROUP BY cluster_id) AS out
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. `most`: in any one cluster."""

    at: float
    most_by_ledger: int
    out_by_ledger: int
    most_by_cloud: int
    out_by_cloud: int
    mb: dict[str, float]
    cpu_s: dict[str, float]


class Sampler:
    """Looks until `stop`, in a thread of its own."""

    def __init__(self, url: str, **pids: int) -> None:
        self._url, self._pids = url, pids
        self._samples: list[Sample] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look_again_and_again, name="samples", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join(20)

    def budget(self, since: float, until: float) -> dict[str, Any]:
        looks = self._between(since, until)
        return {
            "looks": len(looks),
            "longest_pause_between_looks_s": round(max(b.at - a.at for a, b in pairwise(looks)), 2),
            "most_out_by_ledger": max(s.most_by_ledger for s in looks),
            "most_out_by_cloud": max(s.most_by_cloud for s in looks),
            "hosts_out_at_once_mean": round(sum(s.out_by_cloud for s in looks) / len(looks), 1),
        }

    def memory(self, since: float, until: float) -> dict[str, Any]:
        looks = self._between(since, until)
        times = [s.at for s in looks]
        return {
            name: {
                "mb_first": round(looks[0].mb[name], 1),
                "mb_last": round(looks[-1].mb[name], 1),
                "mb_most": round(max(s.mb[name] for s in looks), 1),
                "slope_mb_per_10_min": round(600 * slope(times, [s.mb[name] for s in looks]), 2),
            }
            for name in self._pids
        }

    def cpu(self, since: float, until: float) -> dict[str, float]:
        looks = self._between(since, until)
        first, last = looks[0], looks[-1]
        return {
            name: round((last.cpu_s[name] - first.cpu_s[name]) / (last.at - first.at), 2)
            for name in self._pids
        }

    def _between(self, since: float, until: float) -> list[Sample]:
        return [sample for sample in self._samples if since <= sample.at <= until]

    def _look_again_and_again(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._is_over.wait(EVERY_S - time.time() % EVERY_S):
                self._samples.append(self._look(connection))

    def _look(self, connection: psycopg.Connection) -> Sample:
        ledger = connection.execute(BY_LEDGER).fetchone()
        cloud = connection.execute(BY_CLOUD).fetchone()
        assert ledger is not None
        assert cloud is not None
        mb = {name: resident_mb(pid) for name, pid in self._pids.items()}
        cpu_s = {name: processor_s(pid) for name, pid in self._pids.items()}
        return Sample(time.time(), ledger[0], ledger[1], cloud[0], cloud[1], mb, cpu_s)


def processor_s(pid: int) -> float:
    """Seconds of processor time that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def slope(times: list[float], values: list[float]) -> float:
    """Of the straight line through the points with the least squares, per second."""
    n = len(times)
    mean_t, mean_v = sum(times) / n, sum(values) / n
    spread = sum((t - mean_t) ** 2 for t in times)
    return sum((t - mean_t) * (v - mean_v) for t, v in zip(times, values, strict=True)) / spread
