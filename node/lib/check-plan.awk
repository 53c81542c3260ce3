# Ends with 1 and a line about the first line of a plan that this machine does not know.

function wrong(what) { print "is not followed: line " NR " " what; failed = 1; exit 1 }
function is_path(path) { return path ~ /^\/[^\/]/ && (path "/") !~ /\/\.{0,2}\// }
function rest(from,    i, text) {
  text = $0
  for (i = 1; i < from; i++) sub(/^[^ ]+ /, "", text)
  return text
}

BEGIN {
  owner = "^[a-z_][a-z0-9_-]*:[a-z_][a-z0-9_-]*$"
  mode = "^0[0-7][0-7][0-7]$"
  digest = "^[0-9a-f]+$"
}

NR == 1 { if ($0 != "drover-plan 1") wrong("has another format: " $0); next }
NR == 2 { if ($0 != "pool " pool) wrong("is of another pool: " $0); next }
/[\001-\037\177\\]/ { wrong("has a control character or a backslash") }

$1 == "arch" { if ($2 == arch) fits = 1; next }
$1 == "own" { if ($2 !~ owner || $3 !~ mode || !is_path(rest(4))) wrong("gives no owner: " $0); next }
$1 == "render" { if (!is_path(rest(2))) wrong("has no path: " $0); next }
$1 == "binary" {
  if ($3 !~ digest || length($3) != 64 || $4 !~ /^([0-9]+|-)$/ || $6 !~ mode || NF != 7 || !is_path($7)) wrong("names no binary: " $0)
  if ($5 != "binaries/" $3 && $5 !~ /^https:\/\/[A-Za-z0-9._~:\/?#@!$&()*+,;=%-]+$/) wrong("has a source that is neither in the bucket nor https: " $0)
  next
}
$1 == "binary-check" { if (!is_path($2)) wrong("has no path: " $0); next }
$1 == "secret" {
  if ($2 != "secretsmanager" && $2 != "ssm") wrong("names no service of secrets: " $0)
  if ($3 !~ /^[A-Za-z0-9\/_+=.@:-]+$/ || $4 !~ owner || $5 !~ mode || NF != 6) wrong("names no secret: " $0)
  if ($6 !~ /^\/run\/drover\/secrets\/[A-Za-z0-9._-]+$/ || !is_path($6)) wrong("puts a secret outside of /run/drover/secrets/: " $0)
  next
}
$1 == "service" {
  if (NF != 4 || $2 !~ /^[A-Za-z0-9._-]+$/ || $3 !~ /^[a-z]+$/ || $4 !~ /^(restart|reload|none)$/) wrong("names no service: " $0)
  next
}
$1 == "watch" { if (!is_path(rest(3))) wrong("has no path: " $0); next }
$1 == "hook" {
  if ($2 !~ /^(before|after)-(switch|start)$/ || NF != 3 || $3 !~ /^hooks\/[A-Za-z0-9._-]+$/) wrong("names no hook: " $0)
  next
}
{ wrong("begins with a word that is not known: " $1) }

END {
  if (failed) exit 1
  if (!fits) { print "is for other architectures than " arch; exit 1 }
}
