# One fixed address for each region, for calls to the outside of Google Cloud, because node providers, mail servers,
# screening services and receivers of webhooks may accept only known addresses. If it is off, Google's addresses vary.

locals {
  calling  = toset([for name, service in local.services : name if var.fixed_egress && length(setintersection(service.needs, ["chain", "mail", "webhooks"])) > 0])
  networks = { for index, region in local.places : region => cidrsubnet("10.64.0.0/14", 6, index) if length(local.calling) > 0 }
}

resource "google_compute_network" "egress" {
  count                   = length(local.networks) > 0 ? 1 : 0
  name                    = "wallet-egress"
  auto_create_subnetworks = false
  depends_on              = [google_project_service.api]
}

# Large enough for two addresses per instance, and twice that while revisions change.
resource "google_compute_subnetwork" "egress" {
  for_each                 = local.networks
  name                     = "wallet-egress"
  region                   = each.key
  network                  = google_compute_network.egress[0].id
  ip_cidr_range            = each.value
  private_ip_google_access = true # Google's own APIs are not called through the translation
}

resource "google_compute_router" "egress" {
  for_each = local.networks
  name     = "wallet-egress"
  region   = each.key
  network  = google_compute_network.egress[0].id
}

resource "google_compute_address" "egress" {
  for_each   = local.networks
  name       = "wallet-egress"
  region     = each.key
  depends_on = [google_project_service.api]
}

resource "google_compute_router_nat" "egress" {
  for_each                           = local.networks
  name                               = "wallet-egress"
  region                             = each.key
  router                             = google_compute_router.egress[each.key].name
  nat_ip_allocate_option             = "MANUAL_ONLY"
  nat_ips                            = [google_compute_address.egress[each.key].self_link]
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}
