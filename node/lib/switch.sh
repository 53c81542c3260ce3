# shellcheck shell=busybox
# One link decides what the machine runs: /var/lib/drover/current -> bundles/<installation>

# point NAME INSTALLATION: makes a link of the state point there, or leaves it as it was.
point() {
  { ln -sfn "bundles/$2" "$state/$1.new" && mv -T "$state/$1.new" "$state/$1" && fsync "$state"; } ||
    refuse "$state/$1 could not be written"
}

# What a link of the state points to, or nothing.
pointed() { [ ! -d "$state/$1/root" ] || basename "$(readlink "$state/$1")"; }

# write_state NAME: standard input becomes that file, whole or not at all.
write_state() {
  into "$work/state-$1"
  ! cmp -s "$work/state-$1" "$state/$1" || return 0
  {
    cp "$work/state-$1" "$state/$1.new" && fsync "$state/$1.new" && mv "$state/$1.new" "$state/$1" &&
      fsync "$state"
  } || refuse "$state/$1 could not be written: is the disk full?"
}

# Names the last bundle that was healthy, however many came since: for the way back.
note_unproven() {
  [ -e "$state/unproven" ] || printf '%s\n' "${installed:--}" | write_state unproven
}

# Everything that has to be known after a power cut is on the disk before the rename.
switch_to() {
  local before
  before=$(pointed current)
  step "switching to $1"
  [ -z "$before" ] || [ "$before" = "$1" ] || point previous "$before"
  point current "$1"
}

# Frees what neither the current nor the previous installation needs.
prune() {
  local current_one previous_one path
  current_one=$(pointed current)
  previous_one=$(pointed previous)
  find "$state/bundles" -mindepth 1 -maxdepth 1 >"$work/found"
  while read -r path; do
    case ${path##*/} in
      "$current_one" | "$previous_one") ;;
      *) rm -rf "$path" ;;
    esac
  done <"$work/found"
  find "$state/binaries" -type f >"$work/found"
  while read -r path; do
    grep -qs " ${path##*/} " "$state/current/plan" "$state/previous/plan" || rm -f "$path"
  done <"$work/found"
}
