# The objectives of users' main journeys (objectives.json; the table of docs/operations.md#journeyfailing). Cloud Monitoring
# measures over four weeks how many runs succeed, how many answer in time, and how much of the budget is left. They wake
# nobody: that is for alerts.json, which measures over hours.

locals {
  objectives = jsondecode(file("${path.module}/objectives.json"))
  objects = merge([
    for journey, operations in local.objectives.journeys : { for operation in operations : operation => journey if contains(keys(local.operations), operation) }
  ]...)
  # Our own metrics arrive by OTLP, and are then Prometheus metrics.
  asked = { for operation, journey in local.objects : operation => "resource.type=\"prometheus_target\" AND metric.labels.trigger=\"http\" AND metric.labels.operation=\"${operation}\"" }
}

resource "google_monitoring_custom_service" "wallet" {
  service_id   = "wallet"
  display_name = "wallet ${var.environment}"
  depends_on   = [google_project_service.api]
}

resource "google_monitoring_slo" "succeed" {
  for_each            = local.objects
  service             = google_monitoring_custom_service.wallet.service_id
  slo_id              = "${replace(each.key, "_", "-")}-succeeds"
  display_name        = "${each.value}: ${each.key} succeeds"
  goal                = local.objectives.succeed
  rolling_period_days = local.objectives.days

  request_based_sli {
    good_total_ratio {
      total_service_filter = "metric.type=\"prometheus.googleapis.com/wallet_runs_total/counter\" AND ${local.asked[each.key]}"
      bad_service_filter   = "metric.type=\"prometheus.googleapis.com/wallet_runs_total/counter\" AND ${local.asked[each.key]} AND metric.labels.status=monitoring.regex.full_match(\"5..\")"
    }
  }
}

resource "google_monitoring_slo" "quick" {
  for_each            = local.objects
  service             = google_monitoring_custom_service.wallet.service_id
  slo_id              = "${replace(each.key, "_", "-")}-in-time"
  display_name        = "${each.value}: ${each.key} answers within ${local.objectives.seconds} s"
  goal                = local.objectives.quick
  rolling_period_days = local.objectives.days

  request_based_sli {
    distribution_cut {
      distribution_filter = "metric.type=\"prometheus.googleapis.com/wallet_run_seconds/histogram\" AND ${local.asked[each.key]}"
      range {
        max = local.objectives.seconds
      }
    }
  }
}
