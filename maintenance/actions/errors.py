"""How an action says no. The message names the thing, the reason and the next step; nothing has changed."""

from collections.abc import Mapping, Sequence

from maintenance.domain.plan import Plan


class ActionError(Exception):
    """The action was not done."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadInput(ActionError):
    """A value that was given cannot be used."""

    def __init__(self, message: str, *, field: str, bad: str = "") -> None:
        super().__init__(message)
        self.field, self.bad = field, bad


class NotFound(ActionError):
    """There is no such thing, or not for whoever asks."""


class Conflict(ActionError):
    """Somebody or something else is in the way; `owner` says who, `items` which hosts."""

    def __init__(
        self,
        message: str,
        *,
        owner: Mapping[str, str | int] | None = None,
        items: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.owner, self.items = owner, list(items)


class IllegalMove(ActionError):
    """Not now: `legal` names what is."""

    def __init__(self, message: str, *, legal: Sequence[str]) -> None:
        legal_words = ", ".join(legal) if legal else "nothing"
        super().__init__(f"{message}; legal now: {legal_words}")
        self.legal = list(legal)


class AllBlocked(ActionError):
    """Every management server of the cloud refuses new work now; `retry_after_s` says when to try again."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PlanChanged(ActionError):
    """The cloud is no longer as the plan showed it; `plan` is what would be done now."""

    def __init__(self, message: str, *, plan: Plan) -> None:
        super().__init__(message)
        self.plan = plan
