# terraform init -reconfigure -backend-config=environments/staging.backend.hcl
bucket = "acme-wallet-staging-terraform"
prefix = "wallet"
