# shellcheck shell=busybox
# What a person sees, and how everything ends that cannot go on.

readonly refused=3 gave_up=4

# Where it is said beside standard error: the console, for commands that no person started.
console=

say() {
  printf 'drover: %s\n' "$*" >&2
  [ -z "$console" ] || printf 'drover: %s\n' "$*" 2>/dev/null >>"$console" || :
}

# What is being done: for the report of a run that ends here.
step() { printf '%s\n' "$*" >"$work/step"; }

# The reason outlives the subshell in which something failed.
end_with() {
  local code=$1
  shift
  say "$*"
  [ ! -d "${work:-}" ] || printf '%s\n' "$*" >"$work/reason"
  exit "$code"
}

# Ends: what was found is wrong, and will be the next time too.
refuse() { end_with "$refused" "refused: $*"; }

# Ends: it might have worked, but not within the time.
give_up() { end_with "$gave_up" "gave up: $*"; }
