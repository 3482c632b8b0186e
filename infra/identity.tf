# One identity for each service, with the least roles that its declaration needs. We only add members, because an
# authoritative binding would remove grants of others.

locals {
  email      = { for name, account in google_service_account.service : name => "${account.account_id}@${var.project}.iam.gserviceaccount.com" }
  member     = { for name, email in local.email : name => "serviceAccount:${email}" }
  push_email = "${google_service_account.push.account_id}@${var.project}.iam.gserviceaccount.com"

  # Only services that sign may decrypt; services that create wallets may only encrypt.
  kms_roles = merge(
    { for name, service in local.services : "${name}/decrypt" => { service = name, role = "roles/cloudkms.cryptoKeyDecrypter" } if contains(service.needs, "signer") },
    { for name, service in local.services : "${name}/encrypt" => { service = name, role = "roles/cloudkms.cryptoKeyEncrypter" } if contains(service.needs, "vault") },
  )
  webhook_roles = merge(
    { for name, service in local.services : "${name}/decrypt" => { service = name, role = "roles/cloudkms.cryptoKeyDecrypter" } if contains(service.needs, "webhooks") },
    { for name, service in local.services : "${name}/encrypt" => { service = name, role = "roles/cloudkms.cryptoKeyEncrypter" } if contains(service.needs, "webhook_seal") },
  )
  publishers = merge([
    for name, service in local.services : { for topic in contains(service.needs, "relay") ? local.event_topics : service.publishes : "${name}/${topic}" => { service = name, topic = topic } }
  ]...)
  secret_readers = merge([
    for secret, rights in local.secrets : { for name in rights.readers : "${name}/${secret}" => { service = name, secret = secret } }
  ]...)
}

resource "google_service_account" "service" {
  for_each     = local.services
  account_id   = "fn-${each.key}"
  display_name = "Service ${each.key}"
  depends_on   = [google_project_service.api]

  lifecycle {
    precondition {
      condition     = can(regex("^[a-z]([-a-z0-9]{4,28}[a-z0-9])$", "fn-${each.key}"))
      error_message = "fn-${each.key} is no name of a service account (6 to 30 lower-case letters, digits and hyphens): give the operation or group a name of 3 to 27."
    }
  }
}

# Pub/Sub and Cloud Scheduler call as this account; the application expects its address in their tokens.
resource "google_service_account" "push" {
  account_id   = "events-push"
  display_name = "Pub/Sub pushes and scheduled starts"
  depends_on   = [google_project_service.api]
}

resource "google_spanner_database_iam_member" "service" {
  for_each = { for name, service in local.services : name => service if contains(service.needs, "spanner") }
  instance = google_spanner_instance.wallet.name
  database = local.serving_database
  role     = each.value.writes ? "roles/spanner.databaseUser" : "roles/spanner.databaseReader"
  member   = local.member[each.key]
}

# Firestore has no rights finer than a database, so a condition limits each right to one kind of database.
resource "google_project_iam_member" "cache" {
  for_each = { for name, service in local.services : name => service if contains(service.needs, "cache") || service.writes }
  project  = var.project
  role     = "roles/datastore.user"
  member   = local.member[each.key]

  condition {
    title      = "caches"
    expression = "resource.name.startsWith(\"projects/${var.project}/databases/cache-\")"
  }
}

resource "google_project_iam_member" "limits" {
  for_each = { for name, service in local.services : name => service if service.public }
  project  = var.project
  role     = "roles/datastore.user"
  member   = local.member[each.key]

  condition {
    title      = "limits"
    expression = "resource.name == \"projects/${var.project}/databases/limits\""
  }
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = local.publishers
  topic    = local.topic_names[each.value.topic]
  role     = "roles/pubsub.publisher"
  member   = local.member[each.value.service]
}

resource "google_kms_crypto_key_iam_member" "custody" {
  for_each      = local.kms_roles
  crypto_key_id = google_kms_crypto_key.custody.id
  role          = each.value.role
  member        = local.member[each.value.service]
}

resource "google_kms_crypto_key_iam_member" "webhooks" {
  for_each      = local.webhook_roles
  crypto_key_id = google_kms_crypto_key.webhooks.id
  role          = each.value.role
  member        = local.member[each.value.service]
}

resource "google_secret_manager_secret_iam_member" "reader" {
  for_each  = local.secret_readers
  secret_id = local.secret_ids[each.value.secret]
  role      = "roles/secretmanager.secretAccessor"
  member    = local.member[each.value.service]
}
