# What differs by variable, on a catalog of five operations: granularity, where writes go, one region, caches.

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
  recovery_project      = "acme-wallet-recovery"
  budget                = { billing_account = "012345-6789AB-CDEF01", currency = "EUR", units = 2000 }
  catalog               = "tests/catalogs/small.json"
  granularity           = "operation"
}

run "trusts" {
  command = plan
  variables {
    granularity = "trust"
  }
  assert {
    condition = { for k, s in google_cloud_run_v2_service.service : k => "${s.template[0].max_instance_request_concurrency} ${s.template[0].timeout} ${s.template[0].containers[0].resources[0].cpu_idle}" } == {
      "public-reads/us-central1"  = "32 60s true", "public-reads/europe-west1" = "32 60s true", "public-reads/asia-east1" = "32 60s true",
      "public-writes/us-central1" = "16 60s false", "public-writes/us-east1" = "16 60s false",
      "engine/us-central1"        = "16 60s false", "engine/us-east1" = "16 60s false",
      "events/us-central1"        = "32 60s true", "events/us-east1" = "32 60s true",
    }
    error_message = "A trust is not where it is needed, or not with its own concurrency, deadline and processor."
  }
  assert {
    condition = alltrue([
      for k, s in google_cloud_run_v2_service.service : { for e in s.template[0].containers[0].env : e.name => e.value if contains(["FUNCTION_TARGET", "THREADS", "HANDLER_SECONDS", "WORK_AFTER_ANSWERS"], e.name) } == {
        FUNCTION_TARGET    = "trust_${replace(s.name, "-", "_")}", THREADS = tostring(s.template[0].max_instance_request_concurrency), HANDLER_SECONDS = contains(["engine", "events"], s.name) ? "58" : "45"
        WORK_AFTER_ANSWERS = s.template[0].containers[0].resources[0].cpu_idle ? "off" : "on"
      }
    ])
    error_message = "An instance serves another trust, or fewer requests at once than Cloud Run sends it."
  }
  assert {
    condition     = keys(google_kms_crypto_key_iam_member.custody) == ["engine/decrypt"]
    error_message = "Another trust than the engine can decrypt."
  }
  assert {
    condition     = { for name, m in google_spanner_database_iam_member.service : name => m.role } == { engine = "roles/spanner.databaseUser", events = "roles/spanner.databaseUser", public-reads = "roles/spanner.databaseReader", public-writes = "roles/spanner.databaseUser" }
    error_message = "A trust that only reads may write, or the other way round."
  }
  assert {
    condition = {
      for rule in google_compute_url_map.https.path_matcher[0].route_rules : coalesce(rule.match_rules[0].full_path_match, rule.match_rules[0].path_template_match) => basename(rule.service)
      } == {
      "/api/v1/claims" = "public-writes--leader", "/api/v1/claims/{claim_id=*}" = "public-reads--nearest", "/.well-known/jwks.json" = "public-reads--cdn"
    }
    error_message = "A route does not lead to its trust's service."
  }
}

