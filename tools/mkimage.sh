#!/bin/sh
# Makes a disk image with a GPT and one FAT32 EFI system partition that holds
# \EFI\BOOT\BOOTX64.EFI. No root, no loop device; the image appears whole or not at all.
#
# usage: tools/mkimage.sh BOOTX64.EFI IMAGE [slabstick.cfg]
set -eu

PATH=$PATH:/usr/sbin:/sbin
application=$1
image=$2
options=${3:-}

image_mib=66
start_mib=1		# the usual alignment; leaves room for the GPT
partition_mib=64	# FAT32 begins at 65,525 clusters: 32 MiB of single sectors
sectors_per_mib=2048

for tool in sgdisk mformat mmd mcopy; do
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
sgdisk --clear --disk-guid=51AB571C-0000-4000-8000-000000000001 \
	--new="1:$((start_mib * sectors_per_mib)):+${partition_mib}M" \
	--typecode=1:EF00 --change-name=1:Slabstick \
	--partition-guid=1:51AB571C-0000-4000-8000-000000000002 "$new" >/dev/null

export MTOOLS_SKIP_CHECK=1
volume="$new@@${start_mib}M"
mformat -i "$volume" -F -c 1 -N 51AB571C -v SLABSTICK -T $((partition_mib * sectors_per_mib)) \
	-h 64 -s 32 -H $((start_mib * sectors_per_mib)) ::
mmd -i "$volume" ::/EFI ::/EFI/BOOT
mcopy -i "$volume" "$application" ::/EFI/BOOT/BOOTX64.EFI
[ -z "$options" ] || mcopy -i "$volume" "$options" ::/slabstick.cfg

mv "$new" "$image"
