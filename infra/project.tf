# The APIs in use, the image registry, and the audit logs of what people and programs do here.

locals {
  apis = [
    "accesscontextmanager", "artifactregistry", "billingbudgets", "binaryauthorization", "certificatemanager", "cloudbuild", "cloudkms", "cloudresourcemanager", "cloudscheduler", "compute", "containeranalysis", "dns",
    "firestore", "iam", "iamcredentials", "logging", "monitoring", "orgpolicy", "pubsub", "run", "secretmanager", "spanner", "telemetry",
  ]
  audited_services = ["cloudkms.googleapis.com", "secretmanager.googleapis.com", "spanner.googleapis.com", "iam.googleapis.com"]
}

data "google_project" "this" {
  project_id = var.project
}

resource "google_project_service" "api" {
  for_each           = toset(local.apis)
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

resource "google_artifact_registry_repository" "images" {
  repository_id = "wallet"
  location      = var.registry_location
  format        = "DOCKER"
  description   = "The one image of all services."

  docker_config {
    immutable_tags = true
  }
  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 50
    }
  }
  cleanup_policies {
    id     = "delete-untagged"
    action = "DELETE"
    condition {
      tag_state  = "UNTAGGED"
      older_than = "1209600s"
    }
  }
  depends_on = [google_project_service.api]
}

# Log who read or used data, not only who changed settings.
resource "google_project_iam_audit_config" "data_access" {
  for_each = toset(local.audited_services)
  project  = var.project
  service  = each.key

  dynamic "audit_log_config" {
    # For Spanner log only administration, because every read and write of a row would be a log line.
    for_each = each.key == "spanner.googleapis.com" ? ["ADMIN_READ"] : ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]
    content {
      log_type = audit_log_config.value
    }
  }
}

resource "google_logging_project_bucket_config" "audit" {
  project        = var.project
  location       = "global"
  bucket_id      = "audit"
  retention_days = var.audit_retention_days
  # locked = true cannot be undone and prevents the deletion of the project: set it by hand when the period is final.
}

# A sink into a bucket of its own project has no writer identity, and needs no grant.
resource "google_logging_project_sink" "audit" {
  name                   = "audit"
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.audit.id}"
  filter                 = "logName:\"cloudaudit.googleapis.com\""
  unique_writer_identity = true
}

resource "google_billing_budget" "monthly" {
  count           = var.budget == null ? 0 : 1
  billing_account = var.budget.billing_account
  display_name    = "wallet ${var.environment}"

  budget_filter {
    projects = ["projects/${data.google_project.this.number}"]
  }
  amount {
    specified_amount {
      currency_code = var.budget.currency
      units         = tostring(var.budget.units)
    }
  }
  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }
  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }
  all_updates_rule {
    monitoring_notification_channels = var.notification_channels
  }
  depends_on = [google_project_service.api]
}
