# shellcheck shell=busybox
# Trying again, for as long as there is hope and time.

# What an attempt ends with; what it met is in $trouble.
readonly transient=10 denied=11 absent=12 hopeless=13

# Permissions that were just granted take seconds to arrive everywhere.
readonly denied_seconds=60

# Seconds since the machine started: they do not jump when the clock is set.
now() {
  local up rest
  read -r up rest </proc/uptime
  : "$rest"
  seconds=${up%%.*}
}

# Gives what follows so many seconds altogether.
allow_seconds() {
  now
  began=$seconds
  deadline=$((seconds + $1))
}

# Sleeps between half and all of so many milliseconds: machines that started together ask apart.
pause() {
  local random
  random=$(od -An -N2 -tu2 /dev/urandom)
  local milliseconds=$(($1 / 2 + random % ($1 / 2 + 1)))
  sleep "$(printf '%d.%03d' $((milliseconds / 1000)) $((milliseconds % 1000)))"
}

# persist WHAT COMMAND…: until it succeeds, cannot succeed, or the time is over.
# Returns 0, $absent or $hopeless; the rest ends here.
persist() {
  local what=$1 wait=200 code
  shift
  while :; do
    code=0
    "$@" || code=$?
    now
    case $code in
      0 | "$absent" | "$hopeless") return "$code" ;;
      "$denied")
        [ "$((seconds - began))" -lt "$denied_seconds" ] && [ "$seconds" -lt "$deadline" ] ||
          refuse "$what: $trouble"
        ;;
    esac
    [ "$seconds" -lt "$deadline" ] || give_up "$what: $trouble, for $((seconds - began)) s"
    say "$what: $trouble; trying again, for at most $((deadline - seconds)) s"
    pause "$wait"
    wait=$((wait * 2))
    [ "$wait" -le 20000 ] || wait=20000
  done
}

# request SECONDS BYTES FILE SETTINGS: one HTTP request with an answer of at most so many bytes into
# a file. Settings are curl's, which reads them from its standard input, where no other process sees
# them: an argument of a function is none of a process. The status is in $status.
request() {
  local code=0 file=$3
  # A connection that is slower than 1,000 bytes a second for so long has died.
  local patience=$(((deadline - began) / 4))
  [ "$patience" -ge 2 ] || patience=2
  [ "$patience" -le 30 ] || patience=30
  status=$(printf '%s\n' silent 'stderr = "/dev/null"' 'connect-timeout = 5' \
    "speed-time = $patience" 'speed-limit = 1000' "max-time = $1" "max-filesize = $2" \
    "output = \"$file\"" "dump-header = \"$work/headers\"" 'write-out = "%{http_code}"' "$4" |
    curl --config -) || code=$?
  case $code in
    0) ;;
    1) trouble='leads to something that is not https' && return "$hopeless" ;;
    23) trouble="$file could not be written: is the disk full?" && return "$hopeless" ;;
    63) trouble="the answer has more than $2 bytes" && return "$hopeless" ;;
    *) trouble=$(explain_curl "$code") && return "$transient" ;;
  esac
  case $status in 2??) return 0 ;; esac
  trouble="answered $status$(error_code "$file")"
  case $status in
    401 | 403) return "$denied" ;;
    404) return "$absent" ;;
    408 | 429 | 5??) return "$transient" ;;
    *) return "$hopeless" ;;
  esac
}

explain_curl() {
  case $1 in
    6) echo 'its name was not found' ;;
    7) echo 'no connection' ;;
    18) echo 'the answer was cut in the middle' ;;
    28) echo 'too slow, or no answer' ;;
    35) echo 'TLS failed' ;;
    60) echo 'its certificate is not believed here: is the clock right?' ;;
    *) echo "curl ended with $1" ;;
  esac
}

# What AWS calls the error: in XML from S3, in JSON from the others.
error_code() {
  [ -f "$1" ] || return 0
  head -c 4096 "$1" | tr -d '\n\r\0' | sed -n -E \
    -e 's/.*<Code>([A-Za-z0-9.]+)<\/Code>.*/ \1/p' \
    -e 's/.*"__type" *: *"([A-Za-z0-9.]+#)?([A-Za-z0-9.]+)".*/ \2/p'
}
