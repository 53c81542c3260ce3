# Prints the string under the dotted name `wanted` of a JSON object, as it is, without a newline.
# Ends with 1 when there is none, or when it has a NUL, which no file of text can hold.

function fail() { failed = 1; exit 1 }

# Reads the string that begins after the quote at `at`; leaves `at` behind its end.
function read_string(    out, start, c, code, low) {
  out = ""
  for (;;) {
    start = at
    while ((c = substr(text, at, 1)) != "\"" && c != "\\" && c != "") at++
    out = out substr(text, start, at - start)
    if (c == "") fail()
    at++
    if (c == "\"") return out
    c = substr(text, at++, 1)
    if (c == "n") out = out "\n"
    else if (c == "t") out = out "\t"
    else if (c == "r") out = out "\r"
    else if (c == "b") out = out "\b"
    else if (c == "f") out = out "\f"
    else if (c != "u") out = out c
    else {
      code = read_hex()
      if (code >= 55296 && code < 56320 && substr(text, at, 2) == "\\u") {
        at += 2
        low = read_hex()
        code = 65536 + (code - 55296) * 1024 + low - 56320
      }
      out = out encode(code)
    }
  }
}

function read_hex(    i, value) {
  value = 0
  for (i = 0; i < 4; i++) value = value * 16 + index("0123456789abcdef", tolower(substr(text, at + i, 1))) - 1
  at += 4
  return value
}

# UTF-8, byte by byte.
function encode(code) {
  if (code == 0) fail()
  if (code < 128) return sprintf("%c", code)
  if (code < 2048) return sprintf("%c%c", 192 + int(code / 64), 128 + code % 64)
  if (code < 65536) return sprintf("%c%c%c", 224 + int(code / 4096), 128 + int(code / 64) % 64, 128 + code % 64)
  return sprintf("%c%c%c%c", 240 + int(code / 262144), 128 + int(code / 4096) % 64, 128 + int(code / 64) % 64, 128 + code % 64)
}

{ text = text $0 "\n" }

END {
  if (failed) exit 1
  at = 1
  while ((c = substr(text, at++, 1)) != "") {
    if (c == "{" || c == "[") path[++depth] = (c == "[") ? "[]" : ""
    else if (c == "}" || c == "]") depth--
    else if (c == "\"") {
      string = read_string()
      if (substr(text, at) ~ /^[ \n\r\t]*:/) path[depth] = string
      else {
        name = path[1]
        for (i = 2; i <= depth; i++) name = name "." path[i]
        if (name == wanted) { printf "%s", string; exit 0 }
      }
    }
  }
  exit 1
}
