# shellcheck shell=busybox
# OpenRC's services: only those are touched whose files have changed.

# note_pending NEW [OLD]: what has to be done about which service because of the switch between two
# installations, and of the secrets in $work/changed. Only running ones have anything to take over.
# In memory: after a boot every service has started from what is current.
note_pending() {
  local new=$state/bundles/$1 old=$state/bundles/${2:-none} action name
  touch "$work/changed" "$run/pending"
  [ -z "${2:-}" ] || sort "$old/list" "$new/list" | uniq -u | sed 's/^[^ ]* [^ ]* \([^/ ]* \)\{0,1\}//' >>"$work/changed"
  awk -f "$lib/lib/choose-actions.awk" "$work/changed" "$new/plan" | into "$work/actions"
  cp "$run/pending" "$run/pending.new"
  while read -r action name; do
    ! rc status "$name" >/dev/null 2>&1 || printf '%s %s\n' "$action" "$name" >>"$run/pending.new"
  done <"$work/actions"
  mv "$run/pending.new" "$run/pending"
}

# rc COMMAND SERVICE: not for longer than a service may take, and without the lock of this run, which
# its processes would hold for as long as they live.
rc() { timeout 180 rc-service --quiet "$2" "$1" </dev/null 9>&-; }

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
    rc stop "$name" || say "$name did not stop"
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
  local name failed='' children
  step 'starting services'
  service_names "$state/current/plan" >"$work/services"
  while read -r name; do
    apply_service "$name" || failed="$failed $name"
  done <"$work/services"
  rm -f "$run/pending"
  [ -z "$failed" ] || { trouble="could not be started:$failed" && return 1; }
  step 'waiting for the services to be healthy'
  now
  local health_deadline=$((seconds + health_seconds))
  # Healthy twice, with the same processes: one that dies again and again is started in between.
  while :; do
    children=$(list_children)
    if are_healthy; then
      [ -n "${touched:-}" ] || return 0
      sleep 3
      # Their processes last: one that was started again while its health was looked at has another.
      ! are_healthy || [ "$children" != "$(list_children)" ] || return 0
      trouble='its processes do not stay'
    fi
    now
    [ "$seconds" -lt "$health_deadline" ] || { trouble="not healthy after $health_seconds s: $trouble" && return 1; }
    sleep 1
  done
}

are_healthy() {
  local name
  while read -r name; do
    is_healthy "$name" || { trouble="$name: $ailment" && return 1; }
  done <"$work/services"
}

# The process of each supervised service.
list_children() {
  local name
  while read -r name; do
    cat "/run/openrc/options/$name/child_pid" 2>/dev/null || :
    echo
  done <"$work/services"
}

apply_service() {
  local status=0
  rc status "$1" >/dev/null 2>&1 || status=$?
  [ "$status" -ne "$unsupervised" ] || end_orphan "$1"
  if [ "$status" -ne 0 ]; then
    # A crashed service has to be forgotten before it can start.
    [ "$status" -eq "$stopped" ] || rc zap "$1" >/dev/null 2>&1 || :
    touched=1
    say "starting $1"
    rc start "$1"
  elif grep -qx "restart $1" "$run/pending" 2>/dev/null; then
    touched=1
    say "restarting $1"
    rc restart "$1"
  elif grep -qx "reload $1" "$run/pending" 2>/dev/null; then
    touched=1
    say "reloading $1"
    rc reload "$1"
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
  rc status "$1" >/dev/null 2>&1 || status=$?
  case $status in
    0) ;;
    "$unsupervised") ailment='it has lost its supervisor' && return 1 ;;
    "$stopped") ailment='it has stopped' && return 1 ;;
    *) ailment="its status is $status" && return 1 ;;
  esac
  status=$(cat "/run/openrc/options/$1/child_pid" 2>/dev/null) || status=''
  [ -z "$status" ] || [ -d "/proc/$status" ] || { ailment='its process has died' && return 1; }
  # Only a script that says so has a check of its own.
  grep -qs '^healthcheck()' "/etc/init.d/$1" || return 0
  rc healthcheck "$1" >"$work/found" 2>&1 && return
  ailment="its check fails: $(tail -n 1 "$work/found" | head -c 200)"
  return 1
}
