#!/bin/bash
# Maintenance: the work itself; the host is empty and out of service.
set -eu
echo "Maintenance on $LAB_HOST${1:+, payload $1}"
while read -r line; do
    echo "$(date -u +%H:%M:%S) $line"
    sleep 0.45
done <<'LINES'
Preparing to unpack linux-image-6.1.0-28-amd64 ...
Unpacking linux-image-6.1.0-28-amd64 (6.1.119-1) ...
Setting up libvirt-daemon-system (9.0.0-4+deb12u2) ...
Setting up linux-image-6.1.0-28-amd64 (6.1.119-1) ...
/etc/kernel/postinst.d/dracut:
dracut: *** Including module: kernel-modules ***
dracut: *** Installing kernel module dependencies ***
dracut: *** Creating initramfs image file done ***
LINES
echo "W: firmware for an unused device is missing" >&2
echo "done"
