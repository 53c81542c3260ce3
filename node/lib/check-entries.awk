# Reads the listing of a tar (`tar -tv`) and ends with 1 and a line about the first entry that no
# bundle has: anything but folders, files and relative links that stay inside files/.

function wrong(what) { print what; failed = 1; exit 1 }

# Where a link leads to, as a path from the top; "" when it leaves that.
function resolve(from, target,    parts, count, i, depth, stack, path) {
  count = split(from, parts, "/")
  depth = 0
  for (i = 1; i < count; i++) stack[++depth] = parts[i]
  count = split(target, parts, "/")
  for (i = 1; i <= count; i++) {
    if (parts[i] == "" || parts[i] == ".") continue
    if (parts[i] != "..") stack[++depth] = parts[i]
    else if (--depth < 0) return ""
  }
  path = ""
  for (i = 1; i <= depth; i++) path = path stack[i] "/"
  return path
}

{
  type = substr($0, 1, 1)
  mode = $1
  name = $0
  # Mode, owner, size, date and time come before it.
  if (!sub(/^[^ ]+ +[^ ]+ +[0-9]+ +[0-9-]+ +[0-9:]+ /, "", name)) wrong("an entry that cannot be read: " $0)
  if (name ~ /[\001-\037\177\\]/) wrong("a name with a control character: " name)

  target = ""
  arrow = index(name, " -> ")
  if (type == "l") {
    if (!arrow) wrong("a link that cannot be read: " name)
    target = substr(name, arrow + 4)
    name = substr(name, 1, arrow - 1)
    if (target == "" || target ~ / -> /) wrong("a link that cannot be read: " name)
  } else if (arrow) wrong("a hard link, or an arrow in a name: " name)
  else if (type == "d") sub(/\/$/, "", name)
  else if (type != "-") wrong("an entry that is no folder, file or link: " name)
  if (mode ~ /[sStT]/) wrong("a set-uid, set-gid or sticky bit: " name)

  if (name ~ /^\//) wrong("an absolute path: " name)
  if (("/" name "/") ~ /\/\.{0,2}\//) wrong("a path that is not straight: " name)
  if (name in seen) wrong("an entry twice: " name)
  seen[name] = type

  if (name == "plan" && type == "-") plan = 1
  else if (name == "files" || name == "hooks") { if (type != "d") wrong("no folder: " name) }
  else if (name ~ /^hooks\/[^\/]+$/ && type == "-") ;
  else if (name !~ /^files\//) wrong("an entry that no bundle has: " name)

  above = name
  while (sub(/\/[^\/]*$/, "", above))
    if ((above in seen) && seen[above] != "d") wrong("an entry below one that is no folder: " name)

  if (type == "l") {
    if (target ~ /^\//) wrong("a link to an absolute path: " name " -> " target)
    if (resolve(name, target) !~ /^files\/./) wrong("a link that leads out of the bundle: " name " -> " target)
  }
}

END {
  if (failed) exit 1
  if (!plan) { print "no plan"; exit 1 }
  if (NR != expected) { print NR " readable entries, and " expected " by its manifest"; exit 1 }
}
