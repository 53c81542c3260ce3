#!/bin/sh
# Stands in the place of a tool: at the call whose number is in /dev/fill/at, the disk that /dev/fill/disk
# leads to is full before it.
set -eu
tool=${0##*/}
if [ -s /dev/fill/at ]; then
  echo "$tool $*" >>/dev/fill/calls
  number=$(/bin/busybox wc -l </dev/fill/calls)
  if [ "$number" -eq "$(/bin/busybox cat /dev/fill/at)" ]; then
    : >/dev/fill/filled
    /bin/busybox cat /dev/zero >/dev/fill/disk/filler 2>/dev/null || :
  fi
fi
exec /bin/busybox "$tool" "$@"
