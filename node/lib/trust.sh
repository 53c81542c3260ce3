# shellcheck shell=busybox
# Who may say what this machine runs: signatures, the pool's name, serials.

# Each public key of this machine in a file of its own, since openssl reads only the first of a file;
# their names are in $keys.
part_keys() {
  keys=$(awk -v "name=$work/key" '
    /^-----BEGIN PUBLIC KEY-----/ { file = name "." ++count; print file }
    file != "" { print >file }
    /^-----END PUBLIC KEY-----/ { close(file); file = "" }' "$etc/key.pem")
  [ -n "$keys" ] || refuse "$etc/key.pem holds no public key: the user data of this machine writes it"
}

# is_signed FILE SIGNATURE: with any of the keys. There is more than one while a key is replaced.
is_signed() {
  local key
  [ -n "${keys:-}" ] || part_keys
  # Names without spaces.
  # shellcheck disable=SC2086
  for key in $keys; do
    ! openssl dgst -sha256 -verify "$key" -signature "$2" "$1" >/dev/null 2>&1 || return 0
  done
  return 1
}

# Fetches the pool's channel and believes nothing in it before its signature is proven.
# Sets $serial, $current, $candidate and $previous_digest.
read_channel() {
  local code=0
  step 'reading the channel'
  s3_get "channels/$pool" 262144 "$work/channel.new" || code=$?
  case $code in
    0) ;;
    "$absent") refuse "pool $pool has no channel: publish a bundle first, or correct DROVER_POOL" ;;
    *) refuse "channels/$pool: $trouble" ;;
  esac
  check_channel "$work/channel.new"
}

check_channel() {
  local last
  split_channel "$1" || refuse "channels/$pool does not end with a signature: it was damaged or cut"
  is_signed "$work/channel.text" "$work/channel.sig" ||
    refuse "channels/$pool has a wrong signature: it was changed, or signed with another key"
  parse_channel "$work/channel.text"
  [ "$serial" -ge "$serial_floor" ] ||
    refuse "channels/$pool has serial $serial, and this machine was told to take none below $serial_floor"
  if [ -r "$state/channel" ]; then
    last=$(sed -n 's/^serial //p' "$state/channel")
    is_number "$last" || refuse "$state/channel is damaged: remove it to start from the floor again"
    [ "$serial" -ge "$last" ] ||
      refuse "channels/$pool has serial $serial, and this machine has seen $last: somebody put an old one back"
    [ "$serial" -ne "$last" ] || cmp -s "$work/channel.text" "$state/channel" ||
      refuse "channels/$pool has serial $serial as before, with something else in it"
  fi
}

# The text before the last line, and the signature in it. The last line has to be exactly what the
# bytes of the signature are written as, so that no bit of the file may differ.
split_channel() {
  local size last
  [ "$(tail -c 1 "$1" | od -An -tx1)" = ' 0a' ] || return
  last=$(tail -n 1 "$1" | tr -d '\0')
  case $last in
    'signature '*[!A-Za-z0-9+/=]* | 'signature ') return 1 ;;
    'signature '*) ;;
    *) return 1 ;;
  esac
  size=$(wc -c <"$1")
  head -c "$((size - ${#last} - 1))" "$1" >"$work/channel.text"
  last=${last#signature }
  printf '%s' "$last" | base64 -d >"$work/channel.sig" 2>/dev/null || return
  [ "$(base64 -w 0 <"$work/channel.sig")" = "$last" ]
}

parse_channel() {
  local name=channels/$pool line=0 word rest
  serial='' current='' candidate='' previous_digest=''
  while read -r word rest; do
    line=$((line + 1))
    case $line:$word in
      1:drover-channel) [ "$rest" = 1 ] || refuse "$name has format $rest; this machine knows 1" ;;
      2:pool) [ "$rest" = "$pool" ] || refuse "$name is for pool $rest, and this machine is of pool $pool" ;;
      3:serial) is_number "$rest" && serial=$rest ;;
      4:issued) ;;
      5:current) current=$rest ;;
      6:candidate) candidate=$rest ;;
      7:previous) previous_digest=$rest ;;
      *:history) [ "$line" -gt 7 ] || refuse "$name: line $line is out of place" ;;
      *) refuse "$name: line $line begins with '$word', which this machine does not know" ;;
    esac || refuse "$name: line $line has no whole number"
  done <"$1"
  [ "$line" -ge 7 ] || refuse "$name has only $line lines"
  for word in "$current" "$candidate" "$previous_digest"; do
    [ "$word" = - ] || is_digest "$word" || refuse "$name names '$word', which is no digest"
  done
}

# Which bundle of the channel is for this machine: in $digest.
choose_bundle() {
  local code
  step 'choosing the bundle'
  while :; do
    code=0
    read_metadata 'meta-data/tags/instance/drover:bundle' || code=$?
    case $code in
      0) break ;;
      "$absent") value='' ;;
      *) refuse "instance metadata of the tag drover:bundle: $trouble" ;;
    esac
    [ "$assignment" = wait ] || break
    now
    [ "$seconds" -lt "$deadline" ] ||
      give_up "the tag drover:bundle did not come within $((seconds - began)) s"
    pause 2000
  done
  digest=$current
  if [ -n "$value" ]; then
    is_digest "$value" || refuse "the tag drover:bundle is '$value', which is no digest"
    case $value in
      "$current" | "$candidate") digest=$value ;;
      *)
        # On a machine that has lived on, the tag is of its launch.
        [ -n "$installed" ] ||
          refuse "the tag drover:bundle names $value, which is neither current nor candidate of pool $pool"
        ;;
    esac
  fi
  [ "$digest" != - ] || refuse "pool $pool has no current bundle yet: promote one first"
}

# Fetches the manifest of $digest. Sets $bytes and $entries.
read_manifest() {
  local base=bundles/$pool/$digest
  step "reading the manifest of $digest"
  s3_get "$base.manifest" 4096 "$work/manifest" || refuse "$base.manifest: $trouble"
  s3_get "$base.manifest.sig" 512 "$work/manifest.sig" || refuse "$base.manifest.sig: $trouble"
  check_manifest
}

check_manifest() {
  is_signed "$work/manifest" "$work/manifest.sig" ||
    refuse "$digest.manifest has a wrong signature: it was changed, or signed with another key"
  local of_pool='' of_digest='' word rest
  bytes='' entries=''
  while read -r word rest; do
    case $word in
      pool) of_pool=$rest ;;
      sha256) of_digest=$rest ;;
      bytes) bytes=$rest ;;
      entries) entries=$rest ;;
    esac
  done <"$work/manifest"
  [ "$of_pool" = "$pool" ] ||
    refuse "bundle $digest is of pool $of_pool, and this machine is of pool $pool"
  [ "$of_digest" = "$digest" ] || refuse "$digest.manifest speaks of $of_digest"
  is_number "$bytes" && is_number "$entries" &&
    [ "$(cat "$work/manifest")" = "drover-manifest 1
pool $pool
sha256 $digest
bytes $bytes
entries $entries" ] || refuse "$digest.manifest is not of the format that this machine knows"
}
