# shellcheck shell=busybox
# All files of a bundle are reached through the link that decides what the machine runs, so that they
# change together, in one rename.
#
#   /etc/nomad.d/client.hcl -> /var/lib/drover/current/root/etc/nomad.d/client.hcl
#
# Folders are no links: others have files in them too.

list_places() { (cd "$1" && find . ! -type d) | cut -c 2- | sort; }
list_folders() { (cd "$1" && find . -mindepth 1 -type d) | cut -c 2- | sort; }

# Whether it is a link of a bundle.
is_ours() { [ -L "$1" ] && [ "$(readlink "$1")" = "$state/current/root$1" ]; }

# Whether it is a folder that a bundle has made, with nothing in it but what bundles have.
is_made() {
  local inside
  is_made_folder "$1" || return 1
  find "$1" -mindepth 1 | into "$work/inside"
  while read -r inside; do
    is_ours "$inside" || is_made_folder "$inside" || return 1
  done <"$work/inside"
}

is_made_folder() { [ ! -L "$1" ] && [ -d "$1" ] && grep -qsxF "$1" "$state/folders"; }

# check_places ROOT: that each folder and link can be put into its place, before anything is changed.
check_places() {
  local path
  list_folders "$1" | into "$work/folders"
  while read -r path; do
    [ -d "$path" ] || { [ ! -e "$path" ] && [ ! -L "$path" ]; } || is_ours "$path" ||
      refuse "$path is a file here, and a folder in bundle $digest"
  done <"$work/folders"
  list_places "$1" | into "$work/places"
  while read -r path; do
    [ -L "$path" ] || [ ! -d "$path" ] || is_made "$path" ||
      refuse "$path is a folder here, and a file in bundle $digest"
  done <"$work/places"
}

# Puts the folders and links of the current bundle into their places and takes away those that it has
# no more. What was there before is kept, and comes back when no bundle wants its place.
align_links() {
  local root=$state/current/root
  step 'aligning links'
  list_places "$root" | into "$work/places"
  list_folders "$root" | into "$work/folders"
  note_made
  remove_gone "$root"
  make_folders "$root"
  make_links "$root"
  sync
  write_state links <"$work/places"
  list_made_folders | write_state folders
}

# Before the first of them is made: so the next run knows of all, whenever this one ends.
note_made() {
  local path
  touch "$state/links" "$state/folders"
  sort -u "$state/links" "$work/places" | write_state links
  while read -r path; do
    [ -d "$path" ] && ! is_ours "$path" || printf '%s\n' "$path"
  done <"$work/folders" | sort -u "$state/folders" - | write_state folders
}

list_made_folders() {
  local path
  while read -r path; do
    [ ! -d "$path" ] || printf '%s\n' "$path"
  done <"$state/folders"
}

# Links first, which may be all that is in the folders.
remove_gone() {
  local path
  comm -23 "$state/links" "$work/places" | into "$work/gone"
  while read -r path; do
    is_ours "$path" || continue
    rm "$path"
    [ -d "$1$path" ] || give_back "$path"
  done <"$work/gone"
  comm -23 "$state/folders" "$work/folders" | sort -r | into "$work/gone"
  while read -r path; do
    rmdir "$path" 2>/dev/null || :
  done <"$work/gone"
}

make_folders() {
  local path owner mode
  while read -r path; do
    [ -d "$path" ] || mkdir "$path" || refuse "$path could not be made"
  done <"$work/folders"
  plan_lines own "$state/current/plan"
  while read -r owner mode path; do
    [ ! -d "$1$path" ] || { chown "$owner" "$path" && chmod "$mode" "$path"; } ||
      refuse "$path cannot belong to $owner"
  done <"$work/plan-own"
}

make_links() {
  local path
  while read -r path; do
    ! is_ours "$path" || continue
    put_aside "$path"
    # busybox's mv looks through links: it puts none to a folder over one to a file, nor the other way.
    { [ ! -d "$path" ] && [ ! -d "$1$path" ]; } || rm -f "$path"
    { ln -sfn "$1$path" "$path.drover-new" && mv -T "$path.drover-new" "$path"; } ||
      refuse "$path could not be linked"
  done <"$work/places"
}

put_aside() {
  [ -e "$1" ] || [ -L "$1" ] || return 0
  [ ! -e "$state/aside$1" ] && [ ! -L "$state/aside$1" ] || return 0
  { mkdir -p "$state/aside${1%/*}" && cp -a "$1" "$state/aside$1"; } || refuse "$1 could not be put aside"
}

give_back() {
  [ ! -e "$state/aside$1" ] && [ ! -L "$state/aside$1" ] || mv "$state/aside$1" "$1"
}
