# shellcheck shell=busybox
# Placeholders: what this machine is, written into files.

# find_facts ROOT PLAN: the values of all placeholders that these files use, in $work/facts.
find_facts() {
  local name path
  step 'reading what the placeholders need'
  plan_lines render "$2"
  while read -r path; do
    [ -f "$1$path" ] || refuse "$path of $digest is to be rendered, and is no file in it"
    with_mark "$1$path" | awk -v list=1 -f "$lib/lib/render.awk" 2>"$work/found" ||
      refuse "$path of $digest: $(cat "$work/found")"
  done <"$work/plan-render" | sort -u | into "$work/names"
  collect_facts "$2"
}

with_mark() { cat "$1" && printf .; }

# The values of the names in $work/names, by the plan that names the secrets.
collect_facts() {
  local name
  : >"$work/facts"
  while read -r name; do
    find_fact "$name" "$1"
    check_fact "$name" "$value"
    printf '%s=%s\n' "$name" "$value" >>"$work/facts"
  done <"$work/names"
}

find_fact() {
  local path code=0
  case $1 in
    instance_id) path=instance-id ;;
    instance_type) path=instance-type ;;
    availability_zone) path=placement/availability-zone ;;
    region) path=placement/region ;;
    private_ip) path=local-ipv4 ;;
    hostname) path=local-hostname ;;
    launch_template_version) path=tags/instance/aws:ec2launchtemplate:version ;;
    tag.*) path=tags/instance/${1#tag.} ;;
    pool) value=$pool && return ;;
    cluster) value=$cluster && return ;;
    bundle) value=$digest && return ;;
    serial) value=$serial && return ;;
    secret.*)
      value=$run/secrets/${1#secret.}
      grep -q "^secret .* $value\$" "$2" && return
      refuse "{{drover.$1}} of $digest: its plan has no such secret"
      ;;
    *) refuse "{{drover.$1}} of $digest is not known to this machine" ;;
  esac
  read_metadata "meta-data/$path" || code=$?
  case $code in
    0) ;;
    "$absent") refuse "{{drover.$1}} has no value: instance metadata has no $path" ;;
    *) refuse "{{drover.$1}}: instance metadata of $path: $trouble" ;;
  esac
}

# What is put into the files of others must not be able to end a string there or begin a template:
# who may tag an instance may not thereby write its configuration.
check_fact() {
  local plain
  plain=$(printf '%s' "$2" | tr -d '\200-\377')
  case $plain in
    *[!A-Za-z0-9\ +=.,_:@/-]*)
      refuse "{{drover.$1}}: its value has something else than letters, digits, spaces and + - = . , _ : @ /"
      ;;
  esac
  [ -n "$2" ] || refuse "{{drover.$1}} has an empty value"
}

# render_files ROOT PLAN: writes the values of $work/facts into them.
render_files() {
  local path
  step 'writing values into files'
  plan_lines render "$2"
  while read -r path; do
    with_mark "$1$path" | awk -v "facts=$work/facts" -f "$lib/lib/render.awk" 2>"$work/found" |
      into "$work/rendered" || refuse_first "$path of $digest: $(cat "$work/found")"
    into "$1$path" <"$work/rendered"
  done <"$work/plan-render"
}
