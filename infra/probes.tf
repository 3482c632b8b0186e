# The write probe in each region that may write, and not only in the one that the balancer has chosen: a standby that has
# silently stopped to write is found before it is needed. The balancer leads the probe's path, with a header that names the
# region, to that region alone; everybody else's requests have no such header, and whoever sends one is served as well there.

locals {
  probe_header = "x-write-region"
  probe_path   = nonsensitive(var.write_probe == null ? "" : var.write_probe.path)
  # The routes that take the probe: the first one is the balancer's.
  probe_routes = [
    for key in local.route_order : key
    if local.routes[key].method == "POST" && can(regex("^${replace(local.routes[key].path, "/\\{[a-z_]+\\}/", "[^/]+")}$", local.probe_path))
  ]
  # Also of a region that is lost: its back-end is removed by nobody in the worst hour.
  probed = length(local.probe_routes) == 0 || length(local.writing) < 2 ? {} : { for region in local.writing : region => "${local.routes[local.probe_routes[0]].service}/write-${region}" }
}

resource "google_monitoring_uptime_check_config" "region_writes" {
  for_each         = local.probed
  display_name     = "Writes in ${each.key}"
  timeout          = "10s"
  period           = "60s"
  selected_regions = ["USA", "EUROPE", "ASIA_PACIFIC"]

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
