# Three continents, one service for each trust. Warm instances where somebody waits for the first answer.
project       = "acme-wallet-prod"
environment   = "prod"
domain        = "api.example.com"
dns_zone      = "api-example-com"
image         = "us-docker.pkg.dev/acme-wallet-prod/wallet/wallet@sha256:0000000000000000000000000000000000000000000000000000000000000000"
mail_sender   = "wallet@example.com"
chains        = ["ethereum"]
default_chain = "ethereum"
min_instances = {
  engine          = 1
  identity        = 1
  keys-and-tokens = 1
  public-reads    = 1
  public-writes   = 1
}
# Of other people: copies of backups, and the second way to every key.
recovery_project = "acme-wallet-recovery"
# Whoever is on call, and whoever pays.
notification_channels = ["projects/acme-wallet-prod/notificationChannels/1234567890"] # pragma: allowlist secret
budget                = { billing_account = "000000-000000-000000", currency = "USD", units = 9000 }
# Only after release 0.0.1 serves nowhere and nobody would roll back to it (docs/delivery.md), on top of a running 0.1.0:
# settings = { EVENTS_TOGETHER = "on" }
