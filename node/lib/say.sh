# shellcheck shell=busybox
# What a person sees, and how everything ends that cannot go on.

readonly refused=3 gave_up=4

# Where it is said beside standard error: the console, for commands that no person started.
console=

say() {
  printf 'drover: %s\n' "$*" >&2
  [ -z "$console" ] || printf 'drover: %s\n' "$*" 2>/dev/null >>"$console" || :
}

# What is being done: for the console, and for the report of a run that ends here.
step() {
  printf '%s\n' "$*" 2>/dev/null >"$work/step" || :
  [ -z "$console" ] || say "$*"
}

# into FILE: standard input becomes it. Of busybox's tools, awk, comm, find, grep, sort and `tar -t` end
# with 0 when the disk is full; cat does not.
into() { cat >"$1" || refuse "$1 could not be written: is the disk full?"; }

# What may be the cause of anything: that a disk or the memory is full.
tell_room() {
  df -Pk "${state:-/}" "$run" 2>/dev/null |
    awk 'NR > 1 && $4 < 64 && !told[$6]++ { printf "; there is no room in %s", $6 }' || :
}

# The reason outlives the subshell in which something failed. There is room for it, and for a report,
# also when the memory is full.
end_with() {
  local code=$1 why
  shift
  why="$*$(tell_room)"
  say "$why"
  [ ! -d "${work:-}" ] || {
    rm -f "$work/reserve"
    printf '%s\n' "$why" 2>/dev/null >"$work/reason" || :
  }
  exit "$code"
}

# Ends: what was found is wrong, and will be the next time too.
refuse() { end_with "$refused" "refused: $*"; }

# refuse_first WHY: unless a part of what failed has refused already.
refuse_first() {
  [ ! -e "$work/reason" ] || exit "$refused"
  refuse "$@"
}

# Ends: it might have worked, but not within the time.
give_up() { end_with "$gave_up" "gave up: $*"; }
