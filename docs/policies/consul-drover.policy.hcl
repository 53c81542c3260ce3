# What Drover does in Consul, and nothing else. Tried on Consul 1.15.4; `test/live/policies.test.ts`
# takes each grant away and shows what stops working.
#
#   consul acl policy create -name drover -rules @docs/policies/consul-drover.policy.hcl
#   consul acl token create -description drover -policy-name drover

# Removes a failed member from the cluster (`/v1/agent/force-leave`). Consul has no smaller grant for it.
operator = "write"

# Reads a member of the catalog and deregisters it when its machine is gone. Deregistering takes its
# services along and needs no grant on them.
node_prefix "" {
  policy = "write"
}

# Reads which services a member has. Without it Consul answers with none at all, not with an error.
service_prefix "" {
  policy = "read"
}
