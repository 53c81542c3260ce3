# shellcheck shell=busybox
# What a person, OpenRC or cron asks for.

# What a run ends with that went back to the bundle before.
readonly went_back=5

# Sets a run up that only looks: a folder in memory that only root can read.
begin_look() {
  mkdir -p "$run" "$state/bundles" "$state/binaries"
  work=$(mktemp -d "$run/work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 143' INT TERM HUP
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
  begin_look
  trap clean EXIT
}

# Nothing half done stays, however the run ends; after a power cut the next one begins with this.
clean() {
  find "$run" -maxdepth 1 -name 'work.*' -exec rm -rf {} +
  rm -rf "$run/secrets.new" "$state/incoming" "$state/bundles/.new"
}

# attempt COMMAND…: in a shell of its own, which may end; what with is in $code.
attempt() {
  set +e
  (
    set -e
    "$@"
  )
  code=$?
  set -e
}

reason() { cat "$work/reason" 2>/dev/null || echo "ended with $code while $(cat "$work/step")"; }

# Gets the bundle of this machine and makes it an installation; what was found is in $work/chosen.
obtain() {
  # A machine that has a bundle goes on with it when the bucket cannot be reached.
  [ -z "$installed" ] || allow_seconds "$((boot_seconds < 60 ? boot_seconds : 60))"
  read_channel
  choose_bundle
  if [ -n "$installed" ] && grep -qsxF "$digest" "$state/given-up"; then
    refuse "bundle $digest was given up on this machine: publish another, or run drover-pull retry"
  fi
  install_bundle
  printf '%s\n' "$installation" >"$work/chosen"
}

# After obtain: makes it what runs, all but the services.
activate() {
  digest=${1%-*}
  : >"$work/changed"
  [ ! -d "$run/secrets.new" ] || place_secrets
  note_pending "$1" "$installed"
  if [ "$1" != "$installed" ]; then
    [ -z "$installed" ] || stop_gone "$1"
    switch_to "$1"
  fi
  align_links
  [ "$1" = "$installed" ] || run_hooks after-switch "$state/current"
  enable_services
}

start_services() {
  run_hooks before-start "$state/current"
  apply_services || refuse "$trouble"
  run_hooks after-start "$state/current"
}

# obtain and activate, or go on with what is here. Sets $outcome and $why.
prepare() {
  outcome=ready why=''
  attempt obtain
  if [ "$code" -eq 0 ]; then
    read -r installation <"$work/chosen"
    [ ! -e "$work/channel.text" ] || write_state channel <"$work/channel.text"
  elif [ -n "$installed" ]; then
    outcome=kept why=$(reason) kept_code=$code
    rm -f "$work/reason"
    installation=$installed
    digest=${installed%-*}
    attempt bring_secrets "$state/current/plan"
    [ "$code" -eq 0 ] || fail_run
  else
    fail_run
  fi
  attempt activate "$installation"
  [ "$code" -eq 0 ] || recover_or_fail
}

fail_run() {
  local failed=$code
  report failed "$(reason)"
  exit "$failed"
}

# After a switch that came to nothing: back to the bundle before, if there is one.
recover_or_fail() {
  local before=- failed=$code why
  why=$(reason)
  [ ! -r "$state/unproven" ] || read -r before <"$state/unproven"
  [ "$before" != - ] && [ -d "$state/bundles/$before/root" ] || fail_run
  say "going back to $before: $why"
  rm -f "$work/reason"
  digest=$(reported_digest)
  printf '%s\n' "$digest" | write_state given-up
  installed=$(pointed current)
  go_back "$before"
  [ "$code" -eq 0 ] || { why="$why; and going back failed: $(reason)" && report failed "$why" && exit "$failed"; }
  report went-back "$why"
  exit "$went_back"
}

go_back() {
  attempt bring_secrets "$state/bundles/$1/plan"
  attempt activate "$1"
  [ "$code" -eq 0 ] || return 0
  attempt start_services
  [ "$code" -eq 0 ] || return 0
  prove
}

# The services run: what was before is not needed any more but for a person who goes back.
prove() {
  rm -f "$state/unproven"
  prune
}

finish() {
  attempt start_services
  [ "$code" -eq 0 ] || recover_or_fail
  [ "$outcome" = kept ] || prove
  report "$outcome" "$why"
  [ "$outcome" = ready ] || exit "$kept_code"
}

# From the next boot on OpenRC calls this before it starts the services, and after that.
enable_drover() {
  local name
  [ -x /sbin/openrc-run ] || return 0
  for name in drover drover-services; do
    ln -sfn "$lib/init.d/$name" "/etc/init.d/$name"
    [ -e "/etc/runlevels/default/$name" ] || rc-update --quiet add "$name" default </dev/null
  done
}

run_boot() {
  console=/dev/console
  begin
  prepare
  enable_drover
  finish
}

run_prepare() {
  console=/dev/console
  begin
  prepare
  say "$outcome: $(reported_digest)${why:+: $why}"
}

# follow [SECONDS]: waits up to so many first, so that a pool does not ask as one.
run_follow() {
  if [ -n "${1:-}" ]; then
    is_number "$1" || { say "follow takes a number of seconds, and not $1" && exit 2; }
    sleep $(($(od -An -N4 -tu4 /dev/urandom) % ($1 + 1)))
  fi
  begin
  [ -n "$installed" ] || refuse 'no bundle is installed yet: run drover-pull boot'
  prepare
  finish
}

run_retry() {
  rm -f "$state/given-up"
  run_follow "$@"
}

run_rollback() {
  local before
  begin
  before=$(pointed previous)
  [ -n "$before" ] && [ "$before" != "$installed" ] || refuse 'there is no bundle before this one here'
  say "going back from ${installed%-*} to ${before%-*}"
  printf '%s\n' "${installed%-*}" | write_state given-up
  go_back "$before"
  [ "$code" -eq 0 ] || fail_run
  report ready "a person went back from ${installed%-*}"
}

run_status() {
  local name
  begin_look
  cat <<END
pool      $pool of cluster $cluster
bundle    $(reported_digest)
serial    $(reported_serial)
before    $(pointed previous | grep . || echo -)
given up  $(cat "$state/given-up" 2>/dev/null || echo -)
unproven  $([ -e "$state/unproven" ] && echo 'yes: the services have not come up since the switch' || echo no)
END
  [ ! -r "$state/current/plan" ] || {
    service_names "$state/current/plan" >"$work/services"
    while read -r name; do
      if is_healthy "$name"; then ailment=healthy; fi
      printf 'service   %s: %s\n' "$name" "$ailment"
    done <"$work/services"
  }
}

# Compares what is here with what was signed, link by link and byte by byte, and says what differs.
run_verify() {
  local path problems
  begin_look
  allow_seconds 30
  problems=$work/problems
  : >"$problems"
  [ -n "$installed" ] || refuse 'no bundle is installed'
  digest=${installed%-*}
  attempt read_channel
  [ "$code" -eq 0 ] || printf 'channel: %s\n' "$(reason)" >>"$problems"
  attempt read_manifest
  [ "$code" -eq 0 ] || printf 'manifest: %s\n' "$(reason)" >>"$problems"
  list_files "$state/current/root" >"$work/list"
  sort "$state/current/list" "$work/list" | uniq -u | sed 's/^[^ ]* [^ ]* \([^/ ]* \)\{0,1\}//' |
    sort -u | sed 's/$/: was changed since it was installed/' >>"$problems"
  list_places "$state/current/root" >"$work/places"
  while read -r path; do
    [ "$(readlink "$path" 2>/dev/null)" = "$state/current/root$path" ] ||
      printf '%s: does not lead to the bundle\n' "$path" >>"$problems"
  done <"$work/places"
  service_names "$state/current/plan" >"$work/services"
  while read -r path; do
    is_healthy "$path" || printf 'service %s: %s\n' "$path" "$ailment" >>"$problems"
  done <"$work/services"
  [ -s "$problems" ] || { say "bundle $digest is as it was signed, and runs" && return; }
  cat "$problems"
  exit 1
}
