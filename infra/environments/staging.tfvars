# As production, with less of it: what works here works there.
project       = "acme-wallet-staging"
environment   = "staging"
domain        = "staging.api.example.com"
dns_zone      = "staging-api-example-com"
image         = "us-docker.pkg.dev/acme-wallet-staging/wallet/wallet@sha256:0000000000000000000000000000000000000000000000000000000000000000"
max_instances = 20
chains        = ["sepolia"]
default_chain = "sepolia"
# Only after release 0.0.1 serves nowhere and nobody would roll back to it (docs/delivery.md), on top of a running 0.1.0:
# settings = { EVENTS_TOGETHER = "on" }
