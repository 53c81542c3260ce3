# Logs in with the machine's role, and passes on what is asked of it with that token.
vault {
  address = "https://active.vault.service.consul:8200"
  ca_cert = "/etc/vault.d/ca.pem"
}

auto_auth {
  method "aws" {
    mount_path = "auth/aws"
    config = {
      type   = "iam"
      role   = "{{drover.pool}}"
      region = "{{drover.region}}"
    }
  }
}

api_proxy {
  use_auto_auth_token = true
}

listener "tcp" {
  address     = "127.0.0.1:8100"
  tls_disable = true
}
