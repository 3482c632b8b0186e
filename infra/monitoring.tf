# Alerts and dashboards from the same data that `make observe` gives to Prometheus and Grafana (alerts.json,
# dashboards/). Our own metrics come from the services by OTLP; Google's are always there.

locals {
  alerts     = [for alert in jsondecode(file("${path.module}/alerts.json")).alerts : alert if alert.name != "BackupNotCopied" || length(local.recovery) > 0]
  dashboards = { for file in fileset(path.module, "dashboards/*.json") : trimsuffix(basename(file), ".json") => jsondecode(file("${path.module}/${file}")) }

  # An alert fires while all its conditions hold; one with `log` fires for each matching log line.
  expressions = {
    for alert in local.alerts : alert.name => join(" and ", [
      for c in try(alert.cloud, alert.conditions) :
      "(${strcontains(c.query, "$") ? replace(replace(replace(c.query, "$READS", local.checks.reads), "$WRITES", local.checks.writes), "$REGION_WRITES", local.checks.region_writes) : c.query}) ${can(c.above) ? ">" : "<"} ${lookup(local.limits, alert.name, try(c.above, c.below))}"
    ]) if !can(alert.log)
  }
  # Limits that depend on the set-up, in place of those of alerts.json.
  limits = { SpannerBusy = local.busy_percent / 100 }
  # The names that Cloud Monitoring gives to the uptime checks.
  checks = {
    reads  = google_monitoring_uptime_check_config.api.uptime_check_id
    writes = join("", google_monitoring_uptime_check_config.writes[*].uptime_check_id)
    # A pattern, because there is one for each region that may write.
    region_writes = join("|", [for region, check in google_monitoring_uptime_check_config.region_writes : check.uptime_check_id])
  }
  # One place on each, because the alerts count places: "USA" has three, so it would outvote two continents.
  continents = ["USA_VIRGINIA", "EUROPE", "ASIA_PACIFIC"]
  units      = { ops = "1/s", ratio = "10^2.%", seconds = "s", count = "1" }
}

resource "google_monitoring_alert_policy" "alert" {
  for_each              = { for alert in local.alerts : alert.name => alert }
  display_name          = each.key
  combiner              = "OR"
  severity              = each.value.severity == "page" ? "CRITICAL" : "WARNING"
  notification_channels = var.notification_channels
  user_labels           = { severity = each.value.severity }

  conditions {
    display_name = each.value.summary
    dynamic "condition_prometheus_query_language" {
      for_each = can(each.value.log) ? [] : [local.expressions[each.key]]
      content {
        query               = condition_prometheus_query_language.value
        duration            = "${local.hold_seconds[each.key]}s"
        evaluation_interval = "60s"
        alert_rule          = each.key
        # Metrics that were never written have no descriptor; without this the alert would be refused.
        disable_metric_validation = true
      }
    }
    dynamic "condition_matched_log" {
      for_each = can(each.value.log) ? [each.value.log] : []
      content {
        filter = condition_matched_log.value
      }
    }
  }

  # Alerts on log lines need a rate limit, and nothing measures when they are over. Refused calls are not counted by a
  # metric: Cloud KMS writes them for resources of several types, and a query of a metric reads one type.
  dynamic "alert_strategy" {
    for_each = can(each.value.log) ? [each.value.log] : []
    content {
      auto_close = "86400s"
      notification_rate_limit {
        period = "900s"
      }
    }
  }

  documentation {
    subject   = "${each.value.severity}: ${each.value.summary}"
    content   = "${each.value.summary}\n\nRunbook: ${each.value.runbook}"
    mime_type = "text/markdown"
  }

  depends_on = [google_project_service.api]
}

locals {
  # "90s", "10m", "1h" in seconds.
  hold_seconds = {
    for alert in local.alerts : alert.name =>
    tonumber(substr(alert.hold, 0, length(alert.hold) - 1)) * { s = 1, m = 60, h = 3600 }[substr(alert.hold, -1, 1)]
  }
}

resource "google_monitoring_dashboard" "dashboard" {
  for_each = local.dashboards
  dashboard_json = jsonencode({
    displayName = each.value.title
    mosaicLayout = {
      columns = 48
      tiles = [
        for place, panel in each.value.panels : {
          xPos = place % 3 * 16, yPos = floor(place / 3) * 16, width = 16, height = 16
          widget = {
            title = panel.title
            xyChart = {
              dataSets = [
                for q in panel.queries : {
                  plotType       = "LINE"
                  targetAxis     = "Y1"
                  legendTemplate = q.legend == "" ? "" : "$${metric.labels.${q.legend}}"
                  timeSeriesQuery = {
                    prometheusQuery = q.query
                    unitOverride    = local.units[panel.unit]
                  }
                }
              ]
              yAxis = { scale = "LINEAR" }
            }
          }
        }
      ]
    }
  })

  depends_on = [google_project_service.api]
}

# From three continents, through the balancer, to a path that needs no sign-in and that no CDN may answer.
resource "google_monitoring_uptime_check_config" "api" {
  display_name     = "API"
  timeout          = "10s"
  period           = "60s"
  selected_regions = local.continents

  http_check {
    path         = "/ready"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }
  content_matchers {
    content = "\"ready\""
    matcher = "CONTAINS_STRING"
  }
  monitored_resource {
    type   = "uptime_url"
    labels = { project_id = var.project, host = var.domain }
  }

  depends_on = [google_project_service.api]
}

# A route that writes, from the same places. It makes no commit, so it can be called for ever.
resource "google_monitoring_uptime_check_config" "writes" {
  count            = nonsensitive(var.write_probe == null) ? 0 : 1
  display_name     = "Writes"
  timeout          = "10s"
  period           = "60s"
  selected_regions = local.continents

  http_check {
    request_method      = "POST"
    path                = var.write_probe.path
    body                = base64encode(var.write_probe.body)
    content_type        = "USER_PROVIDED"
    custom_content_type = "application/json"
    headers             = { X-API-Key = var.write_probe.api_key }
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

# Every service may write its own spans and metrics, and may read none.
resource "google_project_iam_member" "telemetry" {
  for_each = var.telemetry_endpoint == "" ? {} : {
    for pair in setproduct(keys(local.services), ["tracesWriter", "metricsWriter"]) :
    "${pair[0]}/${pair[1]}" => { service = pair[0], role = "roles/telemetry.${pair[1]}" }
  }
  project = var.project
  role    = each.value.role
  member  = local.member[each.value.service]
}
