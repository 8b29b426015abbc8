"""Names in natural order (kvm2 before kvm10), sorted where they are stored: only a page of rows is ever loaded."""

from django.db.models import F, Func, TextField, Value
from django.db.models.functions import Collate, Lower

DIGITS_WIDE = 20  # the longest number in a name that is still counted as a number


def natural_key(name: str) -> Collate:
    """What `maintenance.domain.order.natural` compares, of this column: numbers filled up with zeros, behind a mark
    that sorts before every letter."""
    filled = _replaced(Lower(F(name)), r"([0-9]+)", "\x01" + "0" * DIGITS_WIDE + r"\1")
    cut = _replaced(filled, rf"\x010*([0-9]{{{DIGITS_WIDE}}})(?![0-9])", "\x01" + r"\1")
    return Collate(cut, "C")


def _replaced(text: Func, pattern: str, by: str) -> Func:
    return Func(
        text,
        Value(pattern),
        Value(by),
        Value("g"),
        function="regexp_replace",
        output_field=TextField(),
    )
