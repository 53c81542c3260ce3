datacenter = "dc1"
data_dir   = "/var/lib/nomad"
name       = "{{drover.instance_id}}"
bind_addr  = "{{drover.private_ip}}"

# The API for this machine's own processes. Servers reach a client through the connection that it
# has made to them; the HTTP address that Nomad wants to be told is used by nobody.
addresses {
  http = "127.0.0.1"
}
advertise {
  http = "{{drover.private_ip}}"
  rpc  = "{{drover.private_ip}}"
  serf = "{{drover.private_ip}}"
}

# A bundle says which version runs.
disable_update_check = true

client {
  enabled = true
  # A new node takes no work before it is admitted. Nomad 1.6 has no such setting and does not start
  # with it (docs/machines.md, "New nodes"):
  # default_ineligible = true

  # Of the clouds only AWS is asked, so that the agent is there sooner.
  options = {
    "fingerprint.denylist" = "env_gce,env_azure,env_digitalocean"
  }

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
