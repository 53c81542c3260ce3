# shellcheck shell=busybox
# One link decides what the machine runs. All files of a bundle are reached through it, so that they
# change together, in one rename.
#
#   /etc/nomad.d/client.hcl -> /var/lib/drover/current/root/etc/nomad.d/client.hcl
#   /var/lib/drover/current -> bundles/<installation>

# point NAME INSTALLATION: makes a link of the state point there, or leaves it as it was.
point() {
  { ln -sfn "bundles/$2" "$state/$1.new" && mv -T "$state/$1.new" "$state/$1" && fsync "$state"; } ||
    refuse "$state/$1 could not be written"
}

# What a link of the state points to, or nothing.
pointed() { [ ! -d "$state/$1/root" ] || basename "$(readlink "$state/$1")"; }

# write_state NAME: standard input becomes that file, whole or not at all.
write_state() {
  {
    cat >"$state/$1.new" && fsync "$state/$1.new" && mv "$state/$1.new" "$state/$1" && fsync "$state"
  } || refuse "$state/$1 could not be written: is the disk full?"
}

# Everything that has to be known after a power cut is on the disk before the rename.
switch_to() {
  local before
  before=$(pointed current)
  step "switching to $1"
  # The last bundle that was healthy, however many came since.
  [ -e "$state/unproven" ] || printf '%s\n' "${before:--}" | write_state unproven
  [ -z "$before" ] || [ "$before" = "$1" ] || point previous "$before"
  point current "$1"
}

# check_places ROOT: that a link can be put into each place, before anything is changed.
check_places() {
  local path
  list_places "$1" >"$work/places"
  while read -r path; do
    [ -L "$path" ] || [ ! -d "$path" ] || refuse "$path is a folder here, and a file in bundle $digest"
    while path=${path%/*} && [ -n "$path" ]; do
      [ -d "$path" ] || [ ! -e "$path" ] || refuse "$path is a file here, and a folder in bundle $digest"
    done
  done <"$work/places"
}

list_places() { (cd "$1" && find . ! -type d) | cut -c 2- | sort; }

# Puts the links of the current bundle into their places and takes away those that it has no more.
# What was there before is kept, and comes back when no bundle wants its place.
align_links() {
  local root=$state/current/root path
  step 'aligning links'
  make_folders "$root"
  list_places "$root" >"$work/places"
  # Both lists together, before the first link: whatever is made is known to the next run.
  [ -e "$state/links" ] || : >"$state/links"
  sort -u "$state/links" "$work/places" | write_state links
  while read -r path; do
    # The same file, or a link that leads nowhere through the right place.
    [ ! -L "$path" ] || [ "$(readlink "$path")" != "$root$path" ] || continue
    [ -L "$path" ] || [ ! -e "$path" ] || put_aside "$path"
    { ln -sfn "$root$path" "$path.drover-new" && mv -T "$path.drover-new" "$path"; } ||
      refuse "$path could not be linked"
  done <"$work/places"
  comm -23 "$state/links" "$work/places" >"$work/gone"
  while read -r path; do
    [ "$(readlink "$path" 2>/dev/null)" = "$root$path" ] || continue
    rm "$path"
    [ ! -e "$state/aside$path" ] || mv "$state/aside$path" "$path"
  done <"$work/gone"
  sync
  write_state links <"$work/places"
}

put_aside() {
  [ ! -e "$state/aside$1" ] || return 0
  { mkdir -p "$state/aside${1%/*}" && cp -p "$1" "$state/aside$1"; } || refuse "$1 could not be put aside"
}

# Folders are no links: others have files in them too.
make_folders() {
  local path owner mode
  (cd "$1" && find . -mindepth 1 -type d) | cut -c 2- >"$work/folders"
  while read -r path; do
    [ -d "$path" ] || mkdir "$path" || refuse "$path could not be made"
  done <"$work/folders"
  plan_lines own "$state/current/plan"
  while read -r owner mode path; do
    [ ! -d "$1$path" ] || { chown "$owner" "$path" && chmod "$mode" "$path"; } ||
      refuse "$path cannot belong to $owner"
  done <"$work/plan-own"
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