run "grpc" {
  command = plan
  variables {
    granularity = "trust"
    grpc        = true
  }
  assert {
    condition = { for k, s in google_cloud_run_v2_service.service : k => "${join(" ", s.template[0].containers[0].command)} ${s.template[0].containers[0].ports[0].name} ${s.template[0].containers[0].startup_probe[0].grpc[0].port}" if startswith(k, "grpc-") } == {
      for k in ["grpc-public-reads/us-central1", "grpc-public-reads/europe-west1", "grpc-public-reads/asia-east1", "grpc-public-writes/us-central1", "grpc-public-writes/us-east1"] : k => "python -m functions.grpc_server h2c 8080"
    }
    error_message = "gRPC is not served by its own server over HTTP/2 where the same is served over HTTP."
  }
  assert {
    condition     = alltrue([for k, s in google_cloud_run_v2_service.service : s.template[0].containers[0].command == null && length(s.template[0].containers[0].startup_probe[0].http_get) == 1 if !startswith(k, "grpc-")])
    error_message = "A service for HTTP is started as one for gRPC."
  }
  assert {
    condition = { for rule in [for m in google_compute_url_map.https.path_matcher : m if m.name == "grpc"][0].path_rule : basename(rule.service) => join(" ", sort(rule.paths)) } == {
      "grpc-public-reads--nearest" = "/wallet.v1.ClaimsService/GetClaim /wallet.v1.SiteService/GetJwks"
      "grpc-public-writes--leader" = "/wallet.v1.ClaimsService/ClaimOrder"
    }
    error_message = "A method does not lead to the service of its trust."
  }
  assert {
    condition     = { for k, b in google_compute_backend_service.backend : k => b.protocol if startswith(k, "grpc-") } == { "grpc-public-reads/nearest" = "HTTP2", "grpc-public-writes/leader" = "HTTP2" }
    error_message = "The balancer does not speak HTTP/2 with the services for gRPC, or has others for them."
  }
  assert {
    condition     = google_spanner_database_iam_member.service["grpc-public-reads"].role == "roles/spanner.databaseReader" && google_spanner_database_iam_member.service["grpc-public-writes"].role == "roles/spanner.databaseUser" && keys(google_kms_crypto_key_iam_member.custody) == ["engine/decrypt"]
    error_message = "A service for gRPC has other rights than the same over HTTP."
  }
  assert {
    condition     = contains([for rule in google_compute_url_map.https.host_rule : tolist(rule.hosts)[0]], "grpc.api.example.com") && google_certificate_manager_certificate.host["grpc"].managed[0].domains[0] == "grpc.api.example.com"
    error_message = "The host of gRPC has no route, or no certificate."
  }
}

run "groups" {
  command = plan
  variables {
    granularity = "group"
  }
  assert {
    condition     = toset([for s in google_cloud_run_v2_service.service : s.name]) == toset(["claims", "receipts", "site"]) && toset([for k in keys(google_cloud_run_v2_service.service) : k if startswith(k, "site/")]) == toset(["site/us-central1", "site/europe-west1", "site/asia-east1"])
    error_message = "There is not one service for each group and region."
  }
  assert {
    condition = alltrue([
      for s in google_cloud_run_v2_service.service : contains([for e in s.template[0].containers[0].env : e.value if e.name == "FUNCTION_TARGET"], s.name)
    ])
    error_message = "A group's service is not told to serve its group."
  }
  assert {
    condition     = google_spanner_database_iam_member.service["claims"].role == "roles/spanner.databaseUser" && google_spanner_database_iam_member.service["site"].role == "roles/spanner.databaseReader"
    error_message = "A group may not do what its operations do, or more."
  }
  assert {
    condition     = length(google_kms_crypto_key_iam_member.custody) == 1 && google_kms_crypto_key_iam_member.custody["claims/decrypt"].role == "roles/cloudkms.cryptoKeyDecrypter"
    error_message = "Another group than the signers' can decrypt."
  }
  assert {
    condition = {
      for rule in google_compute_url_map.https.path_matcher[0].route_rules : coalesce(rule.match_rules[0].full_path_match, rule.match_rules[0].path_template_match) => basename(rule.service)
      } == {
      "/api/v1/claims" = "claims--leader", "/api/v1/claims/{claim_id=*}" = "claims--nearest", "/.well-known/jwks.json" = "site--cdn"
    }
    error_message = "A route does not lead to its group's service."
  }
  assert {
    condition     = google_pubsub_subscription.push["claim_order.claim-commands"].push_config[0].push_endpoint == "https://events.api.example.com/push/claim_order"
    error_message = "A subscription depends on the granularity."
  }
}

