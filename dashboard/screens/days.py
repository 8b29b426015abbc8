"""Days that people choose, in their own zone: where a day begins depends on who asks."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC_NAME = "UTC"
NAME_MAX = 64


def zone_name(text: str) -> str:
    """The zone's name as IANA spells it; UTC for one that is none."""
    return UTC_NAME if zone_of(text) is UTC else text


def zone_of(text: str) -> tzinfo:
    try:
        return ZoneInfo(text) if text and len(text) <= NAME_MAX else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder's name is an OSError
        return UTC


def day_begins(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone_of(zone))


def day_ends(day: date, zone: str) -> datetime:
    """Where the next one begins: a day may have 23 or 25 hours."""
    return day_begins(day + timedelta(days=1), zone)
