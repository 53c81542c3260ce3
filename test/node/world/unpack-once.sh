#!/bin/sh
# shellcheck shell=busybox disable=SC2034,SC2154
# On a machine: pulls, verifies and unpacks the bundle $1 from the bucket into /unpacked.
set -euf -o pipefail
command=boot
export LC_ALL=C
lib=/usr/lib/drover etc=/etc/drover state=/var/lib/drover run=/run/drover
for part in say settings persist metadata aws trust archive run; do
  # shellcheck source=/dev/null
  . "$lib/lib/$part.sh"
done
# Instance metadata is not what is measured.
read_credentials() { access_key=key secret_key=secret session_token=token; }
pointed() { :; }
begin
mkdir -p "$state/incoming" /unpacked
digest=$1
read_manifest
fetch_archive
unpack_tar /unpacked
