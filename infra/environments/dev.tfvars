# One region and one service for each group: the least that costs something.
project             = "acme-wallet-dev"
environment         = "dev"
domain              = "dev.api.example.com"
dns_zone            = "dev-api-example-com"
image               = "us-docker.pkg.dev/acme-wallet-dev/wallet/wallet@sha256:0000000000000000000000000000000000000000000000000000000000000000"
regions             = ["us-central1"]
leader_region       = "us-central1"
spanner_config      = "regional-us-central1"
granularity         = "group"
max_instances       = 5
chains              = ["sepolia"]
default_chain       = "sepolia"
deletion_protection = false
# Only after release 0.0.1 serves nowhere and nobody would roll back to it (docs/delivery.md), on top of a running 0.1.0:
# settings = { EVENTS_TOGETHER = "on" }