run "the_leader_is_lost" {
  command = plan
  variables {
    lost_regions = ["us-central1"]
  }
  assert {
    condition = alltrue([
      for k, b in google_compute_backend_service.backend : alltrue([for member in b.backend : !strcontains(member.group, "/us-central1/")]) && length(b.backend) > 0
    ])
    error_message = "Requests still go to the lost region, or nowhere."
  }
  assert {
    condition     = [for b in google_compute_backend_service.backend["claim-order/leader"].backend : basename(dirname(dirname(b.group)))] == ["us-east1"]
    error_message = "Writes do not go to the standby."
  }
  assert {
    condition     = contains(keys(google_cloud_run_v2_service.service), "claim-order/us-central1")
    error_message = "What was in the lost region would be deleted, by asking that region."
  }
}

run "writes_fail_over_by_themselves" {
  command = plan
  assert {
    condition     = { for b in google_compute_backend_service.backend["claim-order/leader"].backend : basename(dirname(dirname(b.group))) => b.preference } == { "us-central1" = "PREFERRED", "us-east1" = "DEFAULT" }
    error_message = "The balancer does not know the standby, or does not prefer the leader's region."
  }
  assert {
    condition = alltrue([
      for region in ["us-central1", "us-east1"] : google_cloud_run_v2_service.service["claim-order/${region}"].template[0].containers[0].readiness_probe[0].http_get[0].path == "/serving"
      && google_cloud_run_v2_service.service["claim-order/${region}"].scaling[0].min_instance_count >= 1
    ])
    error_message = "Nobody tells the balancer whether a region of writes is healthy."
  }
  assert {
    condition     = length(google_cloud_run_v2_service.service["get-claim/europe-west1"].template[0].containers[0].readiness_probe) == 0
    error_message = "A region that scales to zero would be called unhealthy."
  }
}

run "writes_fail_over_by_hand" {
  command = plan
  variables {
    write_failover = "manual"
  }
  assert {
    condition     = [for b in google_compute_backend_service.backend["claim-order/leader"].backend : basename(dirname(dirname(b.group)))] == ["us-central1"]
    error_message = "Writes leave the leader without need."
  }
  assert {
    condition     = google_cloud_run_v2_service.service["claim-order/us-east1"].scaling[0].min_instance_count == 0
    error_message = "The standby is kept warm for nothing."
  }
}

run "a_reader_is_lost" {
  command = plan
  variables {
    lost_regions = ["asia-east1"]
  }
  assert {
    condition     = toset([for b in google_compute_backend_service.backend["get-claim/nearest"].backend : basename(dirname(dirname(b.group)))]) == toset(["us-central1", "europe-west1"])
    error_message = "Reads still go to the lost region."
  }
  assert {
    condition     = [for b in google_compute_backend_service.backend["claim-order/leader"].backend : basename(dirname(dirname(b.group)))] == ["us-central1", "us-east1"]
    error_message = "Writes do not go to the leader, or else to the standby."
  }
}

