"""Every knob of Pitstop, read from the environment, safe when left alone.

A production installation sets DATABASE_URL, PITSTOP_BASE_URL and PITSTOP_SECRET_KEY; everything else has a default.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from dashboard.catalogues import language_paths
from dashboard.environment import database_from_url, is_loopback, kept_secret, number, switch

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("PITSTOP_VAR", BASE_DIR / "var")).resolve()

# ---- where we are reached (whoever puts a proxy in front turns these) -------------------------------------------
PORT = number("PORT", 8000)
HOST = os.environ.get("PITSTOP_HOST", "127.0.0.1")
BASE_URL = os.environ.get(
    "PITSTOP_BASE_URL", f"http://{'127.0.0.1' if is_loopback(HOST) else HOST}:{PORT}"
).rstrip("/")
_base = urlsplit(BASE_URL)
IS_HTTPS = _base.scheme == "https"
if _base.scheme not in {"http", "https"} or not _base.hostname:
    raise ImproperlyConfigured(
        f"PITSTOP_BASE_URL is {BASE_URL!r}; give a full address such as https://pitstop.example.org"
    )
if not IS_HTTPS and not is_loopback(_base.hostname):
    raise ImproperlyConfigured(
        f"PITSTOP_BASE_URL is {BASE_URL}, plain http to another machine: cookies would travel in clear. "
        "Give an https address (a TLS proxy in front), or stay on 127.0.0.1."
    )
_LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS = _LOOPBACK_NAMES if is_loopback(_base.hostname) else [_base.hostname]
WEBSOCKET_ORIGINS = (
    [f"http://{name}:{_base.port or 80}" for name in _LOOPBACK_NAMES]
    if is_loopback(_base.hostname)
    else [f"{_base.scheme}://{_base.netloc}"]
)
CSRF_TRUSTED_ORIGINS = WEBSOCKET_ORIGINS

# ---- what kind of installation (operators of a real cloud turn these) -------------------------------------------
DEBUG = False  # Error pages with source code are for nobody; tests and logs show what went wrong.
SECRET_KEY = os.environ.get("PITSTOP_SECRET_KEY") or kept_secret(VAR_DIR / "secret-key")
DEMO = switch(
    "PITSTOP_DEMO", default=True
)  # demo users and the embedded lab cloud; off for a real installation
FAILPOINTS = switch("PITSTOP_FAILPOINTS", default=False)  # only our own crash tests turn this on

DATABASES: dict[str, Any] = {"default": database_from_url(os.environ.get("DATABASE_URL", ""), VAR_DIR)}
# The lab cloud is outside: it works on connections of its own, though in the same database.
DATABASES["lab"] = {**DATABASES["default"], "TEST": {"MIRROR": "default"}}
DATABASE_ROUTERS = ["maintenance.backends.lab.router.LabRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "channels",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "axes",
    "maintenance",
    "maintenance.backends.lab",
    "dashboard",
]
MIDDLEWARE = [
    "dashboard.requests.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    # Secrets in a page are masked anew each time, and a random length is added (BREACH).
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "dashboard.doors.AccessMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "dashboard.pages.errors.ActionErrorsMiddleware",
]
ROOT_URLCONF = "dashboard.urls"
ASGI_APPLICATION = "dashboard.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "dashboard.unturned.Templates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.screens.frame.frame",
            ]
        },
    }
]

# ---- people ----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "dashboard.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "dashboard.people.door.DemoIsOver",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=5)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "dashboard.pages.door.locked_out"
AXES_VERBOSE = False
AXES_RESET_ON_SUCCESS = True

_HOST_PREFIX = "__Host-" if IS_HTTPS else "pitstop-"
SESSION_COOKIE_NAME = f"{_HOST_PREFIX}sid"
CSRF_COOKIE_NAME = f"{_HOST_PREFIX}csrf"
CSRF_FAILURE_VIEW = "dashboard.pages.errors.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = number("PITSTOP_SESSION_HOURS", 12) * 3600
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if switch("PITSTOP_BEHIND_PROXY", default=False) else None
)
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "report-uri": ["/csp-report/"],
}
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # a plan of 10,000 hosts posts its order

# ---- REST -------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["dashboard.doors.ApiAccess"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "dashboard.api.pages.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "dashboard.api.problems.problem_response",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,
}
KNOX_TOKEN_MODEL = "knox.AuthToken"
REST_KNOX = {"TOKEN_TTL": timedelta(hours=number("PITSTOP_TOKEN_HOURS", 12)), "AUTO_REFRESH": False}
SPECTACULAR_SETTINGS = {
    "TITLE": "Pitstop",
    "DESCRIPTION": "Maintenance of a private cloud: hosts out of service and back, one at a time, nothing lost.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["dashboard.doors.ApiAccess"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
}

# ---- the engine: work goes on within 10 s after a kill -----------------------------------------------------------
LEASE_S = number("PITSTOP_LEASE_S", 6)
LEASE_RENEW_S = number("PITSTOP_LEASE_RENEW_S", 2)
ENGINE_HEARTBEAT_S = 2
ENGINE_SILENT_S = 10
INTENT_VALID_S = number("PITSTOP_INTENT_VALID_S", 5)  # a request's life at the cloud; shorter than a lease
# Between the two good looks at a host after a request without a reply.
SECOND_LOOK_S = number("PITSTOP_SECOND_LOOK_S", 5)
# A step whose owners die this often is the cause itself: it is given up, not handed to the next engine.
TAKEOVERS_MAX = number("PITSTOP_TAKEOVERS_MAX", 20)
SWEEP_S = number("PITSTOP_SWEEP_S", 1)
ENGINE_THREADS = number("PITSTOP_ENGINE_THREADS", 16)
INVENTORY_POLL_S = number("PITSTOP_INVENTORY_POLL_S", 2)  # how often a cloud's lists are read
SERVER_READ_BACK_S = 10.0  # how long an answer waits until a server's new state was read back
SERVERS_POLL_S = 0.5  # how often management servers and pending jobs are read: an ended job leaves within 1 s
INVENTORY_UNKNOWN_S = number("PITSTOP_INVENTORY_UNKNOWN_S", 30)  # older rows are shown as unknown
HELD_TELL_S = number(
    "PITSTOP_HELD_TELL_S", 20
)  # a host that waits longer for room, or for others, is told to people
LISTING_LAG_S = number("PITSTOP_LISTING_LAG_S", 10)  # how far a cloud's answers may lag behind its own jobs
SERVER_RETURN_TIMEOUT_S = number(
    "PITSTOP_SERVER_RETURN_TIMEOUT_S", 600
)  # a restarted server is flagged after this
HOST_RETURN_TIMEOUT_S = number("PITSTOP_HOST_RETURN_TIMEOUT_S", 900)  # a rebooting host is flagged after this
FEED_KEPT_DAYS = number("PITSTOP_FEED_KEPT_DAYS", 7)  # what changed is kept this long; who did what, for ever
# What a new run starts with; whoever starts it may choose otherwise. Pages may set all of these, too (limits.py).
MAX_UNAVAILABLE = number("PITSTOP_MAX_UNAVAILABLE", 1)
CLUSTERS_IN_PARALLEL = number("PITSTOP_CLUSTERS_IN_PARALLEL", 1)
STAGE_TIMEOUT_S = number("PITSTOP_STAGE_TIMEOUT_S", 1800)  # kvm.rolling.maintenance.stage.timeout
DRAIN_TIMEOUT_S = number("PITSTOP_DRAIN_TIMEOUT_S", 1800)  # kvm.rolling.maintenance.wait.maintenance.timeout
OUTPUT_TAIL_BYTES = 2048

# ---- payloads of live patches (whoever publishes them, or has little room, turns these) ----------------------------
PAYLOAD_KEYS = Path(
    os.environ.get("PITSTOP_PAYLOAD_KEYS", VAR_DIR / "payload-keys")
)  # publishers' public keys
PAYLOADS_MAX_MB = number("PITSTOP_PAYLOADS_MAX_MB", 4096)  # of all files together, on each machine
PAYLOAD_FETCH_S = number("PITSTOP_PAYLOAD_FETCH_S", 600)  # how long one file may take to arrive
# How often a router is probed while it is worked on; benchmarks look more closely.
DOWNTIME_PROBE_EVERY_S = float(os.environ.get("PITSTOP_DOWNTIME_PROBE_EVERY_S", "0.05"))
PAYLOAD_NEAR = os.environ.get("PITSTOP_PAYLOAD_NEAR", "")  # our country's two letters: mirrors there go first

# ---- telling people (whoever wants mail or a webhook sets these) -------------------------------------------------
NOTIFY_MAIL_TO = [a.strip() for a in os.environ.get("PITSTOP_NOTIFY_MAIL", "").split(",") if a.strip()]
NOTIFY_WEBHOOK_URL = os.environ.get("PITSTOP_NOTIFY_WEBHOOK", "")
NOTIFY_WEBHOOK_SECRET = os.environ.get("PITSTOP_NOTIFY_WEBHOOK_SECRET", "")
DEFAULT_FROM_EMAIL = os.environ.get("PITSTOP_MAIL_FROM", "pitstop@localhost")
_SMTP_HOST = os.environ.get("PITSTOP_SMTP_HOST", "")  # unset: mail is printed, which is right for a demo only
MAILERS: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": _SMTP_HOST,
            "port": number("PITSTOP_SMTP_PORT", 25),
            "username": os.environ.get("PITSTOP_SMTP_USER", ""),
            "password": os.environ.get("PITSTOP_SMTP_PASSWORD", ""),
            "use_tls": switch("PITSTOP_SMTP_STARTTLS", default=False),
            "timeout": 8,
        },
    }
    if _SMTP_HOST
    else {"BACKEND": "django.core.mail.backends.console.EmailBackend"}
}

# ---- language, time, files, logs ---------------------------------------------------------------------------------
# One for the whole installation: what is pushed live is drawn once for everybody. locale/ has the others.
LANGUAGE_CODE = os.environ.get("PITSTOP_LANGUAGE", "en")
LANGUAGES = [(LANGUAGE_CODE, LANGUAGE_CODE)]
LOCALE_PATHS = language_paths(LANGUAGE_CODE, BASE_DIR / "locale", VAR_DIR)
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
SERVESTATIC_ALLOW_ALL_ORIGINS = False
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "dashboard.static_files.StaticFiles"},
}
LOGGING_CONFIG = "dashboard.logs.configure"
LOGGING = {"level": os.environ.get("PITSTOP_LOG_LEVEL", "INFO")}
SILENCED_SYSTEM_CHECKS: list[str] = []
