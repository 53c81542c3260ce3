# What Drover does in Nomad, and nothing else. Tried on Nomad 1.6.1; `test/live/policies.test.ts`
# takes each grant away and shows what stops working.
#
#   nomad acl policy apply drover docs/policies/nomad-drover.policy.hcl
#   nomad acl token create -name=drover -type=client -policy=drover

# Finds nodes and reads the servers' addresses and versions (`/v1/agent/members` asks for no more than
# this), makes nodes ineligible, drains and purges them. With "read" alone Nomad refuses the last three.
node {
  policy = "write"
}

# In every namespace, because a node runs work of all of them. Where `read-job` is missing, Nomad leaves
# allocations out of its answers without a word, and a busy node looks empty.
namespace "*" {
  capabilities = [
    # Lists and reads allocations, and reads one volume with its claims.
    "read-job",
    # Lists volumes: a node must not be purged while a volume is still claimed there.
    "csi-list-volume",
  ]
}
