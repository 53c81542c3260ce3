# shellcheck shell=busybox
# Signed requests. Credentials go to curl by its standard input, and are in no argument, file or log.

# read_clock: seconds by which AWS's clock is ahead of this machine's, in $clock_offset. What one part
# of a run has learned all others know.
read_clock() {
  clock_offset=0
  [ ! -r "$work/clock" ] || read -r clock_offset <"$work/clock"
}

# aws_date FORMAT: the time of AWS.
aws_date() {
  read_clock
  if [ "$clock_offset" -eq 0 ]; then
    date -u "$1"
  else
    date -u -d "@$(($(date +%s) + clock_offset))" "$1"
  fi
}

# A signature may be a quarter of an hour old: not each request needs its own time.
signed_at=-60 signed_on=

# sign_for SERVICE: the settings that sign a request to it, in $signed.
sign_for() {
  now
  [ "$((seconds - signed_at))" -lt 60 ] || { signed_on=$(aws_date +%Y%m%dT%H%M%SZ) && signed_at=$seconds; }
  signed="user = \"$access_key:$secret_key\"
aws-sigv4 = \"aws:amz:$region:$1\"
header = \"X-Amz-Date: $signed_on\"
header = \"X-Amz-Security-Token: $session_token\""
}

# A wrong clock makes every signature wrong: from now on requests carry the time of AWS's answers.
# Returns $transient when that may have been the trouble.
learn_time() {
  local date there offset
  case $trouble in
    *RequestTimeTooSkewed* | *SignatureException* | *RequestExpired*) ;;
    *) return "$1" ;;
  esac
  signed_at=-60
  date=$(tr -d '\r' <"$work/headers" | sed -n 's/^[Dd]ate: *[A-Z][a-z]*, *\(.*\) GMT$/\1/p' | tail -n 1)
  there=$(date -u -D '%d %b %Y %T' -d "$date" +%s 2>/dev/null) || return "$1"
  offset=$((there - $(date +%s)))
  read_clock
  [ "$((offset - clock_offset))" -gt 60 ] || [ "$((clock_offset - offset))" -gt 60 ] || return "$1"
  printf '%s\n' "$offset" >"$work/clock"
  trouble="$trouble: the clock is off by $offset s"
  return "$transient"
}

# try_s3 KEY SECONDS BYTES FILE [UPLOAD]
try_s3() {
  local code=0
  read_credentials
  sign_for s3
  encode_key "$1"
  # Not every curl adds the digest's header; the bytes are proven by signatures of their own.
  request "$2" "$3" "$4" "$signed
url = \"$s3_endpoint/$bucket/$encoded\"
header = \"X-Amz-Content-Sha256: UNSIGNED-PAYLOAD\"
${5:+upload-file = \"$5\"}" || code=$?
  [ "$code" -ne "$denied" ] || credentials_at=
  [ "$code" -eq 0 ] || learn_time "$code"
}

# encode_key KEY: in $encoded as it is in a signed URL.
encode_key() {
  encoded=$1
  case $1 in
    *[:+=@]*) encoded=$(printf '%s' "$1" | sed -e 's/:/%3A/g' -e 's/+/%2B/g' -e 's/=/%3D/g' -e 's/@/%40/g') ;;
  esac
}

# s3_get KEY BYTES FILE [SECONDS]
s3_get() { persist "$1 in $bucket" try_s3 "$1" "${4:-60}" "$2" "$3"; }

# s3_put KEY FILE
s3_put() { persist "$1 in $bucket" try_s3 "$1" 20 65536 "$work/answer" "$2"; }

# call_aws SERVICE ENDPOINT TARGET BODY: a JSON service; its answer is in $work/answer.
call_aws() {
  local code=0
  read_credentials
  sign_for "$1"
  request 20 262144 "$work/answer" "$signed
url = \"$2/\"
header = \"X-Amz-Target: $3\"
header = \"Content-Type: application/x-amz-json-1.1\"
data = \"$4\"" || code=$?
  # These services answer 400 to nearly everything.
  if [ "$code" -ne 0 ]; then
    case $trouble in
      *AccessDenied* | *UnrecognizedClient* | *ExpiredToken*) code=$denied && credentials_at='' ;;
      *Throttling* | *TooManyRequests* | *InternalS*) code=$transient ;;
    esac
    learn_time "$code"
  fi
}
