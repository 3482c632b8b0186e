# The whole catalog in production: each thing that it declares is there, everywhere, with the rights that it implies and
# no others. The variables are those of environments/prod.tfvars (-var-file). What is expected comes from the catalog itself (tests/expected), not from the locals of infra/.

mock_provider "google" {
  override_during = plan
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

run "expected" {
  command = plan
  module {
    source = "./tests/expected"
  }
}

run "production" {
  command = plan

  # Services
  assert {
    condition     = toset(keys(google_cloud_run_v2_service.service)) == run.expected.deployed
    error_message = "Not every trust has a service where it is needed: reads in each region, writes at the leader and its standby, what tells a cache beside each."
  }
  assert {
    condition     = alltrue([for key, s in google_cloud_run_v2_service.service : key == "${s.name}/${s.location}"])
    error_message = "A service is not where, or not named as, its key says."
  }
  assert {
    condition     = alltrue([for s in google_cloud_run_v2_service.service : s.ingress == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" && s.default_uri_disabled])
    error_message = "A service can be reached without the balancer, past Cloud Armor."
  }
  assert {
    condition     = alltrue([for s in google_cloud_run_v2_service.service : s.deletion_protection])
    error_message = "A service can be deleted."
  }
  assert {
    condition     = alltrue([for s in google_cloud_run_v2_service.service : s.invoker_iam_disabled]) && !run.expected.invokers
    error_message = "Cloud Run checks a caller, too: it takes the signature away that the application verifies, and nothing scheduled would run."
  }
  assert {
    condition = alltrue([
      for key in run.expected.deployed : {
        for e in google_cloud_run_v2_service.service[key].template[0].containers[0].env : e.name => e.value
        if contains(["FUNCTION_TARGET", "REGION", "CACHE_DATABASE", "CACHE", "ENVIRONMENT"], e.name)
      } == merge({ FUNCTION_TARGET = "trust_${replace(split("/", key)[0], "-", "_")}", REGION = split("/", key)[1], ENVIRONMENT = "prod" }, split("/", key)[1] == "us-east1" ? { CACHE = "off" } : { CACHE_DATABASE = "cache-${split("/", key)[1]}" })
    ])
    error_message = "A service is not told its trust, region, cache or environment."
  }
  assert {
    condition = alltrue([
      for s in google_cloud_run_v2_service.service :
      s.template[0].service_account == "fn-${s.name}@acme-wallet-prod.iam.gserviceaccount.com" && s.template[0].containers[0].image == var.image
    ])
    error_message = "A service has not its own identity, or not the one image."
  }
  assert {
    condition = alltrue([
      for s in google_cloud_run_v2_service.service : length([for e in s.template[0].containers[0].env : e.name]) == length(distinct([for e in s.template[0].containers[0].env : e.name]))
    ])
    error_message = "A variable is set twice."
  }

  assert {
    condition = { for k, s in google_cloud_run_v2_service.service : k => s.scaling[0].min_instance_count if s.scaling[0].min_instance_count > 0 } == {
      "engine/us-central1"       = 1,
      "identity/us-central1"     = 1, "keys/us-central1" = 1, "keys-and-tokens/us-central1" = 1, "public-writes/us-central1" = 1,
      "identity/us-east1"        = 1, "keys/us-east1" = 1, "keys-and-tokens/us-east1" = 1, "public-writes/us-east1" = 1,
      "public-reads/us-central1" = 1, "public-reads/europe-west1" = 1, "public-reads/asia-east1" = 1,
    }
    error_message = "Something is kept warm where no request goes, or not where somebody waits."
  }

  assert {
    condition     = local.used.service_accounts == length(google_service_account.service) + 2 + length(google_service_account.copier) && local.used.endpoint_groups == length(google_compute_region_network_endpoint_group.service) && local.used.backend_services == length(google_compute_backend_service.backend) && local.used.subscriptions == length(google_pubsub_subscription.push) + 1 && local.used.routes_per_host == length(google_compute_url_map.https.path_matcher[0].route_rules) && local.used.hosts == length(flatten([for rule in google_compute_url_map.https.host_rule : rule.hosts]))
    error_message = "A quota is counted wrongly."
  }

  # Identities and rights
  assert {
    condition     = alltrue([for n, a in google_service_account.service : a.account_id == "fn-${n}" && length(a.account_id) <= 30 && length(google_service_account.push.account_id) >= 6])
    error_message = "A service account is misnamed or its name too long."
  }
  assert {
    condition = { for m in google_spanner_database_iam_member.service : m.member => m.role } == {
      for s in run.expected.with.spanner : "serviceAccount:fn-${s}@acme-wallet-prod.iam.gserviceaccount.com" =>
      contains(run.expected.readers, s) ? "roles/spanner.databaseReader" : "roles/spanner.databaseUser"
    }
    error_message = "Somebody can write to Spanner who only reads, or cannot who has to."
  }
  assert {
    condition     = toset([for m in google_kms_crypto_key_iam_member.custody : m.member if m.role == "roles/cloudkms.cryptoKeyDecrypter"]) == toset([for s in try(run.expected.with.signer, []) : "serviceAccount:fn-${s}@acme-wallet-prod.iam.gserviceaccount.com"])
    error_message = "Not exactly the signers can decrypt."
  }
  assert {
    condition     = { for s in values(google_cloud_run_v2_service.service) : s.name => "${join(" ", s.template[0].containers[0].command)} ${s.template[0].max_instance_request_concurrency}"... if s.template[0].containers[0].command != null } == { streams = [for r in run.expected.regions : "python -m functions.stream_server 1000"] }
    error_message = "Streams are not served by their own server, or by as many at once as it carries."
  }
  assert {
    condition     = alltrue([for s in ["public-reads", "public-writes", "identity", "events", "webhooks", "streams"] : !contains(keys(google_kms_crypto_key_iam_member.custody), "${s}/decrypt")])
    error_message = "A service that opens nobody's key may decrypt."
  }
  assert {
    condition     = length([for k in keys(google_compute_backend_service.backend) : k if startswith(k, "engine/") && k != "engine/events"]) == 0
    error_message = "The engine, which signs without being asked, can be called by people."
  }
  assert {
    condition     = toset([for m in google_kms_crypto_key_iam_member.custody : m.member if m.role == "roles/cloudkms.cryptoKeyEncrypter"]) == toset([for s in try(run.expected.with.vault, []) : "serviceAccount:fn-${s}@acme-wallet-prod.iam.gserviceaccount.com"])
    error_message = "Not exactly those who make wallets can encrypt."
  }
  assert {
    condition = { for m in google_kms_crypto_key_iam_member.webhooks : m.member => m.role } == merge(
      { for s in try(run.expected.with.webhooks, []) : "serviceAccount:fn-${s}@acme-wallet-prod.iam.gserviceaccount.com" => "roles/cloudkms.cryptoKeyDecrypter" },
      { for s in try(run.expected.with.webhook_seal, []) : "serviceAccount:fn-${s}@acme-wallet-prod.iam.gserviceaccount.com" => "roles/cloudkms.cryptoKeyEncrypter" },
    ) && !contains(keys(google_kms_crypto_key_iam_member.custody), "webhooks/decrypt")
    error_message = "Who calls users' servers opens more than what signs deliveries, or somebody else opens that."
  }
  assert {
    condition     = alltrue([for m in google_kms_crypto_key_iam_member.custody : contains(["roles/cloudkms.cryptoKeyDecrypter", "roles/cloudkms.cryptoKeyEncrypter"], m.role)])
    error_message = "A role on the custody key is wider than to encrypt or to decrypt."
  }
  assert {
    condition = alltrue([
      for m in concat(values(google_project_iam_member.cache), values(google_project_iam_member.limits)) :
      m.role == "roles/datastore.user" && length(m.condition) == 1 && can(regex("databases/(cache-|limits)\"", m.condition[0].expression))
    ])
    error_message = "A right in Firestore is not confined to the caches or the limits."
  }
  assert {
    condition     = length(setsubtract(keys(google_project_iam_member.limits), run.expected.public)) == 0
    error_message = "A service that nobody calls counts requests."
  }
  assert {
    condition     = toset([for k, m in google_pubsub_topic_iam_member.publisher : k if !contains(try(run.expected.with.relay, []), split("/", k)[0])]) == run.expected.publishers
    error_message = "Not exactly those who announce events on a topic may publish there."
  }
  assert {
    condition     = alltrue([for k, m in google_pubsub_topic_iam_member.publisher : m.role == "roles/pubsub.publisher" && m.member == "serviceAccount:fn-${split("/", k)[0]}@acme-wallet-prod.iam.gserviceaccount.com" && m.topic == split("/", k)[1]])
    error_message = "A right to publish is for another topic, account or more than that."
  }
  assert {
    condition = alltrue([
      for relay in try(run.expected.with.relay, []) : alltrue([
        for topic in flatten([for o in run.expected.operations : o.publishes]) : contains(keys(google_pubsub_topic_iam_member.publisher), "${relay}/${topic}")
      ])
    ])
    error_message = "The relay cannot publish to a topic of events: what a request could not publish itself would never leave."
  }
  assert {
    condition     = toset([for k in keys(google_secret_manager_secret_iam_member.reader) : split("/", k)[0] if split("/", k)[1] == "token-keys"]) == try(run.expected.with.issuer, toset([]))
    error_message = "Not exactly those who issue tokens can read the keys that sign them."
  }
  assert {
    condition = alltrue([
      for s in google_cloud_run_v2_service.service : one(s.template[0].volumes[0].secret).secret ==
      (contains(try(run.expected.with.issuer, []), s.name) ? "token-keys" : "token-keys-public")
    ])
    error_message = "A service mounts the wrong keys."
  }
  assert {
    condition = alltrue([
      for s in google_cloud_run_v2_service.service : alltrue([
        for e in s.template[0].containers[0].env : alltrue([
          for source in e.value_source : alltrue([
            for ref in source.secret_key_ref : contains(keys(google_secret_manager_secret_iam_member.reader), "${s.name}/${ref.secret}") && ref.version != "latest"
          ])
        ])
      ])
    ])
    error_message = "A service is given a secret that it may not read, or one that is not pinned."
  }
  assert {
    condition = alltrue([
      for m in google_secret_manager_secret_iam_member.reader : m.role == "roles/secretmanager.secretAccessor"
    ])
    error_message = "A right to a secret is more than to read it."
  }
  assert {
    condition     = length(run.expected.everybody) == 0
    error_message = "A right is given to everybody, is as wide as a project, or is set so that others' rights are lost."
  }

  # Routes
  assert {
    condition = {
      for route in keys(run.expected.routes) : route => try(values({
        for rule in google_compute_url_map.https.path_matcher[0].route_rules : format("%05d", rule.priority) => rule.service
        if anytrue([for m in rule.match_rules : coalesce(m.full_path_match, m.path_template_match) == split(" ", route)[1] && alltrue([for h in m.header_matches : h.exact_match == split(" ", route)[0]])])
      })[0], null) # the first rule that matches
    } == { for route, backend in run.expected.routes : route => "projects/acme-wallet-prod/global/backendServices/${replace(backend, "/", "--")}" }
    error_message = "The balancer does not send exactly the catalog's routes, by method, to their operations."
  }
  assert {
    condition = {
      for route in keys(run.expected.routes) : route => try(values({
        for rule in google_compute_url_map.https.path_matcher[0].route_rules : format("%05d", rule.priority) => rule.service
        if anytrue([for m in rule.match_rules : coalesce(m.full_path_match, m.path_template_match) == split(" ", route)[1] && length(m.header_matches) == 0])
      })[0], null) if startswith(route, "GET ")
    } == { for route, backend in run.expected.routes : route => "projects/acme-wallet-prod/global/backendServices/${replace(backend, "/", "--")}" if startswith(route, "GET ") }
    error_message = "HEAD does not go where GET goes."
  }
  assert {
    condition     = length(flatten([for rule in google_compute_url_map.https.path_matcher[0].route_rules : [for m in rule.match_rules : 1]])) == length(run.expected.routes)
    error_message = "A route of the catalog has no rule, or a rule no route."
  }
  assert {
    condition     = alltrue([for i, rule in google_compute_url_map.https.path_matcher[0].route_rules : i == 0 || rule.service != google_compute_url_map.https.path_matcher[0].route_rules[max(i - 1, 0)].service])
    error_message = "Neighbours that lead to one backend are two rules: there are 200 for a host."
  }
  assert {
    condition     = alltrue([for rule in google_compute_url_map.https.path_matcher[0].route_rules : alltrue(flatten([for m in rule.match_rules : [for h in m.header_matches : h.header_name == ":method"]]))])
    error_message = "A route looks at something else than the method."
  }
  assert {
    condition = alltrue(flatten([
      for first in google_compute_url_map.https.path_matcher[0].route_rules : [
        for then in google_compute_url_map.https.path_matcher[0].route_rules : [
          for template in first.match_rules : [
            for literal in then.match_rules : !can(regex("^${replace(coalesce(template.path_template_match, "-"), "/\\{\\w+=\\*\\}/", "[^/]+")}$", coalesce(literal.full_path_match, "+")))
          ]
        ] if then.priority > first.priority
      ]
    ]))
    error_message = "A path with a variable hides one without."
  }
  assert {
    condition     = length(google_compute_url_map.https.path_matcher[0].route_rules) == length(distinct([for rule in google_compute_url_map.https.path_matcher[0].route_rules : rule.priority]))
    error_message = "Two rules have one priority."
  }
  assert {
    condition = toset([for route in keys(run.expected.routes) : split(" ", route)[1]]) == toset(flatten([
      for rule in google_compute_url_map.https.path_matcher[0].route_rules : [
        for m in rule.match_rules : coalesce(m.full_path_match, m.path_template_match) if length(m.header_matches) == 0
      ]
    ]))
    error_message = "A method that a path lacks would get a 404 instead of its function's 405."
  }
  assert {
    condition = alltrue(flatten([
      for first in google_compute_url_map.https.path_matcher[0].route_rules : [
        for any in first.match_rules : [
          for then in google_compute_url_map.https.path_matcher[0].route_rules : [
            for one in then.match_rules : coalesce(one.full_path_match, one.path_template_match) != coalesce(any.full_path_match, any.path_template_match)
          ] if then.priority > first.priority
        ] if length(any.header_matches) == 0
      ]
    ]))
    error_message = "A rule for any method hides another method of the path."
  }
  assert {
    condition = toset(flatten([for rule in google_compute_url_map.https.path_matcher[1].path_rule : rule.paths])) == toset(flatten([
      for n, o in run.expected.operations : concat(length(o.messages) > 0 ? ["/push/${n}"] : [], length(o.schedules) > 0 ? ["/schedule/${n}"] : [])
    ]))
    error_message = "Pub/Sub or Cloud Scheduler cannot reach an operation."
  }
  assert {
    condition = alltrue([
      for rule in google_compute_url_map.https.path_matcher[1].path_rule : endswith(rule.service, "--events")
    ])
    error_message = "Events go through a backend for people, which may leave a region out or ban the sender."
  }
  assert {
    condition     = alltrue([for rule in google_compute_url_map.https.path_matcher[0].route_rules : alltrue([for m in rule.match_rules : !can(regex("^/(push|schedule)/", coalesce(m.full_path_match, m.path_template_match)))])])
    error_message = "People can reach the paths of Pub/Sub or Cloud Scheduler."
  }

  # Backends
  assert {
    condition     = toset(keys(google_compute_region_network_endpoint_group.service)) == run.expected.deployed && alltrue([for k, g in google_compute_region_network_endpoint_group.service : g.network_endpoint_type == "SERVERLESS" && "${g.cloud_run[0].service}/${g.region}" == k])
    error_message = "An endpoint group does not lead to its service in its region."
  }
  assert {
    condition     = alltrue([for b in google_compute_backend_service.backend : b.load_balancing_scheme == "EXTERNAL_MANAGED" && length(b.log_config) == 1]) && run.expected.serverless
    error_message = "A backend has a timeout or a health check, which serverless ones must not have, or is not logged."
  }
  assert {
    condition = alltrue([
      for k, b in google_compute_backend_service.backend : b.security_policy == "projects/acme-wallet-prod/global/securityPolicies/wallet-${can(regex("/(nearest|outside|leader|cdn)$", k)) ? "api" : "events"}"
    ])
    error_message = "A backend is without its Cloud Armor policy."
  }
  assert {
    condition = alltrue([
      for k, b in google_compute_backend_service.backend : toset([for member in b.backend : member.group]) == toset([
        for r in anytrue([for kind in ["/leader", "/events"] : endswith(k, kind)]) ? ["us-central1", "us-east1"] : contains(run.expected.places, split("/", k)[1]) ? [split("/", k)[1]] : run.expected.regions : "projects/acme-wallet-prod/regions/${r}/networkEndpointGroups/${split("/", k)[0]}"
      ])
    ])
    error_message = "Writes are not served near Spanner's leader, or something else not in every region."
  }
  assert {
    condition     = alltrue([for k, b in google_compute_backend_service.backend : (length(b.outlier_detection) == 1) == (endswith(k, "/nearest") || endswith(k, "/cdn"))])
    error_message = "A failing region is not left out where people read, or is where events or writes would suffer, or where a chain's node may be what fails."
  }
  assert {
    condition = alltrue(flatten([
      for b in google_compute_backend_service.backend : [
        for o in b.outlier_detection : o.consecutive_errors == 10 && o.enforcing_consecutive_errors == 100 &&
        o.consecutive_gateway_failure == 10 && o.enforcing_consecutive_gateway_failure == 100 && o.enforcing_success_rate == 0 &&
        alltrue([for field in [o.success_rate_minimum_hosts, o.success_rate_request_volume, o.success_rate_stdev_factor, o.max_ejection_percent] : field != null])
      ]
    ]))
    error_message = "A field of outlier detection is left to the API, which enforces some and not others: say all."
  }
  assert {
    condition = toset([for k, b in google_compute_backend_service.backend : k if coalesce(b.enable_cdn, false)]) == toset([for backend in values(run.expected.routes) : backend if endswith(backend, "/cdn")]) && alltrue([
      for b in google_compute_backend_service.backend : alltrue([for policy in b.cdn_policy : policy.cache_mode == "USE_ORIGIN_HEADERS" && contains([for h in policy.bypass_cache_on_request_headers : h.header_name], "Authorization")])
    ])
    error_message = "Cloud CDN caches what is not the same for everybody."
  }

  # Events
  assert {
    condition     = toset(keys(google_pubsub_topic.topic)) == run.expected.topics
    error_message = "Not exactly the catalog's topics exist."
  }
  assert {
    condition     = alltrue([for t in google_pubsub_topic.topic : t.message_retention_duration == "604800s" && toset(t.message_storage_policy[0].allowed_persistence_regions) == toset(run.expected.regions)])
    error_message = "A topic forgets within the week, or keeps messages elsewhere."
  }
  assert {
    condition     = toset(keys(google_pubsub_subscription.push)) == toset(keys(run.expected.subscriptions))
    error_message = "Not exactly the catalog's subscriptions exist."
  }
  assert {
    condition = alltrue([
      for n, s in google_pubsub_subscription.push : s.push_config[0].push_endpoint == run.expected.subscriptions[n] &&
      s.push_config[0].oidc_token[0].service_account_email == "events-push@acme-wallet-prod.iam.gserviceaccount.com" && s.push_config[0].oidc_token[0].audience == "https://events.api.example.com"
    ])
    error_message = "A subscription does not push through the balancer with a token."
  }
  assert {
    condition     = alltrue([for s in google_pubsub_subscription.push : s.retry_policy[0].minimum_backoff == "10s" && s.retry_policy[0].maximum_backoff == "600s" && s.expiration_policy[0].ttl == "" && s.ack_deadline_seconds == 60])
    error_message = "A subscription repeats too fast, or ends after a quiet month."
  }
  assert {
    condition = alltrue([
      for n, s in google_pubsub_subscription.push : s.topic == "dead-letters" ? length(s.dead_letter_policy) == 0 :
      s.dead_letter_policy[0].max_delivery_attempts == 100 && s.dead_letter_policy[0].dead_letter_topic == "projects/acme-wallet-prod/topics/dead-letters"
    ])
    error_message = "A subscription has no dead letters."
  }
  assert {
    condition = toset([for m in google_pubsub_subscription_iam_member.dead_letters : m.subscription]) == toset([for s in google_pubsub_subscription.push : s.name if s.topic != "dead-letters"]) && alltrue([
      for m in google_pubsub_subscription_iam_member.dead_letters : m.role == "roles/pubsub.subscriber" && m.member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    ])
    error_message = "Pub/Sub may not take a message from its subscription to the dead letters, so they would be lost silently."
  }
  assert {
    condition     = google_pubsub_topic_iam_member.dead_letters.topic == "dead-letters" && google_pubsub_topic_iam_member.dead_letters.role == "roles/pubsub.publisher" && google_pubsub_topic_iam_member.dead_letters.member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    error_message = "Pub/Sub may not publish dead letters."
  }
  assert {
    condition     = google_service_account_iam_member.push_tokens.role == "roles/iam.serviceAccountTokenCreator" && google_service_account_iam_member.push_tokens.member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    error_message = "Pub/Sub may not sign the tokens of its pushes."
  }
  assert {
    condition = alltrue([
      for n, o in run.expected.operations : alltrue([
        for m in o.messages : m.filter == "" ? google_pubsub_subscription.push["${n}.${m.topic}"].filter == null :
        google_pubsub_subscription.push["${n}.${m.topic}"].filter == m.filter
      ])
    ])
    error_message = "A subscription's filter is not what its operation declares."
  }
  assert {
    condition     = alltrue([for s in google_pubsub_subscription.push : s.filter == null ? true : length(s.filter) <= 256])
    error_message = "Pub/Sub takes filters of at most 256 characters."
  }
  assert {
    condition     = toset(keys(google_cloud_scheduler_job.schedule)) == toset(flatten([for n in run.expected.schedules : ["${n}/us-central1", "${n}/europe-west1"]]))
    error_message = "A schedule is not started from two regions."
  }
  assert {
    condition = alltrue([
      for j in google_cloud_scheduler_job.schedule : j.http_target[0].uri == "https://events.api.example.com/schedule/${j.name}" && j.http_target[0].http_method == "POST" &&
      j.http_target[0].oidc_token[0].audience == "https://events.api.example.com" && j.schedule == run.expected.operations[j.name].schedules[0].cron
    ])
    error_message = "A schedule does not start its operation, with a token, when the catalog says."
  }

  # Objectives
  assert {
    condition     = toset(keys(google_monitoring_slo.succeed)) == toset([for o in flatten(values(jsondecode(file("objectives.json")).journeys)) : o if contains(keys(run.expected.operations), o)]) && keys(google_monitoring_slo.quick) == keys(google_monitoring_slo.succeed)
    error_message = "An operation that people come for has no objective, or is not in the catalog."
  }
  assert {
    condition     = google_monitoring_slo.succeed["claim_order"].goal == 0.995 && google_monitoring_slo.quick["claim_order"].goal == 0.95 && alltrue([for o in google_monitoring_slo.quick : o.request_based_sli[0].distribution_cut[0].range[0].max == 1])
    error_message = "An objective is not what objectives.json says."
  }
  assert {
    condition = alltrue([
      for name, o in google_monitoring_slo.succeed : strcontains(o.request_based_sli[0].good_total_ratio[0].bad_service_filter, "operation=\"${name}\"") &&
      strcontains(o.request_based_sli[0].good_total_ratio[0].bad_service_filter, "full_match(\"5..\")") && !strcontains(o.request_based_sli[0].good_total_ratio[0].total_service_filter, "status")
    ])
    error_message = "An objective counts the runs of another operation, or takes what succeeded for a failure."
  }
}
