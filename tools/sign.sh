#!/bin/sh
# Signs the application for Secure Boot and makes a disk image of the signed file.
#
# usage: tools/sign.sh BOOTX64.EFI IMAGE KEY CERT
set -eu

application=$1
image=$2
key=${3:-}
certificate=${4:-}

if [ -z "$key" ] || [ -z "$certificate" ]; then
	cat >&2 <<-'END'
	usage: make sign KEY=db.key CERT=db.crt
	Secure Boot starts only what a key in the machine's db has signed. To make one's own:
	  openssl req -new -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=slabstick/ \
	    -keyout db.key -out db.crt
	then enrol db.crt in the firmware's set-up, or turn Secure Boot off.
	END
	exit 1
fi
for file in "$application" "$key" "$certificate"; do
	[ -r "$file" ] || {
		echo "sign: cannot read $file" >&2
		exit 1
	}
done
command -v sbsign >/dev/null || {
	echo "sign: sbsign is missing; apt-get install sbsigntool" >&2
	exit 1
}

signed=${application%.EFI}.signed.EFI
sbsign --key "$key" --cert "$certificate" --output "$signed" "$application"
sbverify --cert "$certificate" "$signed"
sh "$(dirname "$0")/mkimage.sh" "$signed" "$image"
echo "sign: $image holds the signed application"
