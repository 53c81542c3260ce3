datacenter = "dc1"
data_dir   = "/var/lib/consul"
bind_addr  = "{{drover.private_ip}}"
node_name  = "{{drover.instance_id}}"
retry_join = ["provider=aws tag_key=drover:consul tag_value={{drover.cluster}}"]

# A bundle says which version runs.
disable_update_check = true

# A client that ends is gone, and not failed.
leave_on_terminate = true

# Certificates come from the servers; the CA's is in the bundle, the gossip key in the secret
# consul.json as {"encrypt": "…"}.
auto_encrypt {
  tls = true
}
tls {
  defaults {
    ca_file         = "/etc/consul.d/ca.pem"
    verify_outgoing = true
  }
  internal_rpc {
    verify_server_hostname = true
  }
}

node_meta {
  drover_pool   = "{{drover.pool}}"
  drover_bundle = "{{drover.bundle}}"
}
