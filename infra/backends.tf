# The balancer's backends. A service has one for each way in which requests reach it:
#   nearest   all regions; repeated failures exclude a region for a while
#   outside   like nearest, for routes that call a chain's node: no region is excluded, because an outage of the node affects all
#   leader    the region of Spanner's leader, because a write from elsewhere would cross an ocean for each of its round trips;
#             while that region does not answer, the standby (write_failover)
#   cdn       like nearest, behind Cloud CDN
#   events    regions where writes can run, never excluded: an answer that asks Pub/Sub to wait must not exclude one for users
#   write-<region>  one region that may write, for the probe of this region (probes.tf)

locals {
  writing_now = [for region in local.writing : region if !contains(var.lost_regions, region)]
  reading_now = [for region in local.regions : region if !contains(var.lost_regions, region)]
  backends = merge(
    { for name, service in local.services : "${name}/nearest" => { service = name, flavour = "nearest", regions = local.reading_now } if service.reads },
    { for name in local.asking : "${name}/outside" => { service = name, flavour = "outside", regions = local.reading_now } },
    { for name, service in local.services : "${name}/leader" => { service = name, flavour = "leader", regions = local.failing_over ? local.writing_now : slice(local.writing_now, 0, 1) } if service.public && service.writes },
    { for name in local.cached : "${name}/cdn" => { service = name, flavour = "cdn", regions = local.reading_now } },
    { for name, service in local.services : "${name}/events" => { service = name, flavour = "events", regions = local.writing_now } if service.events },
    { for region, key in local.probed : key => { service = split("/", key)[0], flavour = "probe", regions = [region] } },
  )
  # A balancer with both regions sends writes to the standby automatically when Cloud Run reports that the leader's region
  # is not healthy. Other regions never get writes.
  failing_over = var.write_failover == "automatic" && length(local.writing) > 1
  # Written out, so that a plan shows the members of each backend instead of "known after apply".
  endpoint_groups   = { for key, group in google_compute_region_network_endpoint_group.service : key => "projects/${var.project}/regions/${group.region}/networkEndpointGroups/${group.name}" }
  backend_ids       = { for key, backend in google_compute_backend_service.backend : key => "projects/${var.project}/global/backendServices/${backend.name}" }
  security_policies = { for name in [google_compute_security_policy.api.name, google_compute_security_policy.events.name] : name => "projects/${var.project}/global/securityPolicies/${name}" }

  cached = distinct([for route in values(local.routes) : route.service if route.flavour == "cdn"])
  asking = distinct([for route in values(local.routes) : route.service if route.flavour == "outside"])
}

resource "google_compute_region_network_endpoint_group" "service" {
  for_each              = local.deployed
  name                  = each.value.service
  region                = each.value.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = local.service_names[each.key]
  }
  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_backend_service" "backend" {
  for_each              = local.backends
  name                  = replace(each.key, "/", "--")
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = local.services[each.value.service].door == "grpc" ? "HTTP2" : "HTTPS"
  security_policy       = local.security_policies[contains(["nearest", "outside", "leader", "cdn", "probe"], each.value.flavour) ? "wallet-api" : "wallet-events"]
  enable_cdn            = each.value.flavour == "cdn"

  dynamic "backend" {
    for_each = each.value.regions
    content {
      group = local.endpoint_groups["${each.value.service}/${backend.value}"]
      # The standby is about as near as the leader for users everywhere, so it would be "the nearest" for half of them.
      preference = each.value.flavour == "leader" && local.failing_over ? (backend.value == local.writing_now[0] ? "PREFERRED" : "DEFAULT") : null
    }
  }

  dynamic "outlier_detection" {
    for_each = contains(["nearest", "cdn"], each.value.flavour) && length(each.value.regions) > 1 ? [1] : []
    content {
      # Every field is set, because by default the API enforces gateway failures, and other failures not at all.
      consecutive_errors                    = 10
      enforcing_consecutive_errors          = 100
      consecutive_gateway_failure           = 10
      enforcing_consecutive_gateway_failure = 100
      max_ejection_percent                  = 50
      # This compares regions with each other; three are too few for that.
      enforcing_success_rate      = 0
      success_rate_minimum_hosts  = 5
      success_rate_request_volume = 100
      success_rate_stdev_factor   = 1900
      interval {
        seconds = 5
      }
      base_ejection_time {
        seconds = 30
      }
    }
  }

  dynamic "cdn_policy" {
    for_each = each.value.flavour == "cdn" ? [1] : []
    content {
      # Cache only answers that allow it, and never answers to requests with a credential.
      cache_mode        = "USE_ORIGIN_HEADERS"
      negative_caching  = false
      serve_while_stale = 0
      cache_key_policy {
        include_host         = true
        include_protocol     = true
        include_query_string = true
      }
      bypass_cache_on_request_headers {
        header_name = "Authorization"
      }
    }
  }

  log_config {
    enable      = true
    sample_rate = var.balancer_log_rate
  }
}
