# Cloud Armor. It bans clients that call too often for a while. It only logs requests that look like an attack until
# waf_preview is off, because hex, signatures and typed data look like one.

locals {
  # Rule sets with their sensitivity; higher ones take JSON-RPC and EIP-712 bodies for attacks.
  waf = {
    sqli-v33-stable             = 1
    xss-v33-stable              = 1
    lfi-v33-stable              = 1
    rce-v33-stable              = 1
    protocolattack-v33-stable   = 1
    scannerdetection-v33-stable = 1
    cve-canary                  = 1
  }
  waf_order = sort(keys(local.waf))
  # Signed tokens, cursors and keys are base64 and can look like anything; the application checks them.
  opaque_headers = ["authorization", "idempotency-key", "if-match", "x-api-key"]
  opaque_params  = ["cursor"]
  # The rule sets that look for code in headers and parameters.
  reads_values = ["lfi-v33-stable", "protocolattack-v33-stable", "rce-v33-stable", "sqli-v33-stable", "xss-v33-stable"]
  opted_out = {
    for name, sensitivity in local.waf : name => length(lookup(var.waf_opt_out, name, [])) == 0 ? "" : ", 'opt_out_rule_ids': [${join(", ", [for id in var.waf_opt_out[name] : "'${id}'"])}]"
  }
}

resource "google_compute_security_policy" "api" {
  name        = "wallet-api"
  description = "What everybody on the internet may call."
  type        = "CLOUD_ARMOR"
  depends_on  = [google_project_service.api]

  advanced_options_config {
    json_parsing = "STANDARD"
    log_level    = "NORMAL"
    # An ABI or typed data is longer than the default of 8 KB; bytes beyond the limit are not inspected.
    request_body_inspection_size = "64KB"
    # No user_ip_request_headers: no proxy that we trust is in front, so a client could choose its own address.
  }
  adaptive_protection_config {
    layer_7_ddos_defense_config {
      enable          = true
      rule_visibility = "STANDARD"
    }
  }

  dynamic "rule" {
    for_each = { for index, name in local.waf_order : name => 1000 + index }
    content {
      action      = "deny(403)"
      priority    = rule.value
      preview     = var.waf_preview
      description = rule.key
      match {
        expr {
          expression = "evaluatePreconfiguredWaf('${rule.key}', {'sensitivity': ${local.waf[rule.key]}${local.opted_out[rule.key]}})"
        }
      }
      dynamic "preconfigured_waf_config" {
        for_each = contains(local.reads_values, rule.key) ? [1] : []
        content {
          exclusion {
            target_rule_set = rule.key
            dynamic "request_header" {
              for_each = local.opaque_headers
              content {
                operator = "EQUALS"
                value    = request_header.value
              }
            }
            dynamic "request_query_param" {
              for_each = local.opaque_params
              content {
                operator = "EQUALS"
                value    = request_query_param.value
              }
            }
          }
        }
      }
    }
  }

  # By address only. A rule by API key would decide first for a request with a key, so a new random key for each request
  # would never be banned. The application limits the requests of a key.
  rule {
    action      = "rate_based_ban"
    priority    = 2000
    description = "Too many requests from one address"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
    rate_limit_options {
      conform_action   = "allow"
      exceed_action    = "deny(429)"
      enforce_on_key   = "IP"
      ban_duration_sec = 600
      rate_limit_threshold {
        count        = var.requests_per_minute
        interval_sec = 60
      }
    }
  }
  rule {
    action      = "allow"
    priority    = 2147483647
    description = "Everything else"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}

# Pub/Sub and Cloud Scheduler call from few addresses and in bursts, so a ban would stop every event. Their token
# authenticates them.
resource "google_compute_security_policy" "events" {
  name        = "wallet-events"
  description = "Pub/Sub and Cloud Scheduler: no bans."
  type        = "CLOUD_ARMOR"
  depends_on  = [google_project_service.api]

  rule {
    action      = "deny(403)"
    priority    = 1000
    description = "Neither of them sends anything but POST with a token"
    match {
      expr {
        expression = "request.method != 'POST' || !has(request.headers['authorization'])"
      }
    }
  }
  rule {
    action      = "allow"
    priority    = 2147483647
    description = "Everything else"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}
