# What other people keep, what the organisation refuses, and what the WAF looks into; on a catalog of two operations.

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
  catalog               = "tests/catalogs/measured.json"
  recovery_project      = "acme-wallet-recovery"
  budget                = { billing_account = "012345-6789AB-CDEF01", currency = "EUR", units = 2000 }
  notification_channels = ["projects/acme-wallet-prod/notificationChannels/1"]
}

run "recovery" {
  command = plan

  assert {
    condition     = length(google_resource_manager_lien.project) == 2 && alltrue([for l in google_resource_manager_lien.project : l.restrictions == tolist(["resourcemanager.projects.delete"])])
    error_message = "A project with keys or backups can be deleted in one step."
  }
  assert {
    condition     = { for k, s in google_spanner_instance.copies : k => "${s.project} ${s.config} ${s.edition}" } == { acme-wallet-recovery = "acme-wallet-recovery nam-eur-asia1 ENTERPRISE_PLUS" }
    error_message = "Copies of backups are where they cannot be restored, or in the same project."
  }
  assert {
    condition     = alltrue([for m in concat(values(google_spanner_instance_iam_member.copier), values(google_spanner_instance_iam_member.copies)) : m.role == "roles/spanner.backupWriter"]) && google_spanner_instance_iam_member.copies["acme-wallet-recovery"].project == "acme-wallet-recovery"
    error_message = "What copies backups may do more than that, or not that."
  }
  assert {
    condition     = google_kms_key_ring.recovery["acme-wallet-recovery"].project == "acme-wallet-recovery" && google_kms_crypto_key.seeds["acme-wallet-recovery"].version_template[0].protection_level == "HSM" && google_kms_crypto_key.seeds["acme-wallet-recovery"].destroy_scheduled_duration == "10368000s"
    error_message = "The second key is not apart from the first, or is lost sooner."
  }
  assert {
    condition     = [for m in google_kms_crypto_key_iam_member.custody : m if strcontains(m.crypto_key_id, "recovery")] == []
    error_message = "A service may use the key of other people."
  }
  assert {
    condition = (
      google_cloud_run_v2_job.copy_backup["acme-wallet-recovery"].template[0].template[0].containers[0].command == tolist(["python", "-m", "shared.ops.copy_backup"]) &&
      google_cloud_run_v2_job.copy_backup["acme-wallet-recovery"].template[0].template[0].containers[0].args == tolist(["--to", "projects/acme-wallet-recovery/instances/copies"]) &&
      google_cloud_run_v2_job.copy_backup["acme-wallet-recovery"].binary_authorization[0].use_default
    )
    error_message = "Backups are copied by something else, to somewhere else, or by an image that nobody has signed."
  }
  assert {
    condition     = google_cloud_scheduler_job.copy_backup["acme-wallet-recovery"].schedule == "0 7 * * *" && strcontains(google_cloud_scheduler_job.copy_backup["acme-wallet-recovery"].http_target[0].uri, "/jobs/copy-backup:run")
    error_message = "Backups are not copied each day."
  }
  assert {
    condition     = google_compute_security_policy.api.advanced_options_config[0].request_body_inspection_size == "64KB"
    error_message = "What is beyond the first 8 KB of a body is not looked at."
  }
  assert {
    condition = alltrue([
      for r in google_compute_security_policy.api.rule : toset([for h in r.preconfigured_waf_config[0].exclusion[0].request_header : h.value]) == toset(["authorization", "idempotency-key", "if-match", "x-api-key"]) if length(r.preconfigured_waf_config) > 0
    ]) && length([for r in google_compute_security_policy.api.rule : r if length(r.preconfigured_waf_config) > 0]) == 5
    error_message = "A signed token is looked through for code, or a whole rule set is left out."
  }
  assert {
    condition     = length(google_org_policy_policy.allowed) + length(google_org_policy_policy.enforced) + length(google_access_context_manager_service_perimeter.wallet) == 0
    error_message = "What takes a right in the organisation is made without being asked for."
  }
}

run "without_other_people" {
  command = plan
  variables {
    environment      = "staging"
    recovery_project = null
  }
  assert {
    condition     = length(google_spanner_instance.copies) + length(google_cloud_run_v2_job.copy_backup) + length(google_kms_crypto_key.seeds) == 0 && length(google_resource_manager_lien.project) == 1
    error_message = "Something is made in no project."
  }
}

run "boundary" {
  command = plan
  variables {
    organization_policies = true
    perimeter             = { access_policy = "123", access_levels = ["accessPolicies/123/accessLevels/office"], enforced = false }
    waf_opt_out           = { sqli-v33-stable = ["owasp-crs-v030301-id942200-sqli"] }
  }
  assert {
    condition     = google_org_policy_policy.allowed["run.allowedIngress"].spec[0].rules[0].values[0].allowed_values == tolist(["internal-and-cloud-load-balancing"]) && google_org_policy_policy.enforced["iam.disableServiceAccountKeyCreation"].spec[0].rules[0].enforce == "TRUE"
    error_message = "Somebody may open a service to the internet, or make a key that is never rotated."
  }
  assert {
    condition     = google_access_context_manager_service_perimeter.wallet["wallet"].use_explicit_dry_run_spec && length(google_access_context_manager_service_perimeter.wallet["wallet"].status) == 0
    error_message = "A perimeter refuses before anybody has read what it would refuse."
  }
  assert {
    condition     = toset(google_access_context_manager_service_perimeter.wallet["wallet"].spec[0].restricted_services) == toset(["cloudkms.googleapis.com", "firestore.googleapis.com", "secretmanager.googleapis.com", "spanner.googleapis.com"])
    error_message = "Data or keys are outside of the perimeter, or Pub/Sub, which could push nowhere, is inside."
  }
  assert {
    condition     = strcontains(join(" ", [for r in google_compute_security_policy.api.rule : try(r.match[0].expr[0].expression, "")]), "evaluatePreconfiguredWaf('sqli-v33-stable', {'sensitivity': 1, 'opt_out_rule_ids': ['owasp-crs-v030301-id942200-sqli']})")
    error_message = "A signature that honest requests meet cannot be left out."
  }
}

run "a_perimeter_that_refuses" {
  command = plan
  variables {
    perimeter = { access_policy = "123", access_levels = [], enforced = true }
  }
  assert {
    condition     = !google_access_context_manager_service_perimeter.wallet["wallet"].use_explicit_dry_run_spec && toset(google_access_context_manager_service_perimeter.wallet["wallet"].status[0].ingress_policies[0].ingress_from[0].identities) == toset(local.ingress[0].identities)
    error_message = "Builds cannot migrate, or the perimeter only logs."
  }
}

run "the_same_project_is_no_other" {
  command = plan
  variables {
    recovery_project = "acme-wallet-prod"
  }
  expect_failures = [var.recovery_project]
}

run "production_without_other_people" {
  command = plan
  variables {
    recovery_project = null
  }
  expect_failures = [var.recovery_project]
}

run "a_rule_set_that_is_not_used" {
  command = plan
  variables {
    waf_opt_out = { sqli-v22 = ["x"] }
  }
  expect_failures = [var.waf_opt_out]
}
