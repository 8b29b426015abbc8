"""Who is shown the same, and what of it has changed but was not pushed yet."""

import time
from dataclasses import dataclass, field

from dashboard.live.member import Member
from dashboard.live.render import drawing_of
from dashboard.live.touched import ALONE, FRAME, Part, has_frame


@dataclass(slots=True)
class Dirty:
    """A part that changed and was not pushed yet."""

    due: float
    since_seq: int


@dataclass(slots=True)
class Joiner:
    """A page that comes, and what it lacks, after how many changes (0: not known, so everything)."""

    member: Member
    parts: list[Part]
    changes: int
    said: str = ""
    came_at: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Audience:
    """Everybody who is shown the same: a topic, for a role. `seq`: what they were all told up to."""

    topic: str
    role: str
    seq: int
    members: set[Member] = field(default_factory=set)
    joiners: list[Joiner] = field(default_factory=list)
    dirty: dict[Part, Dirty] = field(default_factory=dict)
    pushed_at: dict[Part, float] = field(default_factory=dict)
    clouds: frozenset[str] = frozenset()  # the only ones whose ages it is told; empty for all of them
    is_broken: bool = False  # something of it could not be drawn: no heartbeat, so that it looks stale

    @property
    def is_alone(self) -> bool:
        """Whether it is one person's, who is told only what concerns them (whose.py)."""
        return self.topic.partition(":")[0] in ALONE

    def follows(self, part: Part) -> bool:
        if part.topic == FRAME:
            return has_frame(self.topic)
        if part.topic == self.topic:
            return True
        return part.topic.endswith(":*") and self.topic.startswith(part.topic[:-1])

    def own(self, part: Part) -> Part:
        """The part as it is drawn for this page: one of `run:*` is one of this run."""
        if self.is_alone:
            return part._replace(topic=self.topic, one="")
        return part if part.topic == FRAME else part._replace(topic=self.topic)

    def touch(self, part: Part, seq: int, now: float) -> None:
        mine = self.own(part)
        if mine not in self.dirty:
            due = max(now, self.pushed_at.get(mine, 0.0) + drawing_of(mine).every_s)
            self.dirty[mine] = Dirty(due, seq)
