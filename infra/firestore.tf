# One cache in each region that serves reads, because a cache must not pay for consensus between continents. Its data may
# be lost. All regions share the counters of rate limits, so that a budget is spent only once.

locals {
  caches = { for region in local.caching : "cache-${region}" => region }
  # Firestore's multi-region near Spanner's leader, otherwise the leader's region.
  limits_location = local.multi_region ? (startswith(var.leader_region, "europe") ? "eur3" : "nam5") : var.leader_region
  expiring = merge(
    { for name in keys(local.caches) : name => { collection = "c", field = "gone" } },
    { limits = { collection = "rates", field = "until" } },
  )
}

resource "google_firestore_database" "cache" {
  for_each                          = merge(local.caches, { limits = local.limits_location })
  name                              = each.key
  location_id                       = each.value
  type                              = "FIRESTORE_NATIVE"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_DISABLED"
  delete_protection_state           = "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = "DELETE"
  depends_on                        = [google_project_service.api]
}

# Removal may lag by a day, so readers compare the time themselves.
resource "google_firestore_field" "expiry" {
  for_each   = local.expiring
  database   = google_firestore_database.cache[each.key].name
  collection = each.value.collection
  field      = each.value.field

  ttl_config {}
  # No query uses it, and an index on a time is a hot spot.
  index_config {}
}
