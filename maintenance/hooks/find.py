"""Which script runs in a stage, and why one may not run (CloudStack's rules for names, ours for safety)."""

import errno
import os
import shutil
import stat
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from maintenance.domain.hook_stages import STAGES, HookStage
from maintenance.hooks.interpreter import InterpreterMissing, check_interpreter
