# Puts values in the place of {{drover.name}}: once, from left to right, and nothing is evaluated.
#
# Standard input is the text with a mark behind its end, by which a missing newline is known.
# `facts` is a file of name=value lines. With `list=1` it prints the names that a text uses instead.
# Ends with 1 and what is wrong on standard error.

function fail(what) { print what >"/dev/stderr"; failed = 1; exit 1 }

function replace(line,    out, at, name, end) {
  out = ""
  while (at = index(line, "{{")) {
    out = out substr(line, 1, at - 1)
    line = substr(line, at)
    if (match(line, /^\{\{!+drover\./)) {
      out = out "{{"
      line = substr(line, 4)
      # Behind the braces nothing can begin before the name.
      match(line, /^!*drover\./)
      out = out substr(line, 1, RLENGTH)
      line = substr(line, RLENGTH + 1)
    } else if (match(line, /^\{\{drover\.[A-Za-z0-9+=.,_:@-]+\}\}/)) {
      name = substr(line, 10, RLENGTH - 11)
      line = substr(line, RLENGTH + 1)
      if (list) print name
      else if (name in value) out = out value[name]
      else fail("{{drover." name "}} has no value on this machine")
    } else if (match(line, /^\{\{drover\./)) fail("line " NR ": a placeholder that is none: " substr(line, 1, 40))
    else {
      # One brace only: the next may begin a placeholder, as in {{{drover.pool}}.
      out = out "{"
      line = substr(line, 2)
    }
  }
  return out line
}

BEGIN {
  while (!list && (getline fact < facts) > 0) {
    at = index(fact, "=")
    value[substr(fact, 1, at - 1)] = substr(fact, at + 1)
  }
}

{
  if (NR > 1) pending = pending "\n"
  if (!list) printf "%s", pending
  pending = $0
  if (index($0, "{{drover.") || index($0, "{{!")) pending = replace($0)
}

# The last line ends with the mark.
END {
  if (failed) exit 1
  if (!list) printf "%s", substr(pending, 1, length(pending) - 1)
}
