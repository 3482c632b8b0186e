# Topics and subscriptions as the decorators declare them. Pub/Sub calls through the balancer, so that no subscription
# depends on one region.

locals {
  topic_names        = { for name, topic in google_pubsub_topic.topic : name => topic.name }
  topic_ids          = { for name, topic in google_pubsub_topic.topic : name => "projects/${var.project}/topics/${topic.name}" }
  subscription_names = { for name, subscription in google_pubsub_subscription.push : name => subscription.name }

  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_topic" "topic" {
  for_each                   = toset(local.topics)
  name                       = each.key
  message_retention_duration = "604800s"

  message_storage_policy {
    allowed_persistence_regions = local.regions
  }
  depends_on = [google_project_service.api]
}

resource "google_pubsub_subscription" "push" {
  for_each                   = local.subscriptions
  name                       = each.key
  topic                      = local.topic_names[each.value.topic]
  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"
  # Pub/Sub accepts 256 characters. The application drops events that pass the filter but that it does not handle.
  filter = each.value.filter == "" ? null : each.value.filter

  push_config {
    push_endpoint = "https://${local.events_domain}/push/${each.value.operation}"
    oidc_token {
      service_account_email = local.push_email
      audience              = local.common_settings.PUSH_AUDIENCE
    }
  }
  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }
  # An outage of hours must not cause dead letters: a hundred attempts take most of a day.
  dynamic "dead_letter_policy" {
    for_each = each.value.topic == local.dead_letter_topic ? [] : [1]
    content {
      dead_letter_topic     = local.topic_ids[local.dead_letter_topic]
      max_delivery_attempts = 100
    }
  }
  # A quiet month must not delete a subscription.
  expiration_policy {
    ttl = ""
  }
}

# Without these two grants, Pub/Sub silently ignores the policy, which publishes the dead letter and acknowledges the original.
resource "google_pubsub_topic_iam_member" "dead_letters" {
  topic  = local.topic_names[local.dead_letter_topic]
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "dead_letters" {
  for_each     = { for name, push in local.subscriptions : name => push if push.topic != local.dead_letter_topic }
  subscription = local.subscription_names[each.key]
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

# Dead letters wait here for a person, even if the operation that records them fails.
resource "google_pubsub_subscription" "dead_letters_kept" {
  name                       = "dead-letters.kept"
  topic                      = local.topic_names[local.dead_letter_topic]
  message_retention_duration = "2678400s"

  expiration_policy {
    ttl = ""
  }
}

# Pub/Sub signs the tokens of its pushes as the push account.
resource "google_service_account_iam_member" "push_tokens" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent
}

# In two regions, because a job is lost with its region. A second start is harmless: each takes a lease, or finds no work.
resource "google_cloud_scheduler_job" "schedule" {
  for_each = {
    for pair in setproduct(keys(local.schedules), local.scheduler_regions) :
    "${pair[0]}/${pair[1]}" => { operation = pair[0], region = pair[1] }
  }
  name             = each.value.operation
  region           = each.value.region
  schedule         = local.schedules[each.value.operation].cron
  time_zone        = "Etc/UTC"
  attempt_deadline = "60s"

  http_target {
    http_method = "POST"
    uri         = "https://${local.events_domain}/schedule/${each.value.operation}"
    oidc_token {
      service_account_email = local.push_email
      audience              = local.common_settings.PUSH_AUDIENCE
    }
  }
  depends_on = [google_project_service.api]
}

locals {
  scheduler_regions = slice(concat([var.leader_region], [for r in local.regions : r if r != var.leader_region]), 0, min(2, length(local.regions)))
}
