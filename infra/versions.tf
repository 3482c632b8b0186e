terraform {
  required_version = ">= 1.9.0, < 2.0.0"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 8.7.0, < 9.0.0"
    }
  }

  # One state per environment: terraform init -backend-config=environments/<environment>.backend.hcl
  backend "gcs" {}
}

provider "google" {
  project = var.project
  # Budgets and audit configurations are refused without a project that pays for the calls.
  user_project_override = true
  billing_project       = var.project
  default_labels        = { environment = var.environment, system = "wallet" }
}
