# What stands beside the catalog: data, keys, names, protection, audit.

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

variables {
  project               = "acme-wallet-prod"
  environment           = "prod"
  domain                = "api.example.com"
  dns_zone              = "example-com"
  image                 = "us-central1-docker.pkg.dev/acme-wallet-prod/wallet/wallet@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  notification_channels = ["projects/acme-wallet-prod/notificationChannels/1"]
  catalog               = "tests/catalogs/small.json"
  recovery_project      = "acme-wallet-recovery"
  budget                = { billing_account = "012345-6789AB-CDEF01", currency = "EUR", units = 2000 }
}

run "expected" {
  command = plan
  module {
    source = "./tests/expected"
  }
}

run "platform" {
  command = plan

  # Spanner
  assert {
    condition     = google_spanner_instance.wallet.config == "nam-eur-asia1" && google_spanner_instance.wallet.edition == "ENTERPRISE_PLUS" && !google_spanner_instance.wallet.force_destroy
    error_message = "Spanner is not in three continents, or goes with its backups."
  }
  assert {
    condition     = google_spanner_instance.wallet.autoscaling_config[0].autoscaling_limits[0].min_processing_units == 1000 && google_spanner_instance.wallet.autoscaling_config[0].autoscaling_targets[0].high_priority_cpu_utilization_percent == 45
    error_message = "Spanner does not scale, or so late that a lost region is missed."
  }
  assert {
    condition     = google_spanner_database.wallet.version_retention_period == "7d" && google_spanner_database.wallet.deletion_protection && google_spanner_database.wallet.enable_drop_protection
    error_message = "The database cannot be read as it was, or can be dropped."
  }
  assert {
    condition     = length(google_spanner_backup_schedule.full.full_backup_spec) == 1 && length(google_spanner_backup_schedule.incremental.incremental_backup_spec) == 1 && google_spanner_backup_schedule.full.retention_duration == "2592000s"
    error_message = "There is no full daily and incremental backup."
  }

  # Firestore
  assert {
    condition     = { for d in google_firestore_database.cache : d.name => d.location_id } == { cache-us-central1 = "us-central1", cache-europe-west1 = "europe-west1", cache-asia-east1 = "asia-east1", limits = "nam5" }
    error_message = "A region's cache is not in that region."
  }
  assert {
    condition     = { for k, f in google_firestore_field.expiry : k => "${f.collection}.${f.field}" if length(f.ttl_config) == 1 } == { cache-us-central1 = "c.gone", cache-europe-west1 = "c.gone", cache-asia-east1 = "c.gone", limits = "rates.until" }
    error_message = "Cached documents or counters are never removed."
  }

  # Keys and secrets
  assert {
    condition     = google_kms_crypto_key.custody.purpose == "ENCRYPT_DECRYPT" && google_kms_crypto_key.custody.rotation_period == "7776000s" && google_kms_crypto_key.custody.version_template[0].protection_level == "HSM"
    error_message = "The custody key is not rotated, or not in an HSM."
  }
  assert {
    condition     = google_kms_crypto_key.treasury.version_template[0].algorithm == "EC_SIGN_SECP256K1_SHA256" && google_kms_crypto_key.treasury.purpose == "ASYMMETRIC_SIGN" && google_kms_crypto_key.treasury.version_template[0].protection_level == "HSM"
    error_message = "The treasury cannot sign, or its key can leave."
  }
  assert {
    condition     = alltrue([for key in [google_kms_crypto_key.custody, google_kms_crypto_key.webhooks, google_kms_crypto_key.treasury] : key.destroy_scheduled_duration == "2592000s"]) && run.expected.kept == 5
    error_message = "A key can be lost within a month."
  }
  assert {
    condition     = toset(keys(google_secret_manager_secret.secret)) == toset(["fingerprint-key", "rpc-url-ethereum", "token-keys", "token-keys-public"]) && alltrue([for s in google_secret_manager_secret.secret : s.deletion_protection])
    error_message = "A secret is missing, left over, or can be deleted."
  }

  # Names and certificates
  assert {
    condition = toset([for r in google_dns_record_set.host : "${r.type} ${r.name}"]) == toset(flatten([
      for n in ["api.example.com.", "events.api.example.com."] : ["A ${n}", "AAAA ${n}"]
    ]))
    error_message = "A host has no address."
  }
  assert {
    condition     = toset(flatten([for c in google_certificate_manager_certificate.host : c.managed[0].domains])) == toset(["api.example.com", "events.api.example.com"])
    error_message = "A host has no certificate."
  }
  assert {
    condition     = toset([for e in google_certificate_manager_certificate_map_entry.host : e.hostname]) == toset(["api.example.com", "events.api.example.com"])
    error_message = "A certificate is not served."
  }
  assert {
    condition     = google_compute_ssl_policy.modern.min_tls_version == "TLS_1_2" && google_compute_url_map.redirect.default_url_redirect[0].https_redirect
    error_message = "Old TLS is spoken, or HTTP is served."
  }
  assert {
    condition     = toset([for r in google_compute_global_forwarding_rule.https : r.port_range]) == toset(["443"]) && length(google_compute_global_forwarding_rule.https) == 2 && length(google_compute_global_forwarding_rule.redirect) == 2
    error_message = "HTTPS is not served on both addresses."
  }

  # Cloud Armor
  assert {
    condition     = alltrue([for r in google_compute_security_policy.api.rule : r.preview if startswith(r.action, "deny") && r.priority < 2000]) && length([for r in google_compute_security_policy.api.rule : r if r.priority < 2000]) >= 5
    error_message = "The WAF blocks before its logs were read, or is not there."
  }
  assert {
    condition     = [for r in google_compute_security_policy.api.rule : "${r.rate_limit_options[0].enforce_on_key} ${join(",", r.match[0].config[0].src_ip_ranges)}" if r.action == "rate_based_ban"] == ["IP *"]
    error_message = "Not every address that calls too often is banned."
  }
  assert {
    condition     = alltrue([for p in [google_compute_security_policy.api, google_compute_security_policy.events] : length([for r in p.rule : r if r.priority == 2147483647 && r.action == "allow"]) == 1])
    error_message = "A policy has no last rule."
  }
  assert {
    condition     = google_compute_security_policy.api.adaptive_protection_config[0].layer_7_ddos_defense_config[0].enable && google_compute_security_policy.api.advanced_options_config[0].json_parsing == "STANDARD"
    error_message = "Adaptive protection is off, or JSON is not looked into."
  }
  assert {
    condition     = length([for r in google_compute_security_policy.events.rule : r if r.action == "rate_based_ban"]) == 0
    error_message = "Pub/Sub could be banned."
  }

  # Images that the build has signed, calls out
  assert {
    condition     = google_binary_authorization_policy.images.default_admission_rule[0].enforcement_mode == "ENFORCED_BLOCK_AND_AUDIT_LOG" && google_binary_authorization_policy.images.default_admission_rule[0].evaluation_mode == "REQUIRE_ATTESTATION"
    error_message = "An image that nobody has proven can run."
  }
  assert {
    condition     = alltrue([for s in google_cloud_run_v2_service.service : s.binary_authorization[0].use_default])
    error_message = "A service starts images without looking at the policy."
  }
  assert {
    condition     = google_kms_crypto_key_iam_member.attestor.member == "serviceAccount:delivery@acme-wallet-prod.iam.gserviceaccount.com" && google_kms_crypto_key_iam_member.attestor.role == "roles/cloudkms.signerVerifier"
    error_message = "Somebody else than the build signs images, or nobody."
  }
  assert {
    condition     = length(google_compute_router_nat.egress) == 0 && alltrue([for s in google_cloud_run_v2_service.service : length(s.template[0].vpc_access) == 0])
    error_message = "An address translation is paid for that nobody asked for."
  }

  # Dead letters, images, audit, budget
  assert {
    condition     = google_pubsub_subscription.dead_letters_kept.topic == "dead-letters" && google_pubsub_subscription.dead_letters_kept.message_retention_duration == "2678400s" && google_pubsub_subscription.dead_letters_kept.expiration_policy[0].ttl == ""
    error_message = "Dead letters are lost when nobody reads them."
  }
  assert {
    condition     = google_artifact_registry_repository.images.docker_config[0].immutable_tags
    error_message = "An image's tag can be moved."
  }
  assert {
    condition     = google_artifact_registry_repository.images.location == "us"
    error_message = "Images are lost with a region."
  }
  assert {
    condition     = google_logging_project_bucket_config.audit.retention_days == 400 && google_logging_project_sink.audit.unique_writer_identity && !run.expected.writers
    error_message = "Audit logs are not kept, or their sink's writer, which there is none of, is granted something."
  }
  assert {
    condition = alltrue([
      for s in ["cloudkms.googleapis.com", "secretmanager.googleapis.com"] : contains([for c in google_project_iam_audit_config.data_access[s].audit_log_config : c.log_type], "DATA_READ")
    ])
    error_message = "Nobody sees who uses a key or reads a secret."
  }
  assert {
    condition     = google_billing_budget.monthly[0].amount[0].specified_amount[0].units == "2000" && length(google_billing_budget.monthly[0].threshold_rules) == 4
    error_message = "The budget does not warn."
  }
  assert {
    condition     = alltrue([for s in google_project_service.api : !s.disable_on_destroy])
    error_message = "Destroying would switch APIs off for everything else in the project."
  }
}
