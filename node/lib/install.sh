# shellcheck shell=busybox
# An installation is a bundle as it is on this machine: with its values, owners and binaries. It is
# made beside what runs, and named after the bundle and the values: other values make another one.

# Makes $digest an installation and names it in $installation, unless there is one already.
install_bundle() {
  local staged=$state/bundles/.new
  find_installation || {
    read_manifest
    rm -rf "$staged" "$state/incoming"
    mkdir -p "$state/incoming" "$state/binaries"
    # Nobody looks into it before its files have their owners and modes.
    mkdir -m 0700 "$staged"
    fetch_archive
    unpack_tar "$staged"
    check_plan "$staged/plan"
    mv "$staged/files" "$staged/root" || refuse "the tar of $digest has no files"
    find_facts "$staged/root" "$staged/plan"
    render_files "$staged/root" "$staged/plan"
    install_binaries "$staged/root" "$staged/plan"
    check_places "$staged/root"
    fetch_secrets "$staged/plan"
    run_hooks before-switch "$staged"
    own_files "$staged/root" "$staged/plan"
    own_secrets "$staged/plan"
    keep_installation "$staged"
    return
  }
  check_plan "$state/bundles/$installation/plan"
  check_places "$state/bundles/$installation/root"
  bring_secrets "$state/bundles/$installation/plan"
}

bring_secrets() {
  fetch_secrets "$1"
  own_secrets "$1"
}

# Whether there is an installation of $digest, whole, whose values are still those of this machine.
find_installation() {
  find "$state/bundles" -mindepth 1 -maxdepth 1 -name "$digest-*" | into "$work/installations"
  while read -r installation; do
    installation=${installation##*/}
    list_files "$state/bundles/$installation/root" | into "$work/list"
    cmp -s "$work/list" "$state/bundles/$installation/list" || continue
    cut -d= -f1 "$state/bundles/$installation/facts" >"$work/names"
    collect_facts "$state/bundles/$installation/plan"
    cmp -s "$work/facts" "$state/bundles/$installation/facts" && return
  done <"$work/installations"
  return 1
}

# Gives the staged files their name, when all of them are on the disk.
keep_installation() {
  local sum
  step "keeping the installation of $digest"
  cp "$work/facts" "$1/facts"
  list_files "$1/root" | into "$1/list"
  sum=$(sha256sum <"$1/facts")
  installation=$digest-$(printf '%.12s' "$sum")
  rm -rf "$state/incoming" "$state/bundles/${installation:?}"
  chmod 0755 "$1"
  sync -f "$1" || refuse "the installation of $digest could not be written: is the disk full?"
  mv -T "$1" "$state/bundles/$installation" || refuse "$state/bundles/$installation could not be written"
  fsync "$state/bundles"
}

# Contents, targets, owners and modes of all files, each with its path at the end.
list_files() (
  cd "$1"
  {
    find . -type f -exec sha256sum {} + | sed 's/^\([0-9a-f]*\)  \./content \1 /'
    find . -exec stat -c 'mode %f %U:%G %n' {} + | sed -n 's/ \.\(\/.*\)$/ \1/p'
    find . -type l -exec sh -c 'for l; do echo "link $(readlink "$l" | tr " " "?") ${l#.}"; done' - {} +
  } | sort
)

own_files() {
  local owner mode path
  step "giving the files of $digest their owners"
  plan_lines own "$2"
  while read -r owner mode path; do
    chown -h "$owner" "$1$path" ||
      refuse "$path cannot belong to $owner: make the user in the image, or in a before-switch hook"
    [ -L "$1$path" ] || chmod "$mode" "$1$path"
  done <"$work/plan-own"
}

# run_hooks MOMENT INSTALLATION-FOLDER
run_hooks() {
  local moment hook code
  plan_lines hook "$2/plan"
  while read -r moment hook; do
    [ "$moment" = "$1" ] || continue
    step "running $hook ($1)"
    code=0
    chmod 0755 "$2/$hook"
    (
      cd /
      export DROVER_POOL="$pool" DROVER_BUNDLE="$digest" DROVER_FILES="$2/root"
      exec timeout 300 "$2/$hook"
    ) </dev/null >"$work/found" 2>&1 9>&- || code=$?
    sed 's/^/  /' "$work/found" >&2
    [ "$code" -eq 0 ] || refuse "$hook of $digest ended with $code: $(tail -n 1 "$work/found" | head -c 200)"
  done <"$work/plan-hook"
}
