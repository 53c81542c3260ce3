datacenter = "dc1"
data_dir   = "/var/lib/nomad"
name       = "{{drover.instance_id}}"
bind_addr  = "{{drover.private_ip}}"

addresses {
  http = "127.0.0.1"
}

client {
  enabled = true
  # Where the version has it, a new node takes no work before it is admitted:
  # default_ineligible = true

  meta {
    "drover.pool"                    = "{{drover.pool}}"
    "drover.bundle"                  = "{{drover.bundle}}"
    "drover.launch_template_version" = "{{drover.launch_template_version}}"
  }
}

# Servers are found through Consul.
consul {
  address = "127.0.0.1:8500"
}

tls {
  http      = true
  rpc       = true
  ca_file   = "/etc/nomad.d/ca.pem"
  cert_file = "{{drover.secret.nomad-cert.pem}}"
  key_file  = "{{drover.secret.nomad-key.pem}}"

  verify_server_hostname = true
  # Of this machine's own processes nobody has to show a certificate.
  verify_https_client = false
}
