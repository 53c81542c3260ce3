# shellcheck shell=busybox
# What the machine says of itself: on the console, and in one object of the bucket that only this
# machine may write.

# report STATE REASON: ready, kept (an older bundle goes on), went-back or failed.
report() {
  local file=$work/report name
  now
  say "$1: bundle $(reported_digest), serial $(reported_serial)${2:+: $2}"
  rm -f "$work/reserve"
  begin_report "$1" "$2" >"$file" || { say "the report could not be written: is $run full?" && return; }
  if [ -r "$state/current/plan" ]; then
    service_names "$state/current/plan" >"$work/services"
    while read -r name; do
      if is_healthy "$name"; then ailment=healthy; fi
      printf 'service %s %s\n' "$name" "$(printf '%s' "$ailment" | in_one_line)" >>"$file"
    done <"$work/services"
  fi
  cp "$file" "$run/report" || say "$run/report could not be written"
  send_report "$file"
}

begin_report() {
  cat <<END
drover-report 1
pool $pool
time $(aws_date +%Y-%m-%dT%H:%M:%SZ)
state $1
bundle $(reported_digest)
serial $(reported_serial)
seconds $((seconds - began))
step $(cat "$work/step" 2>/dev/null | in_one_line)
reason $(printf '%s' "$2" | in_one_line)
END
}

# What a line may hold: a health check may print colours, and a full disk leaves nothing of a step.
in_one_line() {
  tr '\001-\037\177' ' ' | tr '\134' / | sed 's/^ *//; s/ *$//' | grep . || echo -
}

reported_digest() {
  local name
  name=$(pointed current)
  [ -n "$name" ] && echo "${name%-*}" || echo -
}

reported_serial() { sed -n 's/^serial //p' "$state/channel" 2>/dev/null | grep . || echo -; }

# A report that cannot be sent is still on the console.
send_report() {
  attempt put_report "$1"
  [ "$code" -eq 0 ] || say "the report could not be sent"
}

put_report() {
  allow_seconds "$((boot_seconds < 30 ? boot_seconds : 30))"
  read_metadata meta-data/instance-id
  s3_put "reports/$pool/$role_id:$value" "$1"
}
