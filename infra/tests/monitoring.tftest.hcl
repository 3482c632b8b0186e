# Who is woken by what, and from where the API is looked at; on a catalog of two operations.

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

variables {
  project               = "acme-wallet-test"
  environment           = "prod"
  domain                = "api.example.com"
  dns_zone              = "example-com"
  image                 = "us-central1-docker.pkg.dev/acme-wallet-test/wallet/wallet@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  catalog               = "tests/catalogs/measured.json"
  recovery_project      = "acme-wallet-recovery"
  budget                = { billing_account = "012345-6789AB-CDEF01", currency = "EUR", units = 2000 }
  notification_channels = ["projects/acme-wallet-test/notificationChannels/1"]
}

run "monitoring" {
  command = plan

  assert {
    condition     = sort(keys(google_monitoring_alert_policy.alert)) == sort([for a in jsondecode(file("alerts.json")).alerts : a.name])
    error_message = "Not every alert of alerts.json has a policy."
  }
  assert {
    condition     = alltrue([for p in google_monitoring_alert_policy.alert : p.notification_channels == tolist(var.notification_channels)])
    error_message = "An alert tells nobody."
  }
  assert {
    condition     = alltrue([for name, p in google_monitoring_alert_policy.alert : strcontains(p.documentation[0].content, "docs/operations.md#${lower(name)}")])
    error_message = "An alert does not name its section of the runbook."
  }
  assert {
    condition     = google_monitoring_alert_policy.alert["OutboxOld"].conditions[0].condition_prometheus_query_language[0].query == "(max(wallet_outbox_oldest_seconds)) > 120"
    error_message = "A condition is not what alerts.json says."
  }
  assert {
    condition     = google_monitoring_alert_policy.alert["OutboxOld"].conditions[0].condition_prometheus_query_language[0].duration == "120s"
    error_message = "An alert's hold is not what alerts.json says."
  }
  assert {
    condition     = endswith(google_monitoring_alert_policy.alert["SpannerBusy"].conditions[0].condition_prometheus_query_language[0].query, " > 0.45")
    error_message = "Nobody is woken before the load of a failed region would be too much for the others."
  }
  assert {
    condition     = length(regexall(" and ", google_monitoring_alert_policy.alert["ErrorBudgetFastBurn"].conditions[0].condition_prometheus_query_language[0].query)) == 1
    error_message = "The burn rate must hold over both its windows."
  }
  assert {
    condition     = alltrue([for name in ["ErrorBudgetFastBurn", "QueueOld", "SpannerBusy"] : strcontains(google_monitoring_alert_policy.alert[name].conditions[0].condition_prometheus_query_language[0].query, "_googleapis_com:")])
    error_message = "An alert on what Google measures asks our own metrics."
  }
  assert {
    condition     = google_monitoring_alert_policy.alert["KeyAccessDenied"].severity == "CRITICAL" && strcontains(google_monitoring_alert_policy.alert["KeyAccessDenied"].conditions[0].condition_matched_log[0].filter, "cloudkms.googleapis.com") && length(google_monitoring_alert_policy.alert["KeyAccessDenied"].alert_strategy[0].notification_rate_limit) == 1
    error_message = "Refused calls for keys wake nobody, or the alert on log lines has no rate limit, which Google requires."
  }
  assert {
    condition = alltrue([
      for p in google_monitoring_alert_policy.alert : length(p.conditions[0].condition_prometheus_query_language) + length(p.conditions[0].condition_matched_log) == 1
    ])
    error_message = "An alert asks for nothing, or for two things."
  }
  assert {
    condition     = length(google_monitoring_dashboard.dashboard) == length(fileset(".", "dashboards/*.json"))
    error_message = "Not every dashboard is there."
  }
  assert {
    condition = alltrue([
      for name, d in google_monitoring_dashboard.dashboard :
      length(jsondecode(d.dashboard_json).mosaicLayout.tiles) == length(jsondecode(file("dashboards/${name}.json")).panels)
    ])
    error_message = "A dashboard lacks panels."
  }
  assert {
    condition     = toset(google_monitoring_uptime_check_config.api.selected_regions) == toset(["USA_VIRGINIA", "EUROPE", "ASIA_PACIFIC"])
    error_message = "The API is not looked at from one place on each of three continents."
  }
  assert {
    condition     = google_monitoring_uptime_check_config.api.monitored_resource[0].labels.host == "api.example.com"
    error_message = "The uptime check does not go through the balancer."
  }
  assert {
    condition     = length(google_project_iam_member.telemetry) == 2 * length(local.services)
    error_message = "Some service may not write its telemetry."
  }
  assert {
    condition     = alltrue([for m in google_project_iam_member.telemetry : startswith(m.role, "roles/telemetry.") && endswith(m.role, "Writer")])
    error_message = "A service may do more than write telemetry."
  }
  assert {
    condition     = local.common_settings.OTEL_EXPORTER_OTLP_ENDPOINT == "https://telemetry.googleapis.com" && local.common_settings.OTEL_TRACES_SAMPLER_ARG == "0.05"
    error_message = "Services are not told where to send telemetry."
  }
}

run "one_region" {
  command = plan
  variables {
    regions        = ["us-central1"]
    spanner_config = "regional-us-central1"
  }
  assert {
    condition     = endswith(google_monitoring_alert_policy.alert["SpannerBusy"].conditions[0].condition_prometheus_query_language[0].query, " > 0.65") && google_spanner_instance.wallet.autoscaling_config[0].autoscaling_targets[0].high_priority_cpu_utilization_percent == 65
    error_message = "Somebody is woken before Spanner scales itself."
  }
}

run "without_telemetry" {
  command = plan
  variables {
    telemetry_endpoint = ""
  }
  assert {
    condition     = length(google_project_iam_member.telemetry) == 0
    error_message = "Rights for nothing."
  }
}

run "a_telemetry_endpoint_has_no_path" {
  command = plan
  variables {
    telemetry_endpoint = "https://telemetry.googleapis.com/v1/traces"
  }
  expect_failures = [var.telemetry_endpoint]
}

run "a_share_is_no_percentage" {
  command = plan
  variables {
    trace_share = 5
  }
  expect_failures = [var.trace_share]
}
