# terraform init -reconfigure -backend-config=environments/dev.backend.hcl
bucket = "acme-wallet-dev-terraform"
prefix = "wallet"
