"""One of several things to choose from: a link, or an option of a form."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """`value` is what the form sends, or where the link leads."""

    value: str
    text: str
    is_chosen: bool = False
