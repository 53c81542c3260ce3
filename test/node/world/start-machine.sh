#!/bin/sh
# Becomes process 1 of a machine: an Alpine of its own over the shared root, on the host's loopback
# interface. What it writes to its disk is in $1/disk and outlives it; /run is memory. With an image
# of a file system in $1/image that is its disk, which the machine sees as /disk too, as it is.
#
#   unshare --mount --pid --fork --kill-child start-machine.sh FOLDER ROOT COMMAND…
set -eu
folder=$1 root=$2
shift 2
mkdir -p "$folder/disk" "$folder/root"
mount --make-rprivate /
# Without ext4's own help for those who rename without having synced.
[ ! -e "$folder/image" ] || mount -o loop,noauto_da_alloc "$folder/image" "$folder/disk"
mkdir -p "$folder/disk/files" "$folder/disk/work"
mount -t overlay overlay \
  -o "lowerdir=$root,upperdir=$folder/disk/files,workdir=$folder/disk/work" "$folder/root"
cd "$folder/root"
if [ -e "$folder/image" ]; then
  mkdir -p disk
  mount --bind "$folder/disk" disk
fi
mount -t proc proc proc
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for device in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
  # shellcheck disable=SC2086
  set_up() { mknod -m 666 "dev/$1" c "$2" "$3"; } && set_up $device
done
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/2 dev/stderr
# The console is a file, which the test reads.
: >dev/console
exec chroot . "$@"
