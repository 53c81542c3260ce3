# shellcheck shell=busybox
# The instance metadata service, version 2 alone.

imds_token=

renew_imds_token() {
  request 5 1024 "$work/token" "url = \"$imds_endpoint/latest/api/token\"
request = PUT
header = \"X-aws-ec2-metadata-token-ttl-seconds: 21600\"" || return
  imds_token=$(cat "$work/token")
  case $imds_token in
    '' | *[!A-Za-z0-9=_+/-]*) trouble='answered no token' && return "$transient" ;;
  esac
}

try_metadata() {
  local code=0
  [ -n "$imds_token" ] || renew_imds_token || return "$transient"
  request 5 65536 "$work/metadata" "url = \"$imds_endpoint/latest/$1\"
header = \"X-aws-ec2-metadata-token: $imds_token\"" || code=$?
  # A token that is not known any more, after a live migration: a new one, not a refusal.
  [ "$code" -ne "$denied" ] || { imds_token='' && code=$transient; }
  return "$code"
}

# read_metadata PATH: its value in $value; returns $absent when there is none.
read_metadata() {
  persist "instance metadata $1" try_metadata "$1" || return
  value=$(cat "$work/metadata")
}

try_credentials() {
  local role
  try_metadata meta-data/iam/security-credentials/ || return "$transient"
  role=$(head -n 1 "$work/metadata")
  case $role in
    '' | *[!A-Za-z0-9_+=,.@-]*) trouble='names no role: has the machine an instance profile?' ;;
    *)
      try_metadata "meta-data/iam/security-credentials/$role" || return "$transient"
      access_key=$(json_string AccessKeyId <"$work/metadata") &&
        secret_key=$(json_string SecretAccessKey <"$work/metadata") &&
        session_token=$(json_string Token <"$work/metadata") || :
      rm -f "$work/metadata"
      case $access_key:$secret_key:$session_token in
        :* | *::* | *: | *[!A-Za-z0-9/+=:_-]*) trouble='has no credentials yet' ;;
        *) now && credentials_at=$seconds && return 0 ;;
      esac
      ;;
  esac
  return "$transient"
}

# The role's credentials, read anew every five minutes: the service renews them well before they end.
read_credentials() {
  now
  [ -z "${credentials_at:-}" ] || [ $((seconds - credentials_at)) -ge 300 ] || return 0
  access_key='' secret_key='' session_token=''
  persist 'role credentials' try_credentials
}

# The string of that name in JSON on standard input; `outer.inner` for one in an object.
json_string() { awk -v "wanted=$1" -f "$lib/lib/json.awk"; }
