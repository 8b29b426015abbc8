#!/usr/bin/env python3
"""Maintenance: the work itself; the host is empty and out of service."""

import os
import time

PACKAGES = ("openvswitch-common", "openvswitch-switch", "libvirt-daemon", "cloudstack-agent")

print(f"Maintenance on {os.environ['LAB_HOST']}", flush=True)
for number, package in enumerate(PACKAGES, start=1):
    time.sleep(0.7)
    print(f"[{number}/{len(PACKAGES)}] {package} updated", flush=True)
time.sleep(0.4)
print("services restarted, configuration unchanged", flush=True)