run "canaries" {
  command = plan
  variables {
    canary_secret = "0123456789abcdef0123456789abcdef" # pragma: allowlist secret
  }
  assert {
    condition = { for g in google_compute_region_network_endpoint_group.canary : g.region => "${g.cloud_run[0].tag} ${g.cloud_run[0].url_mask}" } == {
      for r in ["us-central1", "europe-west1", "asia-east1", "us-east1"] : r => "canary <service>.canary-${r}.api.example.com"
    }
    error_message = "A new revision cannot be called in its region."
  }
  assert {
    condition = alltrue([
      for m in google_compute_url_map.https.path_matcher : alltrue([
        for rule in m.route_rules : alltrue([for h in rule.match_rules[0].header_matches : h.header_name == "x-canary" && nonsensitive(h.exact_match) == "0123456789abcdef0123456789abcdef"]) && length(rule.match_rules[0].header_matches) == 1
      ]) if startswith(m.name, "canary-")
    ]) && length([for m in google_compute_url_map.https.path_matcher : m if startswith(m.name, "canary-")]) == 4
    error_message = "A new revision can be called without the secret."
  }
  assert {
    condition     = contains([for r in google_dns_record_set.host : r.name], "*.canary-asia-east1.api.example.com.") && contains(flatten([for c in google_certificate_manager_certificate.host : c.managed[0].domains]), "*.canary-asia-east1.api.example.com")
    error_message = "A canary host has no address or certificate."
  }
  assert {
    condition     = toset([for m in google_project_iam_member.delivery : m.role]) == toset(["roles/run.developer", "roles/monitoring.viewer", "roles/logging.logWriter"]) && toset(keys(google_service_account_iam_member.delivery)) == toset(keys(google_service_account.service))
    error_message = "The rollout may do too much or too little."
  }
  assert {
    condition     = google_service_account_iam_member.delivery_tokens.role == "roles/iam.serviceAccountOpenIdTokenCreator" && google_service_account_iam_member.delivery_tokens.member == "serviceAccount:delivery@acme-wallet-prod.iam.gserviceaccount.com" && contains(keys(google_project_service.api), "iamcredentials")
    error_message = "The rollout cannot start a schedule as Cloud Scheduler does, so none is tried before it gets requests."
  }
  assert {
    condition     = google_spanner_instance_iam_member.delivery.role == "roles/spanner.viewer" && google_spanner_database_iam_member.delivery.role == "roles/spanner.databaseAdmin"
    error_message = "The build cannot see the instance or not migrate the database."
  }
}

run "one_region" {
  command = plan
  variables {
    environment         = "dev"
    regions             = ["europe-west1"]
    leader_region       = "europe-west1"
    spanner_config      = "regional-europe-west1"
    deletion_protection = false
  }
  assert {
    condition     = google_spanner_instance.wallet.edition == "ENTERPRISE" && google_spanner_instance.wallet.config == "regional-europe-west1"
    error_message = "One region pays for several."
  }
  assert {
    condition     = toset([for d in google_firestore_database.cache : "${d.name} ${d.location_id}"]) == toset(["limits europe-west1"]) && alltrue([for s in google_cloud_run_v2_service.service : contains([for e in s.template[0].containers[0].env : "${e.name}=${coalesce(e.value, "-")}"], "CACHE=off")]) && length([for n in keys(google_pubsub_subscription.push) : n if startswith(n, "drop_entries")]) == 0
    error_message = "One region pays for a cache."
  }
  assert {
    condition     = length([for b in google_compute_backend_service.backend : b if length(b.outlier_detection) > 0]) == 0
    error_message = "The only region could be left out."
  }
  assert {
    condition     = alltrue([for j in google_cloud_scheduler_job.schedule : j.region == "europe-west1"])
    error_message = "A schedule starts elsewhere."
  }
}

run "one_region_with_a_cache" {
  command = plan
  variables {
    environment         = "dev"
    regions             = ["europe-west1"]
    leader_region       = "europe-west1"
    spanner_config      = "regional-europe-west1"
    deletion_protection = false
    cache               = true
  }
  assert {
    condition     = contains(keys(google_firestore_database.cache), "cache-europe-west1") && contains([for e in google_cloud_run_v2_service.service["claim-order/europe-west1"].template[0].containers[0].env : "${e.name}=${coalesce(e.value, "-")}"], "CACHE_DATABASE=cache-europe-west1")
    error_message = "The cache that was asked for is not there, or not told."
  }
}

