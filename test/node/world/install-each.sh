#!/bin/sh
# shellcheck shell=busybox disable=SC2034,SC2154
# On a machine: has drover-pull change to the bundle of each of so many cases, one after the other.
# Leaves in each case's folder what it has installed, and which links lead there from /opt/tree.
set -euf -o pipefail
# shellcheck source=/dev/null
. "${0%/*}/bucket-folder.sh"

begin
case=0
while [ "$case" -lt "$1" ]; do
  clean
  work=$(mktemp -d "$run/work.XXXXXX")
  installed=$(pointed current)
  attempt obtain
  [ "$code" -ne 0 ] || attempt activate "$(cat "$work/chosen")"
  [ "$code" -eq 0 ] || { printf '%s: %s\n' "$case" "$(reason)" && exit 1; }
  prove
  cp -a "$state/current/root" "/cases/$case/root"
  find /opt/tree -type l -exec sh -c 'for l; do printf "%s\t%s\n" "$l" "$(readlink "$l")"; done' - {} + |
    sort >"/cases/$case/links"
  case=$((case + 1))
done
