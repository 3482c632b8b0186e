# The settings of every service (shared/settings.py), and the secrets that only some services get.

locals {
  events_domain = "events.${var.domain}"
  secret_folder = "/secrets"

  common_settings = {
    ENVIRONMENT          = var.environment
    GOOGLE_CLOUD_PROJECT = var.project
    SPANNER_INSTANCE     = "wallet"
    SPANNER_DATABASE     = local.serving_database
    LIMITS_DATABASE      = "limits"
    DEFAULT_CHAIN        = var.default_chain
    TOKEN_ISSUER         = "https://${var.domain}"
    TOKEN_KEYS_FILE      = "${local.secret_folder}/token-keys"
    PUSH_AUDIENCE        = "https://${local.events_domain}"
    PUSH_SERVICE_ACCOUNT = local.push_email
    SIWE_DOMAINS         = join(",", coalescelist(var.siwe_domains, [var.domain]))
    MAIL_SENDER          = var.mail_sender
    # Nothing with money, keys or webhooks before somebody has proved access to the account's mailbox.
    REQUIRE_VERIFIED_EMAIL = "on"
    KMS_KEY                = "projects/${var.project}/locations/${var.kms_location}/keyRings/wallet/cryptoKeys/custody"
    WEBHOOK_KMS_KEY        = "projects/${var.project}/locations/${var.kms_location}/keyRings/wallet/cryptoKeys/webhooks"
    # The logged share of runs that succeed within a second; their changes are in the audit log.
    LOG_SUCCESSES = "0.1"
    # The share of traces that are kept if the caller has not decided.
    OTEL_TRACES_SAMPLER_ARG     = tostring(var.trace_share)
    OTEL_EXPORTER_OTLP_ENDPOINT = var.telemetry_endpoint
    # The balancer appends the client's address and its own.
    FORWARDED_HOPS     = "2"
    BALANCER_ADDRESSES = join(",", [for address in google_compute_global_address.address : address.address])
  }
  own_settings      = ["FUNCTION_TARGET", "REGION", "CACHE_DATABASE", "HANDLER_SECONDS", "PORT", "THREADS", "WORK_AFTER_ANSWERS"]
  reserved_settings = concat(keys(local.common_settings), local.own_settings, values(local.secret_variables))

  # Which services get which secret: services that issue tokens get the private keys, all others the public ones.
  secrets = merge(
    {
      fingerprint-key = { readers = keys(local.services) }
      token-keys = {
        readers = [for name, service in local.services : name if contains(service.needs, "issuer")]
      }
      token-keys-public = {
        readers = [for name, service in local.services : name if !contains(service.needs, "issuer")]
      }
    },
    var.mail_sender == "" ? {} : {
      smtp-url = { readers = [for name, service in local.services : name if contains(service.needs, "mail")] }
    },
    { for chain in var.chains : "rpc-url-${chain}" => {
      readers = [for name, service in local.services : name if contains(service.needs, "chain")]
    } },
  )
  # Secrets that arrive as variables; the token keys are a file, so that services notice a rotation.
  secret_variables = merge(
    { fingerprint-key = "FINGERPRINT_KEY" },
    var.mail_sender == "" ? {} : { smtp-url = "SMTP_URL" },
    { for chain in var.chains : "rpc-url-${chain}" => "RPC_URL_${upper(chain)}" },
  )
}

locals {
  secret_ids = { for name, secret in google_secret_manager_secret.secret : name => secret.secret_id }
}

resource "google_secret_manager_secret" "secret" {
  for_each            = local.secrets
  secret_id           = each.key
  deletion_protection = var.deletion_protection
  # Versions are added by people (see README.md): a secret in Terraform would be in its state.
  version_destroy_ttl = "604800s"

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}
