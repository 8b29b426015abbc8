#!/bin/bash
# PostMaintenance: the host is in service again; is it well?
set -eu
echo "PostMaintenance on $LAB_HOST"
for check in "agent is connected" "libvirtd answers" "storage is mounted" "bridges are up"; do
    sleep 0.3
    echo "ok: $check"
done
