#!/bin/sh
# Writes the disk image to a USB stick, after every check that can keep it from
# overwriting something else.
#
# usage: tools/usb.sh IMAGE /dev/sdX
# A disk with sectors of 4,096 bytes gets IMAGE's sibling with -4096 before its .img.
# FORCE=1: also write to a disk that is not removable (never to one that is in use)
set -eu
PATH=$PATH:/usr/sbin:/sbin

image=${1:-}
device=${2:-}

stop() {
	echo "usb: $*" >&2
	exit 1
}

[ -n "$device" ] || {
	echo "usage: make usb DEV=/dev/sdX    removable disks here:" >&2
	lsblk -dpno NAME,SIZE,RM,MODEL 2>/dev/null | awk '$3 == 1' >&2
	exit 1
}
command -v lsblk >/dev/null || stop "lsblk is missing (package util-linux)"
# What is no block device is refused below.
sector=$(lsblk -dno LOG-SEC "$device" 2>/dev/null | tr -d ' ')
case $sector in
'' | 512) ;;
4096) image=${image%.img}-4096.img ;;
*) stop "$device has sectors of $sector bytes; there are images for 512 and 4096" ;;
esac
[ -f "$image" ] || stop "$image: no such file; make image SECTOR=${sector:-512} builds it"
[ -b "$device" ] || stop "$device is not a block device"

[ "$(lsblk -dno TYPE "$device")" = disk ] || stop "$device is no whole disk (a partition?)"
mounted=$(lsblk -no MOUNTPOINTS "$device" 2>/dev/null || lsblk -no MOUNTPOINT "$device")
[ -z "$(printf %s "$mounted" | tr -d '[:space:]')" ] ||
	stop "$device is in use, unmount first:" $mounted
[ "$(lsblk -dno RO "$device" | tr -d ' ')" = 0 ] || stop "$device is read-only"
if [ "$(lsblk -dno RM "$device" | tr -d ' ')" != 1 ] && [ "${FORCE:-}" != 1 ]; then
	stop "$device is not removable; FORCE=1 make usb DEV=$device if you are certain"
fi
device_bytes=$(lsblk -bdno SIZE "$device" | tr -d ' ')
[ "$device_bytes" -ge "$(stat -c %s "$image")" ] || stop "$device is smaller than the image"
[ -w "$device" ] || stop "no permission to write $device: sudo make usb DEV=$device"

lsblk -dpo NAME,SIZE,VENDOR,MODEL,SERIAL "$device"
if [ -t 0 ]; then
	printf 'Everything on %s will be lost. Type yes to go on: ' "$device"
	read -r answer
	[ "$answer" = yes ] || stop "nothing written"
fi

dd if="$image" of="$device" bs=4M conv=fsync status=none
# What is compared must come from the stick, not from the page cache.
blockdev --flushbufs "$device"
cmp -n "$(stat -c %s "$image")" "$image" "$device" ||
	stop "$device does not read back what was written"
# The backup table belongs at the end of the stick, not of the image.
sgdisk --move-second-header "$device" >/dev/null ||
	echo "usb: the backup partition table stays where the image ends; it boots all the same"
echo "usb: written and read back; boot it with UEFI, Secure Boot off (or see make sign)"
