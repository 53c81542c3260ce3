# Each target does its own set-up: the npm packages (with Node 24 among them) here,
# everything else where it is needed and only then.

node := node_modules/.bin/node

.PHONY: rehearse soak test contract-aws bench agents binaries release packages

# A scale-in of a Nomad cluster, in the embedded world: nothing leaves this machine.
rehearse: packages
	@npm run --silent drover -- rehearse scale-in

# Ten thousand small scale-ins with faults, hours or less by the machine: make soak SEEDS=500.
soak: packages
	@npm run --silent drover -- rehearse soak --seeds $(or $(SEEDS),10000) --seed $(or $(SEED),1)

# All tests. One part, folder or file: make test PART=unit, PART="test/lambdas test/live".
test: packages
	@$(node) test/tools/run.ts $(PART)

# What is believed of AWS, held against your own account. It says what it would make and cost;
# with CONFIRM=yes it does it. Also SLOW=yes, ONLY=hook (or ONLY=DynamoDB), MACHINES=2.
contract-aws: packages
	@$(node) test/contract/aws/main.ts

# How big and how fast things are. One benchmark: make bench ONLY=bundles.
bench: packages
	@$(node) bench/run.ts $(ONLY)

# The real Nomad and Consul, found or built ahead of time (some minutes, once).
agents: packages
	@$(node) rehearsal/agents/build.ts

# Static ones for machines, in dist/binaries, with the lines of bundle.yaml that pin them.
binaries: packages
	@$(node) rehearsal/agents/build-static.ts

# What a team without CDK deploys, in dist/release: templates, functions, checksums.
release: packages
	@$(node) infra/release.ts

packages:
	@sh test/tools/packages.sh
