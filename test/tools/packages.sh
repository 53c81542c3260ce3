#!/bin/sh
# Installs the npm packages when package-lock.json has changed, and makes sure that
# Node 24 is among them: it comes from the package `node`, by an install script.
set -eu
cd "$(dirname "$0")/../.."

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

for command in node npm; do
  command -v "$command" >/dev/null ||
    fail "$command is not on the PATH: Drover installs its packages with Node 20 or later."
done
major=$(node -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 20 ] ||
  fail "Drover installs its packages with Node 20 or later; $(command -v node) is $(node --version)."

wanted=$(cksum <package-lock.json)
installed=node_modules/.drover-lock
if [ "$(cat "$installed" 2>/dev/null || true)" != "$wanted" ]; then
  echo "installing the npm packages" >&2
  npm ci --no-audit --no-fund --loglevel=error </dev/null >&2
  printf '%s\n' "$wanted" >"$installed"
fi

# Without its install script the package is an empty shell, and the system's Node would
# run instead, without a word.
version=$(node_modules/.bin/node --version 2>/dev/null || echo none)
case $version in
v24.*) ;;
*)
  fail "Node 24 is not in node_modules (found: $version)." \
    "It comes with the npm package 'node', whose install script has to run:" \
    "does npm's configuration hold 'ignore-scripts' (npm config get ignore-scripts)?" \
    "Then run: npm rebuild node --ignore-scripts=false"
  ;;
esac
