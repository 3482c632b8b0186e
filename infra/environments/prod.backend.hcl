# terraform init -reconfigure -backend-config=environments/prod.backend.hcl
bucket = "acme-wallet-prod-terraform"
prefix = "wallet"
