# As production, with less of it: what works here works there.
project       = "acme-wallet-staging"
environment   = "staging"
domain        = "staging.api.example.com"
dns_zone      = "staging-api-example-com"
image         = "us-docker.pkg.dev/acme-wallet-staging/wallet/wallet@sha256:0000000000000000000000000000000000000000000000000000000000000000"
max_instances = 20
chains        = ["sepolia"]
default_chain = "sepolia"
# Off while release 0.0.1 still serves (docs/delivery.md).
settings = { EVENTS_TOGETHER = "on" }
