# shellcheck shell=busybox
# A run of drover-pull: one at a time, and nothing half done stays.

# Sets a run up that only looks, with a folder in memory that only root can read.
begin_look() {
  mkdir -p "$run" "$state/bundles" "$state/binaries"
  work=$(mktemp -d "$run/${1:-look}.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 143' INT TERM HUP
  head -c 65536 /dev/zero >"$work/reserve" || refuse "$run is full: make room, or give the machine more memory"
  read_settings
  installed=$(pointed current)
  allow_seconds "$boot_seconds"
}

# Sets a run up that may change something: one at a time.
begin() {
  mkdir -p "$run"
  exec 9>"$run/lock"
  if ! flock -n 9; then
    # By the next time that cron calls, that one has ended.
    [ "$command" != follow ] || { say 'another drover-pull is at work' && exit 0; }
    say 'waiting for another drover-pull to end'
    flock 9
  fi
  clean
  begin_look work
  trap clean EXIT
}

# Nothing half done stays, however the run ends; after a power cut the next one begins with this.
clean() {
  find "$run" -maxdepth 1 -name 'work.*' -exec rm -rf {} +
  rm -rf "$run/secrets.new" "$state/incoming" "$state/bundles/.new"
}

# attempt COMMAND…: in a shell of its own, which may end; what with is in $code: 0, $refused or $gave_up.
attempt() {
  set +e
  (
    set -e
    "$@"
  )
  code=$?
  case $code in
    0 | "$refused" | "$gave_up") ;;
    *)
      (refuse "ended with $code while $(cat "$work/step" 2>/dev/null)")
      code=$refused
      ;;
  esac
  set -e
}

# What attempt has met; there may have been no room to write it down.
reason() { cat "$work/reason" 2>/dev/null || echo "ended with $code$(tell_room)"; }
