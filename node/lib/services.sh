# shellcheck shell=busybox
# OpenRC's services: only those are touched whose files have changed.

# note_pending NEW [OLD]: what has to be done about which service because of the switch between two
# installations. In memory: after a boot every service has started from what is current.
note_pending() {
  local new=$state/bundles/$1 old=$state/bundles/${2:-none}
  touch "$work/changed" "$run/pending"
  [ -z "${2:-}" ] || sort "$old/list" "$new/list" | uniq -u | sed 's/^[^ ]* [^ ]* \([^/ ]* \)\{0,1\}//' >>"$work/changed"
  awk -f "$lib/lib/choose-actions.awk" "$work/changed" "$new/plan" >"$work/actions"
  cat "$run/pending" "$work/actions" >"$run/pending.new"
  mv "$run/pending.new" "$run/pending"
}

# service_names PLAN
service_names() { sed -n 's/^service \([^ ]*\) .*/\1/p' "$1"; }

# Ends services that the next installation has no more, while their scripts are still there.
stop_gone() {
  local name
  service_names "$state/bundles/$1/plan" >"$work/services"
  service_names "$state/current/plan" >"$work/services.before"
  while read -r name; do
    ! grep -qxF "$name" "$work/services" || continue
    say "stopping $name, which is not in the bundle any more"
    rc-service --quiet "$name" stop </dev/null || say "$name did not stop"
    rc-update --quiet del "$name" --all </dev/null || :
  done <"$work/services.before"
}

enable_services() {
  local name level rest
  plan_lines service "$state/current/plan"
  while read -r name level rest; do
    [ -e "/etc/runlevels/$level/$name" ] || rc-update --quiet add "$name" "$level" </dev/null ||
      refuse "service $name could not be added to runlevel $level"
    : "$rest"
  done <"$work/plan-service"
}

# Brings every service to what the current installation wants, in the order of its plan.
# Returns 1, with $trouble, when one does not come up or does not become healthy.
apply_services() {
  local name failed=''
  step 'starting services'
  service_names "$state/current/plan" >"$work/services"
  while read -r name; do
    apply_service "$name" || failed="$failed $name"
  done <"$work/services"
  rm -f "$run/pending"
  [ -z "$failed" ] || { trouble="could not be started:$failed" && return 1; }
  now
  local health_deadline=$((seconds + health_seconds))
  while read -r name; do
    step "waiting for $name to be healthy"
    until is_healthy "$name"; do
      now
      [ "$seconds" -lt "$health_deadline" ] || { trouble="$name is not healthy: $ailment" && return 1; }
      sleep 1
    done
  done <"$work/services"
}

apply_service() {
  local status=0
  rc-service --quiet "$1" status </dev/null >/dev/null 2>&1 || status=$?
  [ "$status" -ne "$unsupervised" ] || end_orphan "$1"
  if [ "$status" -ne 0 ]; then
    # A crashed service has to be forgotten before it can start.
    [ "$status" -eq "$stopped" ] || rc-service --quiet "$1" zap </dev/null >/dev/null 2>&1 || :
    say "starting $1"
    rc-service --quiet "$1" start </dev/null
  elif grep -qx "restart $1" "$run/pending" 2>/dev/null; then
    say "restarting $1"
    rc-service --quiet "$1" restart </dev/null
  elif grep -qx "reload $1" "$run/pending" 2>/dev/null; then
    say "reloading $1"
    rc-service --quiet "$1" reload </dev/null
  fi
}

# What `rc-service NAME status` ends with.
readonly stopped=3 unsupervised=64

# A supervisor that was killed leaves its process behind: `start` then does nothing, and `restart`
# starts a second one. So the orphan goes first.
end_orphan() {
  local pid attempt=0
  pid=$(cat "/run/openrc/options/$1/child_pid" 2>/dev/null) || pid=''
  say "$1 has lost its supervisor: ending what it left (${pid:-no process})"
  is_number "$pid" && [ "$pid" -gt 1 ] || return 0
  kill -TERM "$pid" 2>/dev/null || return 0
  while kill -0 "$pid" 2>/dev/null && [ "$attempt" -lt 100 ]; do
    attempt=$((attempt + 1))
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || :
}

# Whether it is started, supervised and passes its own check; if not, $ailment says why.
is_healthy() {
  local status=0
  rc-service --quiet "$1" status </dev/null >/dev/null 2>&1 || status=$?
  case $status in
    0) ;;
    "$unsupervised") ailment='it has lost its supervisor' && return 1 ;;
    "$stopped") ailment='it has stopped' && return 1 ;;
    *) ailment="its status is $status" && return 1 ;;
  esac
  # Only a script that says so has a check of its own.
  grep -qs '^healthcheck()' "/etc/init.d/$1" || return 0
  timeout 30 rc-service --quiet "$1" healthcheck </dev/null >"$work/found" 2>&1 && return
  ailment="its check fails: $(tail -n 1 "$work/found" | head -c 200)"
  return 1
}
