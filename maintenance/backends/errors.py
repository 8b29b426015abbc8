"""How a cloud says no. Whatever it is asked ends in one of three ways besides an answer; see base.py."""


class CloudError(Exception):
    """The cloud did not do what was asked."""


class Later(CloudError):
    """Not now; nothing was done. `retry_after_s` says when to ask again, where the cloud said so."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class NobodyAnswers(Later):
    """No management server of the cloud answers: all of them are down, or cannot be reached. Nothing was done."""

    BEGINS = "no management server answers"  # how its words begin, also where they are only kept

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{self.BEGINS}: {reason}", retry_after_s)


class AgentUnreachable(Later):
    """The host's agent does not answer: whatever it was asked is unknown, not "no"."""


class Never(CloudError):
    """The cloud refuses, and will refuse again: the text is its reason. Nothing was done."""


class Gone(Never):
    """The cloud has no such thing, or has none any more. Nothing was done."""


class Expired(Never):
    """The request arrived after its expiry and was refused (the fence against late requests). Nothing was done."""


class NoReply(CloudError):
    """Sent, and no readable reply came: it may have been done. Observe; never ask again blindly."""


class Blocked(Later):
    """Every management server that could be asked refuses new asynchronous work: one is in maintenance, or on its way
    there or down. `retry_after_s` says when to try again. Nothing was done."""
