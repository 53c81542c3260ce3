# shellcheck shell=busybox
# Secrets: from AWS into a file system that is only memory. Never an argument, never a log.

# fetch_secrets PLAN: into $run/secrets.new, where services do not look yet.
fetch_secrets() {
  local service id owner mode path code
  prove_memory
  rm -rf "$run/secrets.new"
  mkdir -m 0700 "$run/secrets.new"
  plan_lines secret "$1"
  while read -r service id owner mode path; do
    step "reading secret $id"
    persist "secret $id" try_secret "$service" "$id" || refuse "secret $id: $trouble"
    code=0
    store_secret "$service" "$run/secrets.new/${path##*/}" || code=$?
    case $code in
      0) ;;
      "$unwritten") refuse "secret $id could not be written: is $run full?" ;;
      *) refuse "secret $id has no text that a file can hold" ;;
    esac
    : "$owner" "$mode"
  done <"$work/plan-secret"
}

try_secret() {
  case $1 in
    secretsmanager)
      call_aws secretsmanager "$secrets_endpoint" secretsmanager.GetSecretValue "{\\\"SecretId\\\":\\\"$2\\\"}"
      ;;
    ssm)
      call_aws ssm "$ssm_endpoint" AmazonSSM.GetParameter "{\\\"Name\\\":\\\"$2\\\",\\\"WithDecryption\\\":true}"
      ;;
  esac
}

# What store_secret ends with when the memory is full.
readonly unwritten=28

store_secret() {
  local code=0
  (
    umask 077
    case $1 in
      ssm) json_string Parameter.Value <"$work/answer" ;;
      *)
        # What is no text comes as base64.
        json_string SecretString <"$work/answer" ||
          json_string SecretBinary <"$work/answer" | base64 -d
        ;;
    esac | { cat >"$2" || exit "$unwritten"; }
  ) || code=$?
  rm -f "$work/answer"
  [ "$code" -ne 0 ] || [ -s "$2" ] || code=1
  return "$code"
}

prove_memory() {
  case $(stat -f -c %T "$run") in
    tmpfs | ramfs) ;;
    *) refuse "$run is on a disk, and secrets belong into memory: mount a tmpfs on /run" ;;
  esac
}

# has_secrets PLAN: whether all of them are in memory.
has_secrets() {
  sed -n 's/^secret .* //p' "$1" | while read -r path; do
    [ -s "$path" ] || exit 1
  done
}

# own_secrets PLAN: owners and modes. The users may be made by a hook of the bundle.
own_secrets() {
  local service id owner mode path
  plan_lines secret "$1"
  while read -r service id owner mode path; do
    { chown "$owner" "$run/secrets.new/${path##*/}" && chmod "$mode" "$run/secrets.new/${path##*/}"; } ||
      refuse "secret $id cannot belong to $owner: make the user in the image or in a hook"
    : "$service"
  done <"$work/plan-secret"
}

# place_secrets: lets services see them, each whole. Sets out in $work/changed which are new.
place_secrets() {
  local name
  mkdir -p "$run/secrets"
  chmod 0711 "$run/secrets"
  find "$run/secrets.new" -type f | into "$work/found"
  while read -r name; do
    cmp -s "$name" "$run/secrets/${name##*/}" || printf '%s\n' "$run/secrets/${name##*/}" >>"$work/changed"
    mv "$name" "$run/secrets/${name##*/}"
  done <"$work/found"
  rm -rf "$run/secrets.new"
}
