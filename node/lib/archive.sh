# shellcheck shell=busybox
# The tar of a bundle: proven first, unpacked then.

# Fetches the archive of $digest, and leaves its proven tar in $state/incoming/tar.
fetch_archive() {
  local key=bundles/$pool/$digest.tar.gz incoming=$state/incoming
  step "fetching $key"
  # What is fetched, which may be as big as the tar, the tar, and what is in it.
  check_space "$((bytes * 3 / 1024 + 4096))" "$digest"
  # What gzip adds to bytes that it cannot pack.
  s3_get "$key" "$((bytes + bytes / 1000 + 1024))" "$incoming/archive" 600 || refuse "$key: $trouble"
  step "verifying $key"
  unpack_gzip "$incoming/archive" "$incoming/tar"
}

# unpack_gzip ARCHIVE TAR: never writes more than the signed size, however much the archive would become.
unpack_gzip() {
  local code=0 size found
  (
    # In blocks of 512 bytes, of which a tar is made.
    ulimit -f "$(((bytes + 511) / 512))"
    exec gzip -dc "$1" >"$2" 2>"$work/found"
  ) || code=$?
  # 128 and SIGXFSZ: the limit has ended it.
  [ "$code" -ne 153 ] || refuse "$digest.tar.gz holds more than the $bytes bytes of its manifest"
  case $code:$(cat "$work/found") in
    0:*) ;;
    *'No space'*) refuse "the tar of $digest could not be written: the disk is full" ;;
    *) refuse "$digest.tar.gz is damaged: gzip cannot read it" ;;
  esac
  size=$(stat -c %s "$2")
  [ "$size" = "$bytes" ] || refuse "$digest.tar.gz holds $size bytes, and not the $bytes of its manifest"
  found=$(openssl dgst -sha256 -r "$2")
  [ "${found%% *}" = "$digest" ] || refuse "$digest.tar.gz holds something else: its digest is ${found%% *}"
}

# check_space KIBIBYTES WHAT
check_space() {
  local free
  free=$(df -Pk "$state" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$1" ] ||
    refuse "$2 needs $1 KiB in $state, where $free are free: make room, or give the machine a bigger disk"
}

# Unpacks $state/incoming/tar into a folder, after looking at every entry.
unpack_tar() {
  local tar=$state/incoming/tar code=0 strange
  step "unpacking $digest"
  strange=$(tar -tvf "$tar" 2>"$work/found" | awk -v "expected=$entries" -f "$lib/lib/check-entries.awk") || code=$?
  # It tells of names that it would make harmless.
  [ ! -s "$work/found" ] || refuse "the tar of $digest is not plain: $(head -n 1 "$work/found")"
  [ "$code" -eq 0 ] || refuse "the tar of $digest has ${strange:-something that cannot be read}"
  tar -xf "$tar" -C "$1" --no-same-owner 2>"$work/found" ||
    refuse "the tar of $digest could not be unpacked: $(tail -n 1 "$work/found")"
  rm -rf "$state/incoming/archive" "$tar"
  # What was looked at was only a listing.
  strange=$(find "$1" ! -type f ! -type d ! -type l -o -type f -links +1)
  [ -z "$strange" ] || refuse "the tar of $digest has a strange entry: ${strange%%
*}"
}
