"""The parts of the page of one thing that needs a person, each drawn and pushed alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from dashboard.screens.actions import Action
from dashboard.screens.host.now import HostNow
from dashboard.screens.marks import Mark
from dashboard.screens.needs.engine import EngineState
from dashboard.screens.needs.room import RoomNow
from dashboard.screens.needs.servers import ServersNow
from dashboard.screens.needs.settled import SettledBy
from dashboard.screens.run.printed import Line


@dataclass(frozen=True, slots=True)
class NeedHead:
    says: str
    then: str
    title: str
    mark: Mark
    cause: str
    since: datetime | None
    since_words: str
    run_number: int | None
    run_name: str
    run_url: str
    resolved_at: datetime | None
    settled_by: SettledBy


@dataclass(frozen=True, slots=True)
class Story:
    """`message`: what was noted when it happened, word for word."""

    message: str
    means: str
    help: str
    stage: str
    host_name: str
    lines: list[Line]
    output_url: str


@dataclass(frozen=True, slots=True)
class HostStands:
    name: str
    url: str
    says: str
    now: HostNow


@dataclass(frozen=True, slots=True)
class Related:
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How things are now, and what Pitstop does about them by itself."""

    hosts: list[HostStands]
    run_mark: Mark | None
    run_url: str
    run_number: int | None
    meanwhile: list[str]
    others: list[Related]


class NeedPage(Protocol):
    """Its parts are made when they are drawn: a push draws one of them."""

    @property
    def head(self) -> NeedHead: ...
    @property
    def story(self) -> Story: ...
    @property
    def standing(self) -> Standing: ...
    @property
    def actions(self) -> list[Action]: ...
    @property
    def engine(self) -> EngineState | None: ...
    @property
    def servers(self) -> ServersNow | None: ...
    @property
    def room(self) -> RoomNow | None: ...
