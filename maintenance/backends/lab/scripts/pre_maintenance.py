#!/usr/bin/env python3
"""PreMaintenance: last preparations while the host still serves its instances."""

import os
import sys
import time

print(f"PreMaintenance on {os.environ['LAB_HOST']}, payload {sys.argv[1:] or 'none'}", flush=True)
for done_percent in range(25, 101, 25):
    time.sleep(0.4)
    print(f"fetching packages: {done_percent} %", flush=True)
