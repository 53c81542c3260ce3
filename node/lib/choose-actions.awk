# Reads the paths that have changed, then a plan; prints `restart NAME` or `reload NAME` for each
# service that watches one of them, or whose own script or settings are among them.

FNR == NR && FILENAME != plan { changed[$0] = 1; next }
$1 == "service" {
  action[$2] = $4
  if (("/etc/init.d/" $2 in changed) || ("/etc/conf.d/" $2 in changed)) chosen[$2] = "restart"
}
$1 == "watch" {
  name = $2
  path = $0
  sub(/^[^ ]+ [^ ]+ /, "", path)
  if (path in changed && !(name in chosen)) chosen[name] = action[name]
}
END { for (name in chosen) if (action[name] != "none") print chosen[name], name }
