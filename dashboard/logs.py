"""Our log: one JSON object a line on stderr, whatever anybody writes into it, and no secret among it.

Control characters and everything beyond ASCII are escaped by the JSON, so that a host's text can neither forge a line
nor steer the terminal of whoever reads along.
"""

import json
import logging
import logging.config
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

HIDDEN = "[hidden]"
FIRST = ("timestamp", "level", "event", "logger")
TEXT_MAX = 8_000  # characters of one value; a traceback fits
SECRET_NAME = re.compile(
    r"passw|secret|token|authorization|cookie|session|credential|dsn|database_url|api_?key", re.I
)
SECRETS_IN_TEXT = (
    # user:password@ in any address
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
    # Authorization headers, and our cookies
    (re.compile(r"\b(token|bearer|basic)\s+[A-Za-z0-9._~+/=-]{16,}", re.I), rf"\1 {HIDDEN}"),
    (re.compile(r"\b((?:__Host-|pitstop-)(?:sid|csrf|wall)=)[^;\s]+"), rf"\1{HIDDEN}"),
    # what opens a wall, in its address
    (re.compile(r"(/wall/l/)[^/\s?\"']+"), rf"\1{HIDDEN}"),
    # name=value and "name": "value"
    (
        re.compile(
            r"""\b(\w*(?:password|passwd|secret|token|api_?key)\w*["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&"']+)""",
            re.I,
        ),
        rf"\1{HIDDEN}",
    ),
)


def configure(options: Mapping[str, Any]) -> None:
    """Django's LOGGING_CONFIG: everything that is logged, by us or by a library, goes through the same formatter."""
    before_rendering: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *before_rendering,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    through_root = {"handlers": [], "propagate": True}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": before_rendering,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        hide_secrets,
                        one_line,
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"handlers": ["stderr"], "level": options.get("level", "INFO")},
            "loggers": {
                # Both set handlers of their own that print plain text.
                "django": through_root,
                "django.server": through_root,
                "uvicorn": through_root,
                "uvicorn.error": through_root,
                # Our own line per request says more; Django's warnings about 4xx answers say the same again.
                "uvicorn.access": {**through_root, "level": "WARNING"},
                "django.request": {**through_root, "level": "ERROR"},
                "httpx": {**through_root, "level": "WARNING"},  # it logs every address it asks, keys and all
            },
        }
    )


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: values whose name or shape says that they are secret are replaced."""
    return {
        name: HIDDEN if SECRET_NAME.search(name) and value else _without_secrets(value)
        for name, value in event.items()
    }


def one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    """structlog processor: the last one; ASCII only, so nothing in it acts on a terminal."""
    event.pop("color_message", None)  # uvicorn says everything twice
    first = {name: event.pop(name) for name in FIRST if name in event}
    return json.dumps(first | dict(event), default=repr, ensure_ascii=True).replace("\x7f", r"\u007f")


def _without_secrets(value: Any) -> Any:
    match value:
        case str():
            for pattern, shown in SECRETS_IN_TEXT:
                value = pattern.sub(shown, value)
            return value if len(value) <= TEXT_MAX else f"{value[:TEXT_MAX]}… ({len(value)} characters)"
        case Mapping():
            return hide_secrets(None, "", {str(name): inner for name, inner in value.items()})
        case list() | tuple() | set() | frozenset():
            return [_without_secrets(inner) for inner in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return _without_secrets(str(value))
