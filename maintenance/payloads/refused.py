"""What is not taken, and why: the words are for whoever publishes."""


class Refused(Exception):
    """Nothing was published, nothing was changed. `field`: manifest, agent.zip, cloud-scripts.tgz or source."""

    field = "manifest"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field or self.field
