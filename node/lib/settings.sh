# shellcheck shell=busybox
# What the machine knows from its user data or its image, and never from the bucket.

# Reads NAME=value lines; nothing in them is evaluated.
read_settings() {
  local file=$etc/settings line name value
  [ -r "$file" ] || refuse "$file is missing: the user data of this machine writes it"
  [ -r "$etc/key.pem" ] || refuse "$etc/key.pem is missing: the user data of this machine writes it"
  pool='' cluster='' bucket='' region='' role_id='' serial_floor=0 assignment=current
  boot_seconds=900 health_seconds=60
  s3_endpoint='' secrets_endpoint='' ssm_endpoint='' imds_endpoint=http://169.254.169.254
  while IFS= read -r line || [ -n "$line" ]; do
    name=${line%%=*} value=${line#*=}
    case $name in
      '' | '#'*) ;;
      DROVER_POOL) pool=$value ;;
      DROVER_CLUSTER) cluster=$value ;;
      DROVER_BUCKET) bucket=$value ;;
      DROVER_REGION) region=$value ;;
      DROVER_ROLE_ID) role_id=$value ;;
      DROVER_SERIAL_FLOOR) serial_floor=$value ;;
      DROVER_ASSIGNMENT) assignment=$value ;;
      # Seconds for which transient errors are retried: a little less than the launch hook allows.
      DROVER_BOOT_SECONDS) boot_seconds=$value ;;
      # Seconds within which services have to become healthy.
      DROVER_HEALTH_SECONDS) health_seconds=$value ;;
      DROVER_S3_ENDPOINT) s3_endpoint=$value ;;
      DROVER_SECRETS_ENDPOINT) secrets_endpoint=$value ;;
      DROVER_SSM_ENDPOINT) ssm_endpoint=$value ;;
      DROVER_IMDS_ENDPOINT) imds_endpoint=$value ;;
      *) refuse "$file: there is no setting '$name'" ;;
    esac
  done <"$file"
  check_word DROVER_POOL "$pool"
  check_word DROVER_CLUSTER "$cluster"
  check_word DROVER_BUCKET "$bucket"
  check_word DROVER_REGION "$region"
  check_word DROVER_ROLE_ID "$role_id"
  check_number DROVER_SERIAL_FLOOR "$serial_floor"
  check_number DROVER_BOOT_SECONDS "$boot_seconds"
  check_number DROVER_HEALTH_SECONDS "$health_seconds"
  case $assignment in
    current | wait) ;;
    *) refuse "$file: DROVER_ASSIGNMENT is '$assignment'; it has to be current or wait" ;;
  esac
  : "${s3_endpoint:=https://s3.$region.amazonaws.com}"
  : "${secrets_endpoint:=https://secretsmanager.$region.amazonaws.com}"
  : "${ssm_endpoint:=https://ssm.$region.amazonaws.com}"
}

# Words become parts of URLs and of curl's settings.
check_word() {
  case $2 in
    '') refuse "$etc/settings: $1 is missing" ;;
    *[!A-Za-z0-9._-]*)
      refuse "$etc/settings: $1 is '$2'; it may have letters, digits and ._- only"
      ;;
  esac
}

check_number() {
  is_number "$2" || refuse "$etc/settings: $1 is '$2'; it has to be a whole number"
}

# Short enough for the shell's arithmetic, and without the zeros that make it octal.
is_number() {
  case $1 in
    0) ;;
    '' | *[!0-9]* | 0* | ????????????????*) return 1 ;;
  esac
}

is_digest() {
  [ ${#1} -eq 64 ] || return 1
  case $1 in *[!0-9a-f]*) return 1 ;; esac
}
