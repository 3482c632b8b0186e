# The write probe in each region that may write, not only in the one that the balancer has chosen, so that a standby that
# silently cannot write is found before it is needed. The balancer sends the probe's path to one region if a header names
# that region. Users' requests have no such header, and a request that has one is served as well there.

locals {
  probe_header = "x-write-region"
  probe_path   = nonsensitive(var.write_probe == null ? "" : var.write_probe.path)
  # The routes that serve the probe; the first one is the balancer's.
  probe_routes = [
    for key in local.route_order : key
    if local.routes[key].method == "POST" && can(regex("^${replace(local.routes[key].path, "/\\{[a-z_]+\\}/", "[^/]+")}$", local.probe_path))
  ]
  # Includes lost regions, so that nobody has to remove a back-end during an incident.
  probed = length(local.probe_routes) == 0 || length(local.writing) < 2 ? {} : { for region in local.writing : region => "${local.routes[local.probe_routes[0]].service}/write-${region}" }
}

resource "google_monitoring_uptime_check_config" "region_writes" {
  for_each         = local.probed
  display_name     = "Writes in ${each.key}"
  timeout          = "10s"
  period           = "60s"
  selected_regions = local.continents

  http_check {
    request_method      = "POST"
    path                = var.write_probe.path
    body                = base64encode(var.write_probe.body)
    content_type        = "USER_PROVIDED"
    custom_content_type = "application/json"
    headers             = { X-API-Key = var.write_probe.api_key, (local.probe_header) = each.key }
    mask_headers        = true
    port                = 443
    use_ssl             = true
    validate_ssl        = true
    accepted_response_status_codes {
      status_value = var.write_probe.status
    }
  }
  monitored_resource {
    type   = "uptime_url"
    labels = { project_id = var.project, host = var.domain }
  }

  depends_on = [google_project_service.api]
}