run "known_addresses" {
  command = plan
  variables {
    granularity  = "trust"
    fixed_egress = true
  }
  assert {
    condition     = toset([for k, s in google_cloud_run_v2_service.service : k if length(s.template[0].vpc_access) == 1]) == toset(["engine/us-central1", "engine/us-east1"])
    error_message = "Not exactly what calls nodes or mail servers leaves through the network."
  }
  assert {
    condition     = toset(keys(google_compute_router_nat.egress)) == toset(local.places) && alltrue([for n in google_compute_router_nat.egress : n.nat_ip_allocate_option == "MANUAL_ONLY"])
    error_message = "A region calls out from an address that may change."
  }
  assert {
    condition     = length(distinct([for s in google_compute_subnetwork.egress : s.ip_cidr_range])) == length(local.places) && alltrue([for s in google_compute_subnetwork.egress : s.private_ip_google_access])
    error_message = "Two regions share a range, or Google's own APIs are called through the translation."
  }
  assert {
    condition     = alltrue([for s in google_cloud_run_v2_service.service : alltrue([for v in s.template[0].vpc_access : v.egress == "ALL_TRAFFIC"])])
    error_message = "Calls to the internet do not leave from the known address."
  }
}

run "write_probe" {
  command = plan
  variables {
    write_probe  = { path = "/api/v1/claims", body = "{}", status = 422, api_key = "not a real key" } # pragma: allowlist secret
    lost_regions = ["us-central1"]
  }
  assert {
    condition     = google_monitoring_uptime_check_config.writes[0].http_check[0].request_method == "POST" && google_monitoring_uptime_check_config.writes[0].http_check[0].mask_headers && length(google_monitoring_uptime_check_config.writes[0].selected_regions) == 3
    error_message = "Writes are not tried from three continents, or the probe's key can be read."
  }
  assert {
    condition = {
      for region, check in google_monitoring_uptime_check_config.region_writes : region => nonsensitive(check.http_check[0].headers)["x-write-region"] if check.http_check[0].mask_headers
    } == { us-central1 = "us-central1", us-east1 = "us-east1" }
    error_message = "A region that may write, or that is lost for now, is not probed by itself."
  }
  assert {
    condition = {
      for rule in google_compute_url_map.https.path_matcher[0].route_rules : rule.match_rules[0].header_matches[1].exact_match => [rule.priority, rule.match_rules[0].full_path_match, reverse(split("/", rule.service))[0]] if try(rule.match_rules[0].header_matches[1].header_name, "") == "x-write-region"
      } == {
      us-central1 = [1, "/api/v1/claims", "claim-order--write-us-central1"]
      us-east1    = [2, "/api/v1/claims", "claim-order--write-us-east1"]
    }
    error_message = "The probe of a region is not led there, before all other rules."
  }
  assert {
    condition = {
      for key, backend in google_compute_backend_service.backend : key => [for b in backend.backend : reverse(split("/", b.group))[2]] if strcontains(key, "/write-")
    } == { "claim-order/write-us-central1" = ["us-central1"], "claim-order/write-us-east1" = ["us-east1"] }
    error_message = "A region's probe is answered by another region, or a lost region's back-end is to be removed in the worst hour."
  }
  assert {
    condition     = alltrue([for key, backend in google_compute_backend_service.backend : endswith(backend.security_policy, "wallet-api") if strcontains(key, "/write-")])
    error_message = "A probe's back-end is not behind the API's rules of Cloud Armor."
  }
}

run "restored" {
  command = plan
  variables {
    serving_database = "restored"
  }
  assert {
    condition = google_spanner_database.wallet.name == "wallet" && alltrue([for m in google_spanner_database_iam_member.service : m.database == "restored"]) && alltrue([
      for s in google_cloud_run_v2_service.service : contains([for e in s.template[0].containers[0].env : e.value if e.name == "SPANNER_DATABASE"], "restored")
    ])
    error_message = "A restored database is not used by everybody, or replaces the one that it was restored from."
  }
  assert {
    condition     = google_spanner_backup_schedule.full.database == "restored" && google_spanner_backup_schedule.incremental.database == "restored" && google_spanner_database_iam_member.delivery.database == "restored"
    error_message = "A restored database is not backed up, or not migrated by releases."
  }
}
