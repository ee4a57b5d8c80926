#!/usr/bin/python3
"""Puts together what a release consists of, in one folder.

usage: tools/release.py VERSION BOOTX64.EFI slabstick.img FOLDER

The image compressed, the application, a bill of materials (SPDX 2.3) and SHA256SUMS. The
same input makes the same bytes: no time, no name of a machine goes in.
"""

import gzip
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys

CREATED = "2023-11-14T22:13:20Z"        # as in the image's file system: SOURCE_DATE_EPOCH


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def gnu_efi_version():
    """Its start-up code is linked in. Distributions without dpkg: not known."""
    try:
        answer = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "gnu-efi"],
                                capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "NOASSERTION"
    return answer.stdout.strip() or "NOASSERTION"


def package(name, version, licence, **more):
    return {"SPDXID": f"SPDXRef-{name}", "name": name, "versionInfo": version,
            "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": licence, "licenseDeclared": licence,
            "copyrightText": "NOASSERTION", **more}


def bill(version, files):
    digest = hashlib.sha256("".join(sha256(path) for path in files).encode()).hexdigest()
    checksums = {path.name: sha256(path) for path in files}
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"slabstick-{version}",
        "documentNamespace": f"urn:slabstick:{version}:{digest}",
        "creationInfo": {"created": CREATED, "creators": ["Tool: tools/release.py"]},
        "packages": [
            package("slabstick", version, "MIT",
                    comment="; ".join(f"{name} sha256 {checksums[name]}" for name in checksums)),
            package("gnu-efi", gnu_efi_version(), "BSD-2-Clause",
                    comment="start-up code, linked into BOOTX64.EFI"),
        ],
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
             "relatedSpdxElement": "SPDXRef-slabstick"},
            {"spdxElementId": "SPDXRef-slabstick", "relationshipType": "STATIC_LINK",
             "relatedSpdxElement": "SPDXRef-gnu-efi"},
        ],
    }


def compress(source, target):
    """As gzip -n does: neither a name nor a time in it."""
    with open(source, "rb") as data, open(target, "wb") as raw, \
            gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        shutil.copyfileobj(data, packed, 1 << 20)


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__.split("\n\n")[1])
    version, application, image, folder = sys.argv[1], *map(pathlib.Path, sys.argv[2:])
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    files = [folder / f"slabstick-{version}.img.gz", folder / "BOOTX64.EFI",
             folder / f"slabstick-{version}.spdx.json"]
    compress(image, files[0])
    shutil.copyfile(application, files[1])
    files[2].write_text(json.dumps(bill(version, files[:2]), indent=1) + "\n")
    (folder / "SHA256SUMS").write_text("".join(f"{sha256(path)}  {path.name}\n" for path in files))
    print(f"release: {folder}: " + ", ".join(path.name for path in files) + ", SHA256SUMS")


if __name__ == "__main__":
    main()
