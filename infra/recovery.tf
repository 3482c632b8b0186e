# Recovery if this project, its people or its key are lost: a project of other people has copies of the backups, and the key
# under which wallets' secrets are sealed a second time (docs/custody.md). Nobody here may read or delete anything there.

locals {
  recovery  = var.recovery_project == null ? toset([]) : toset([var.recovery_project])
  protected = var.deletion_protection ? merge({ this = data.google_project.this.number }, { for name, project in data.google_project.recovery : "recovery" => project.number }) : {}
}

data "google_project" "recovery" {
  for_each   = local.recovery
  project_id = each.key
}

# Deleting a project deletes its keys. A lien prevents that until somebody with the right removes it.
resource "google_resource_manager_lien" "project" {
  for_each     = local.protected
  parent       = "projects/${each.value}"
  restrictions = ["resourcemanager.projects.delete"]
  origin       = "wallet"
  reason       = "It holds keys of wallets, or the backups of who owns what."
  depends_on   = [google_project_service.api]
}

resource "google_project_service" "recovery" {
  for_each           = { for pair in setproduct(local.recovery, ["cloudkms", "spanner"]) : pair[1] => pair[0] }
  project            = each.value
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

resource "google_kms_key_ring" "recovery" {
  for_each   = local.recovery
  project    = each.key
  name       = "recovery"
  location   = var.kms_location
  depends_on = [google_project_service.recovery]
}

resource "google_kms_crypto_key" "seeds" {
  for_each                   = google_kms_key_ring.recovery
  name                       = "seeds"
  key_ring                   = each.value.id
  purpose                    = "ENCRYPT_DECRYPT"
  destroy_scheduled_duration = "10368000s"

  version_template {
    algorithm        = "GOOGLE_SYMMETRIC_ENCRYPTION"
    protection_level = "HSM"
  }
  lifecycle {
    prevent_destroy = true
  }
}

# A backup can be restored only in an instance of the same configuration, so the copies' instance has it, at the smallest size.
resource "google_spanner_instance" "copies" {
  for_each                     = local.recovery
  project                      = each.key
  name                         = "copies"
  display_name                 = "Copies of backups"
  config                       = var.spanner_config
  edition                      = google_spanner_instance.wallet.edition
  processing_units             = 100
  default_backup_schedule_type = "NONE"
  force_destroy                = false
  depends_on                   = [google_project_service.recovery]
}

resource "google_service_account" "copier" {
  for_each     = local.recovery
  account_id   = "backup-copier"
  display_name = "Copies backups into ${each.key}"
  depends_on   = [google_project_service.api]
}

# It may copy and list; it may not delete or restore anything, here or there.
resource "google_spanner_instance_iam_member" "copier" {
  for_each = google_service_account.copier
  instance = google_spanner_instance.wallet.name
  role     = "roles/spanner.backupWriter"
  member   = "serviceAccount:${each.value.account_id}@${var.project}.iam.gserviceaccount.com"
}

resource "google_spanner_instance_iam_member" "copies" {
  for_each = google_service_account.copier
  project  = each.key
  instance = google_spanner_instance.copies[each.key].name
  role     = "roles/spanner.backupWriter"
  member   = "serviceAccount:${each.value.account_id}@${var.project}.iam.gserviceaccount.com"
}

resource "google_cloud_run_v2_job" "copy_backup" {
  for_each            = google_service_account.copier
  name                = "copy-backup"
  location            = var.leader_region
  deletion_protection = var.deletion_protection

  binary_authorization {
    use_default = true
  }
  template {
    template {
      service_account = "${each.value.account_id}@${var.project}.iam.gserviceaccount.com"
      max_retries     = 3
      timeout         = "3600s"

      containers {
        image   = var.image
        command = ["python", "-m", "shared.ops.copy_backup"]
        args    = ["--to", "projects/${each.key}/instances/${google_spanner_instance.copies[each.key].name}"]

        dynamic "env" {
          for_each = { GOOGLE_CLOUD_PROJECT = var.project, ENVIRONMENT = var.environment, FINGERPRINT_KEY = "not-used-here", SPANNER_INSTANCE = google_spanner_instance.wallet.name }
          content {
            name  = env.key
            value = env.value
          }
        }
      }
    }
  }
}

resource "google_cloud_run_v2_job_iam_member" "copier" {
  for_each = google_cloud_run_v2_job.copy_backup
  name     = each.value.name
  location = each.value.location
  role     = "roles/run.jobsExecutor"
  member   = "serviceAccount:${google_service_account.copier[each.key].account_id}@${var.project}.iam.gserviceaccount.com"
}

# After the full backup of the night.
resource "google_cloud_scheduler_job" "copy_backup" {
  for_each  = google_cloud_run_v2_job.copy_backup
  name      = "copy_backup"
  region    = var.leader_region
  schedule  = "0 7 * * *"
  time_zone = "Etc/UTC"

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/projects/${var.project}/locations/${var.leader_region}/jobs/${each.value.name}:run"
    oauth_token {
      service_account_email = "${google_service_account.copier[each.key].account_id}@${var.project}.iam.gserviceaccount.com"
    }
  }
  retry_config {
    retry_count = 3
  }
}
