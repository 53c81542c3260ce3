# shellcheck shell=busybox
# Pinned binaries: kept by their digest, linked from where the bundle wants them.

# install_binaries ROOT PLAN: fetches those that are not here yet, and proves that they run.
install_binaries() {
  local arch digest_of size source mode path
  plan_lines binary "$2"
  while read -r arch digest_of size source mode path; do
    [ "$arch" = "$machine_arch" ] || continue
    keep_binary "$digest_of" "$size" "$source"
    {
      mkdir -p "$1${path%/*}" && chmod "$mode" "$state/binaries/$digest_of" &&
        ln -sfn "$state/binaries/$digest_of" "$1$path"
    } || refuse "$path of $digest could not be put into its place"
  done <"$work/plan-binary"
  check_binaries "$1" "$2"
}

keep_binary() {
  local kept=$state/binaries/$1 size=$2 found
  [ ! -e "$kept" ] || return 0
  step "fetching $3"
  [ "$size" != - ] || size=1073741824
  [ "$2" = - ] || check_space "$((size / 1024 + 4096))" "$3"
  case $3 in
    https:*) persist "$3" try_https "$3" "$size" "$state/incoming/binary" ;;
    *) s3_get "$3" "$size" "$state/incoming/binary" 600 ;;
  esac || refuse "$3: $trouble"
  found=$(openssl dgst -sha256 -r "$state/incoming/binary")
  [ "${found%% *}" = "$1" ] || refuse "$3 is not the binary of the plan: its digest is ${found%% *}"
  {
    chmod 0755 "$state/incoming/binary" && fsync "$state/incoming/binary" &&
      mv "$state/incoming/binary" "$kept" && fsync "$state/binaries"
  } || refuse "$kept could not be written"
}

try_https() {
  request 600 "$2" "$3" "url = \"$1\"
location
proto = \"=https\"
proto-redir = \"=https\""
}

# A binary for another C library fails here, and not when the machine has to work.
check_binaries() {
  local path arguments code
  plan_lines binary-check "$2"
  while read -r path arguments; do
    step "running $path $arguments"
    code=0
    # Words of a plan have no quotes: they are split at spaces, and nothing else is done to them.
    # shellcheck disable=SC2086
    timeout 30 "$1$path" $arguments </dev/null >"$work/found" 2>&1 9>&- || code=$?
    [ "$code" -eq 0 ] ||
      refuse "$path does not run here: '$path $arguments' ended with $code: $(tail -n 1 "$work/found" | head -c 200)"
  done <"$work/plan-binary-check"
}
