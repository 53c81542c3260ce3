#!/bin/sh
# shellcheck shell=busybox disable=SC2034,SC2154
# On a machine: writes the values of /facts into the files of /good, as drover-pull does for those of
# one bundle, then into each of /bad, and prints the names of those of which it refuses none.
set -euf -o pipefail
export LC_ALL=C
lib=/usr/lib/drover work=$(mktemp -d) digest=test
for part in say plan render; do
  # shellcheck source=/dev/null
  . "$lib/lib/$part.sh"
done
step() { :; }
cp /facts "$work/facts"
find /good -type f | sed "s#/good#render #" >"$work/plan"
render_files /good "$work/plan"
find /bad -type f | sed "s#/bad/##" >"$work/cases"
while read -r case; do
  printf 'render /%s\n' "$case" >"$work/plan"
  if (render_files /bad "$work/plan") 2>/dev/null; then printf '%s\n' "$case"; fi
done <"$work/cases"
