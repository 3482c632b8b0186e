# The account that builds and rolls out, and the address of a new revision before it gets any traffic: each has the tag
# canary, and https://<service>.canary-<region>.<domain> reaches it for callers that send the secret.

locals {
  canaries       = nonsensitive(var.canary_secret) == "" ? [] : local.places
  delivery_email = "${google_service_account.delivery.account_id}@${var.project}.iam.gserviceaccount.com"
  delivery       = "serviceAccount:${local.delivery_email}"
}

resource "google_service_account" "delivery" {
  account_id   = "delivery"
  display_name = "Builds the image and rolls it out"
  depends_on   = [google_project_service.api]
}

resource "google_project_iam_member" "delivery" {
  for_each = toset(["roles/run.developer", "roles/monitoring.viewer", "roles/logging.logWriter"])
  project  = var.project
  role     = each.key
  member   = local.delivery
}

# A revision runs as its service's account, so the account that deploys it must be allowed to use that.
resource "google_service_account_iam_member" "delivery" {
  for_each           = google_service_account.service
  service_account_id = each.value.name
  role               = "roles/iam.serviceAccountUser"
  member             = local.delivery
}

resource "google_spanner_database_iam_member" "delivery" {
  instance = google_spanner_instance.wallet.name
  database = local.serving_database
  role     = "roles/spanner.databaseAdmin"
  member   = local.delivery
}

resource "google_artifact_registry_repository_iam_member" "delivery" {
  repository = google_artifact_registry_repository.images.name
  location   = google_artifact_registry_repository.images.location
  role       = "roles/artifactregistry.writer"
  member     = local.delivery
}

# schemas/database/migrate.py checks whether the instance exists; a role on the database does not include that right.
resource "google_spanner_instance_iam_member" "delivery" {
  instance = google_spanner_instance.wallet.name
  role     = "roles/spanner.viewer"
  member   = local.delivery
}

# The rollout's smoke test starts schedules of a new revision like Cloud Scheduler, with a token of its account. This
# gives the deploying account no new power, because it deploys what this account may call.
resource "google_service_account_iam_member" "delivery_tokens" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.delivery
}

resource "google_secret_manager_secret" "canary" {
  secret_id           = "canary-secret"
  deletion_protection = var.deletion_protection

  replication {
    auto {}
  }
  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_iam_member" "canary" {
  secret_id = google_secret_manager_secret.canary.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = local.delivery
}

resource "google_compute_region_network_endpoint_group" "canary" {
  for_each              = toset(local.canaries)
  name                  = "canary"
  region                = each.key
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    tag      = "canary"
    url_mask = "<service>.canary-${each.key}.${var.domain}"
  }
  depends_on = [google_project_service.api]
  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_backend_service" "canary" {
  for_each              = google_compute_region_network_endpoint_group.canary
  name                  = "canary--${each.key}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = local.security_policies["wallet-api"]

  backend {
    group = each.value.id
  }
  log_config {
    enable      = true
    sample_rate = 1
  }
}
