# shellcheck shell=busybox
# From one bundle to another, and back when the other one does not work.

# What a run ends with that went back to the bundle before.
readonly went_back=5

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
  # Before anything is changed.
  [ "$1" = "$installed" ] || note_unproven
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
    renew_secrets "$state/current/plan"
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

# After a change that came to nothing: back to the bundle before, if there is one.
recover_or_fail() {
  local before=- failed=$code why
  why=$(reason)
  [ ! -r "$state/unproven" ] || read -r before <"$state/unproven"
  # Without a way back nothing was changed yet.
  [ "$before" != - ] || [ -z "$installed" ] || [ "$(pointed current)" != "$installed" ] ||
    [ "$installation" = "$installed" ] || { report kept "$why" && exit "$failed"; }
  [ "$before" != - ] && [ -d "$state/bundles/$before/root" ] || fail_run
  say "going back to $before: $why"
  rm -f "$work/reason"
  digest=${installation%-*}
  printf '%s\n' "$digest" >"$work/digest"
  attempt write_state given-up <"$work/digest"
  rm -f "$work/reason"
  installed=$(pointed current)
  go_back "$before"
  [ "$code" -eq 0 ] || { why="$why; and going back failed: $(reason)" && report failed "$why" && exit "$failed"; }
  report went-back "$why"
  exit "$went_back"
}

# renew_secrets PLAN: when they cannot be read anew, those that are in memory will do; if one is not
# there, that is in $code.
renew_secrets() {
  attempt bring_secrets "$1"
  [ "$code" -ne 0 ] || return 0
  # Some of them may be there, or half of one.
  rm -rf "$run/secrets.new"
  ! has_secrets "$1" || { rm -f "$work/reason" && code=0; }
}

# go_back INSTALLATION: how that ended is in $code.
go_back() {
  renew_secrets "$state/bundles/$1/plan"
  attempt activate "$1"
  [ "$code" -eq 0 ] || return 0
  # OpenRC starts the services after this; until it has, they would wait for it.
  [ "$command" != prepare ] || return 0
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
  prove
  report "$outcome" "$why"
  [ "$outcome" = ready ] || exit "$kept_code"
}
