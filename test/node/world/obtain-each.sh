#!/bin/sh
# shellcheck shell=busybox disable=SC2034,SC2154
# On a machine: has drover-pull obtain the bundle of /cases/good once for each case, in which one
# object is another one. Prints for each case: its name, how it ended, whether anything was left,
# and the reason.
set -euf -o pipefail
# shellcheck source=/dev/null
. "${0%/*}/bucket-folder.sh"

begin
for case in "$@"; do
  clean
  work=$(mktemp -d "$run/work.XXXXXX")
  attempt obtain
  installation=$(find "$state/bundles" -mindepth 1 -maxdepth 1 -name '[0-9a-f]*')
  if [ -z "$installation" ]; then
    left=nothing
  else
    left=$(cat "$installation/list" "$installation/plan" | sha256sum | cut -c 1-64)
    rm -rf "$installation"
  fi
  printf '%s %s %s %s\n' "$case" "$code" "$left" "$(cat "$work/reason" 2>/dev/null)"
done
