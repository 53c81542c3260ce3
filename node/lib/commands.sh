# shellcheck shell=busybox
# What a person, OpenRC or cron asks for.

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
  ! grep -qsxF "${before%-*}" "$state/given-up" ||
    refuse "the bundle before this one, ${before%-*}, was given up: drover-pull retry takes it again"
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
