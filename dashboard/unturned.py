"""Templates whose text nothing turns round.

A name that holds a directional override (U+202E and its kin) could rewrite the sentence, the attribute or the title it
stands in. Pages and pushed parts show the override itself, as \\u202e. Letters written from right to left stay, and so
does what a form sends back: a value is stored as it was.
"""

import re
from typing import Any

from django.http import HttpRequest
from django.template.backends.django import DjangoTemplates, Template
from django.utils.safestring import SafeString

_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")  # embeddings, overrides, isolates, and their ends
_SENT_BACK = re.compile(
    r'\bvalue="[^"]*"|<textarea\b[^>]*>[^<]*'
)  # of fields: Django escapes quotes and angles in them


class Templates(DjangoTemplates):
    """Django's own, with one look at what they have made."""

    def from_string(self, template_code: str) -> "_Unturned":
        return _Unturned(super().from_string(template_code).template, self)

    def get_template(self, template_name: str) -> "_Unturned":
        return _Unturned(super().get_template(template_name).template, self)


class _Unturned(Template):
    def render(self, context: dict[str, Any] | None = None, request: HttpRequest | None = None) -> SafeString:
        return SafeString(unturned(super().render(context, request)))


def unturned(html: str) -> str:
    """The page with every override shown, but for those in fields."""
    if not _OVERRIDES.search(html):
        return html
    shown, at = [], 0
    for field in _SENT_BACK.finditer(html):
        shown += [_OVERRIDES.sub(_named, html[at : field.start()]), field[0]]
        at = field.end()
    return "".join(shown) + _OVERRIDES.sub(_named, html[at:])


def _named(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
