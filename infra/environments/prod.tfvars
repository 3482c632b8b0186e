# Three continents, one service for each operation. Warm instances where somebody waits for the first answer.
project       = "acme-wallet-prod"
environment   = "prod"
domain        = "api.example.com"
dns_zone      = "api-example-com"
image         = "us-docker.pkg.dev/acme-wallet-prod/wallet/wallet@sha256:0000000000000000000000000000000000000000000000000000000000000000"
mail_sender   = "wallet@example.com"
chains        = ["ethereum"]
default_chain = "ethereum"
min_instances = {
  claim-order   = 1
  dispatch-lane = 1
  place-order   = 1
}
