# The global balancer: one address for the API, routed by path and method from the catalog, and one host for events.

locals {
  # The last rule of a path takes all other methods; its function answers 405 to methods that the path does not have.
  last = toset([for keys in values({ for key, route in local.routes : route.path => key... }) : sort(keys)[length(keys) - 1]])
  # An unknown path gets the application's own 404, from an operation that everybody may call.
  not_found = local.backend_ids["${[for key in local.route_order : local.routes[key].service if local.routes[key].flavour != "leader"][0]}/nearest"]
}

resource "google_compute_url_map" "https" {
  name            = "wallet"
  default_service = local.not_found

  host_rule {
    hosts        = [var.domain]
    path_matcher = "api"
  }
  path_matcher {
    name            = "api"
    default_service = local.not_found

    dynamic "route_rules" {
      for_each = local.probed
      content {
        priority = index(local.writing, route_rules.key) + 1
        service  = local.backend_ids[route_rules.value]

        match_rules {
          full_path_match = local.probe_path
          header_matches {
            header_name = ":method"
            exact_match = "POST"
          }
          header_matches {
            header_name = local.probe_header
            exact_match = route_rules.key
          }
        }
      }
    }

    dynamic "route_rules" {
      for_each = local.route_rules
      content {
        priority = tonumber(route_rules.key) + 1 + length(local.probed)
        service  = local.backend_ids[local.route_backends[route_rules.value[0]]]

        dynamic "match_rules" {
          for_each = [for key in route_rules.value : local.routes[key]]
          content {
            full_path_match     = strcontains(match_rules.value.path, "{") ? null : match_rules.value.path
            path_template_match = strcontains(match_rules.value.path, "{") ? replace(match_rules.value.path, "/\\{([a-z_]+)\\}/", "{$1=*}") : null

            dynamic "header_matches" {
              for_each = contains(local.last, match_rules.value.key) ? [] : [match_rules.value.method]
              content {
                header_name = ":method"
                exact_match = header_matches.value
              }
            }
          }
        }
      }
    }
  }

  host_rule {
    hosts        = [local.events_domain]
    path_matcher = "events"
  }
  path_matcher {
    name            = "events"
    default_service = local.not_found

    dynamic "path_rule" {
      for_each = local.event_paths
      content {
        paths   = path_rule.value
        service = local.backend_ids["${path_rule.key}/events"]
      }
    }
  }

  dynamic "host_rule" {
    for_each = var.grpc ? [local.hosts.grpc.name] : []
    content {
      hosts        = [host_rule.value]
      path_matcher = "grpc"
    }
  }
  dynamic "path_matcher" {
    for_each = var.grpc ? ["grpc"] : []
    content {
      name            = path_matcher.value
      default_service = local.backend_ids[local.grpc_any]

      dynamic "path_rule" {
        for_each = local.grpc_rules
        content {
          paths   = path_rule.value
          service = local.backend_ids[path_rule.key]
        }
      }
    }
  }

  # New revisions, only for callers that know the secret.
  dynamic "host_rule" {
    for_each = local.canaries
    content {
      hosts        = ["*.canary-${host_rule.value}.${var.domain}"]
      path_matcher = "canary-${host_rule.value}"
    }
  }
  dynamic "path_matcher" {
    for_each = local.canaries
    content {
      name            = "canary-${path_matcher.value}"
      default_service = local.not_found

      route_rules {
        priority = 1
        service  = google_compute_backend_service.canary[path_matcher.value].id
        match_rules {
          prefix_match = "/"
          header_matches {
            header_name = "x-canary"
            exact_match = var.canary_secret
          }
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = alltrue([for route in values(local.routes) : length(regexall("\\{", route.path)) <= 5 && length(route.path) <= 255])
      error_message = "The balancer takes at most five variables and 255 characters in a path: shorten the path of the operation."
    }
    precondition {
      condition     = local.probe_path == "" || (length(local.probe_routes) > 0 && try(local.routes[local.probe_routes[0]].flavour, "") == "leader")
      error_message = "write_probe.path is of no POST that writes; one that does is /api/v1/wallets/{id}/sign-message."
    }
  }
}

locals {
  event_paths = {
    for name, service in local.services : name => flatten([
      for operation in service.operations : concat(
        length(local.operations[operation].messages) > 0 ? ["/push/${operation}"] : [],
        length(local.operations[operation].schedules) > 0 ? ["/schedule/${operation}"] : [],
      )
    ]) if service.events
  }
}

resource "google_compute_url_map" "redirect" {
  name       = "wallet-redirect"
  depends_on = [google_project_service.api]

  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "PERMANENT_REDIRECT"
    strip_query            = false
  }
}

resource "google_compute_ssl_policy" "modern" {
  name            = "wallet"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
  depends_on      = [google_project_service.api]
}

resource "google_compute_target_https_proxy" "https" {
  name            = "wallet"
  url_map         = google_compute_url_map.https.id
  certificate_map = "//certificatemanager.googleapis.com/${google_certificate_manager_certificate_map.wallet.id}"
  ssl_policy      = google_compute_ssl_policy.modern.id
  quic_override   = "ENABLE"
}

resource "google_compute_target_http_proxy" "redirect" {
  name    = "wallet-redirect"
  url_map = google_compute_url_map.redirect.id
}

resource "google_compute_global_address" "address" {
  for_each   = toset(["IPV4", "IPV6"])
  name       = "wallet-${lower(each.key)}"
  ip_version = each.key
  depends_on = [google_project_service.api]
}

resource "google_compute_global_forwarding_rule" "https" {
  for_each              = google_compute_global_address.address
  name                  = "wallet-https-${lower(each.key)}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = each.value.id
  port_range            = "443"
  target                = google_compute_target_https_proxy.https.id
}

resource "google_compute_global_forwarding_rule" "redirect" {
  for_each              = google_compute_global_address.address
  name                  = "wallet-http-${lower(each.key)}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = each.value.id
  port_range            = "80"
  target                = google_compute_target_http_proxy.redirect.id
}
