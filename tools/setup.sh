#!/bin/sh
# Installs what building and testing Slabstick needs, on Debian and its children;
# elsewhere names the packages and stops. With everything present it neither
# touches the network nor takes noticeable time.
#
# usage: sh tools/setup.sh [--check | --comparators | --checkers]
#   --check: install nothing; exit 1 and list what is missing
#   --comparators: also the malloc libraries that make bench-host compares with
#   --checkers: also what make check and make models do without where it is missing
set -eu

# One need a line: Debian's package, then a file or command that proves it is there.
needs() {
	cat <<-'END'
	gcc              gcc
	libc6-dev        /usr/include/stdio.h
	make             make
	binutils         objcopy
	gnu-efi          /usr/include/efi/efi.h
	ovmf             /usr/share/OVMF/OVMF_CODE_4M.fd
	qemu-system-x86  qemu-system-x86_64
	mtools           mcopy
	gdisk            /usr/sbin/sgdisk
	dosfstools       /usr/sbin/fsck.fat
	python3          /usr/bin/python3
	clang            clang
	zbar-tools       zbarimg
	END
}

comparators() {
	cat <<-'END'
	libmimalloc-dev          /usr/lib/x86_64-linux-gnu/libmimalloc.so.2
	libjemalloc-dev          /usr/lib/x86_64-linux-gnu/libjemalloc.so.2
	libgoogle-perftools-dev  /usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4
	END
}

checkers() {
	cat <<-'END'
	clang-19         clang-19
	spin             spin
	END
}

is_present() {
	case $1 in
	/*) [ -e "$1" ] ;;
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

# libFuzzer and the sanitizers of clang are a package of their own, in a folder with a version.
has_clang_runtime() {
	for library in /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a \
		/usr/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a \
		/usr/lib/clang/*/lib/*/libclang_rt.fuzzer*.a; do
		[ -e "$library" ] && return 0
	done
	return 1
}

other_distributions() {
	cat <<-'END'
	Slabstick's set-up installs packages on Debian and Ubuntu only. Install these, then
	run make again:
	  Fedora    dnf install gcc make binutils gnu-efi-devel edk2-ovmf \
	              qemu-system-x86 mtools gdisk dosfstools python3 clang compiler-rt zbar
	  Arch      pacman -S --needed base-devel gnu-efi edk2-ovmf qemu-system-x86 \
	              mtools gptfdisk dosfstools python clang compiler-rt zbar
	  openSUSE  zypper install gcc make binutils gnu-efi qemu-ovmf-x86_64 qemu-x86 \
	              mtools gptfdisk dosfstools python3 clang zbar
	  Alpine    apk add build-base gnu-efi-dev ovmf qemu-system-x86_64 mtools sgdisk \
	              dosfstools python3 clang compiler-rt bash zbar
	Firmware in an unusual place: make run OVMF=/path/to/OVMF_CODE.fd
	END
}

missing=
while read -r package proof; do
	is_present "$proof" || missing="$missing $package"
done <<END
$(needs; case ${1:-} in --comparators) comparators ;; --checkers) checkers ;; esac)
END
has_clang_runtime || missing="$missing libclang-rt-dev"

[ -n "$missing" ] || exit 0
if [ "${1:-}" = --check ]; then
	echo "missing:$missing"
	exit 1
fi

if ! command -v apt-get >/dev/null 2>&1; then
	other_distributions >&2
	exit 1
fi

if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null 2>&1; then
	as_root=sudo
else
	echo "setup: missing:$missing" >&2
	echo "setup: installing needs root and there is no sudo; run as root: sh tools/setup.sh" >&2
	exit 1
fi

echo "setup: installing$missing"
in_silence="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq"
$in_silence update
# shellcheck disable=SC2086
$in_silence install -y --no-install-recommends $missing >/dev/null
sh "$0" --check
