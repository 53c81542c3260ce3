#!/bin/sh
# Installs the Python tools of the tests (test/requirements.txt) into
# .cache/python, once; several tests may ask for it at the same time.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p .cache
exec 9>.cache/python.lock
flock 9
wanted=$(sha256sum test/requirements.txt | cut -d' ' -f1)
if [ "$(cat .cache/python/installed 2>/dev/null || true)" != "$wanted" ]; then
  rm -rf .cache/python
  python3 -m venv .cache/python
  .cache/python/bin/pip install --quiet --disable-pip-version-check -r test/requirements.txt
  printf '%s\n' "$wanted" >.cache/python/installed
fi
