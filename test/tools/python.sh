#!/bin/sh
# Installs Python tools of the tests into .cache/<name>, once for each version of
# their requirements; several tests may ask for it at the same time.
#
# python.sh [name requirements]: by default `python test/requirements.txt`
set -eu
cd "$(dirname "$0")/../.."
name=${1:-python}
requirements=${2:-test/requirements.txt}
mkdir -p .cache
exec 9>".cache/$name.lock"
flock 9
wanted=$(sha256sum "$requirements" | cut -d' ' -f1)
if [ "$(cat ".cache/$name/installed" 2>/dev/null || true)" != "$wanted" ]; then
  rm -rf ".cache/$name"
  python3 -m venv ".cache/$name"
  ".cache/$name/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
  printf '%s\n' "$wanted" >".cache/$name/installed"
fi
