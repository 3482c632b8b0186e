# The one database that holds the truth, in several regions. schemas/database/migrate.py creates its tables, not Terraform,
# which would recreate the database for an edited statement.

locals {
  # The regions where each configuration has replicas that serve reads, the leader first. Before adding one, run:
  # gcloud spanner instance-configs describe <name> --format='value(replicas)'
  spanner_replicas = merge(
    {
      nam-eur-asia1 = ["us-central1", "europe-west1", "asia-east1"]
      eur3          = ["europe-west1", "europe-west4"]
    },
    { for region in ["us-central1", "europe-west1", "asia-east1"] : "regional-${region}" => [region] },
  )
  # A region on the continent of the next leader, for writes while the leader's region is lost; it needs no replica.
  spanner_standby = merge(
    { nam-eur-asia1 = "us-east1", eur3 = "europe-west4" },
    { for region in ["us-central1", "europe-west1", "asia-east1"] : "regional-${region}" => null },
  )
  # A restore creates another database, which replaces the first; Terraform leaves that one as it is.
  serving_database = coalesce(var.serving_database, google_spanner_database.wallet.name)
  multi_region     = !startswith(var.spanner_config, "regional-")
  # High-priority load at which Spanner scales, and above which somebody is woken. In several regions it is low enough that
  # the others can carry the load of a failed one.
  busy_percent = local.multi_region ? 45 : 65
}

resource "google_spanner_instance" "wallet" {
  name                         = "wallet"
  display_name                 = "Wallet (${var.environment})"
  config                       = var.spanner_config
  edition                      = local.multi_region ? "ENTERPRISE_PLUS" : "ENTERPRISE"
  default_backup_schedule_type = "NONE"
  force_destroy                = false

  autoscaling_config {
    autoscaling_limits {
      min_processing_units = var.spanner_processing_units.min
      max_processing_units = var.spanner_processing_units.max
    }
    autoscaling_targets {
      high_priority_cpu_utilization_percent = local.busy_percent
      storage_utilization_percent           = 80
    }
  }
  depends_on = [google_project_service.api]
}

resource "google_spanner_database" "wallet" {
  name                     = "wallet"
  instance                 = google_spanner_instance.wallet.name
  version_retention_period = "7d"
  deletion_protection      = var.deletion_protection
  enable_drop_protection   = var.deletion_protection

  lifecycle {
    ignore_changes = [ddl]
  }
}

# Of the database that serves: after a restore, backups of the first one would be worth nothing, and would be copied.
resource "google_spanner_backup_schedule" "full" {
  name               = "full"
  instance           = google_spanner_instance.wallet.name
  database           = local.serving_database
  retention_duration = "2592000s"

  spec {
    cron_spec {
      text = "0 3 * * *"
    }
  }
  full_backup_spec {}
}

resource "google_spanner_backup_schedule" "incremental" {
  name               = "incremental"
  instance           = google_spanner_instance.wallet.name
  database           = local.serving_database
  retention_duration = "604800s"

  spec {
    cron_spec {
      text = "0 */4 * * *"
    }
  }
  incremental_backup_spec {}
}
