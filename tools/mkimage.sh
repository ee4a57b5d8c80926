#!/bin/sh
# Makes a disk image with a GPT and one FAT32 EFI system partition that holds
# \EFI\BOOT\BOOTX64.EFI. No root, no loop device; the image appears whole or not at all.
#
# usage: [SECTOR=4096] tools/mkimage.sh BOOTX64.EFI IMAGE [slabstick.cfg]
set -eu

PATH=$PATH:/usr/sbin:/sbin
application=$1
image=$2
options=${3:-}

sector=${SECTOR:-512}
start_mib=1		# the usual alignment; leaves room for the GPT
# FAT32 begins at 65,525 clusters of at least a sector: 32 MiB, or 256.
case $sector in
512) partition_mib=64 size_code=2 ;;
4096) partition_mib=264 size_code=5 ;;
*)
	echo "mkimage: SECTOR=$sector: disks have sectors of 512 or 4096 bytes" >&2
	exit 1
	;;
esac
image_mib=$((start_mib + partition_mib + 1))
sectors_per_mib=$((1048576 / sector))

for tool in python3 mformat mmd mcopy; do
	command -v "$tool" >/dev/null || {
		echo "mkimage: $tool is missing; sh tools/setup.sh installs it" >&2
		exit 1
	}
done

new=$image.new.$$
trap 'rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM	# not every shell runs the line above when a signal ends it
rm -f "$new"
truncate -s "${image_mib}M" "$new"

# Fixed identifiers and times: the same input makes the same image.
export SOURCE_DATE_EPOCH=1700000000
python3 "$(dirname "$0")/gpt.py" "$new" "$sector" "$start_mib" "$partition_mib"

export MTOOLS_SKIP_CHECK=1
volume="$new@@${start_mib}M"
mformat -i "$volume" -F -S "$size_code" -c 1 -N 51AB571C -v SLABSTICK \
	-T $((partition_mib * sectors_per_mib)) -h 64 -s 32 -H $((start_mib * sectors_per_mib)) ::
mmd -i "$volume" ::/EFI ::/EFI/BOOT
mcopy -i "$volume" "$application" ::/EFI/BOOT/BOOTX64.EFI
[ -z "$options" ] || mcopy -i "$volume" "$options" ::/slabstick.cfg

mv "$new" "$image"
