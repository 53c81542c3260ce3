# shellcheck shell=busybox
# What a bundle wants from the machine.

# check_plan FILE: refuses what this machine does not know, before any of it is followed.
check_plan() {
  local arch
  case $(uname -m) in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    *) refuse "this machine is a $(uname -m), for which there are no bundles" ;;
  esac
  awk -v "pool=$pool" -v "arch=$arch" -f "$lib/lib/check-plan.awk" <"$1" >"$work/found" ||
    refuse "the plan of $digest $(cat "$work/found")"
  machine_arch=$arch
}

# plan_lines WORD FILE: what follows the word on its lines. In a file, so that who reads it line by
# line can end the run.
plan_lines() { sed -n "s/^$1 //p" "$2" >"$work/plan-$1"; }
