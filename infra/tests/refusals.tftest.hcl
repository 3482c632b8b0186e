# What cannot work is refused at plan, with a sentence that says what to change.

mock_provider "google" {}

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
}

run "project_number" {
  command = plan
  variables {
    project = "123456789012"
  }
  expect_failures = [var.project]
}

run "local_environment" {
  command = plan
  variables {
    environment = "local"
  }
  expect_failures = [var.environment]
}

run "url_as_domain" {
  command = plan
  variables {
    domain = "https://api.example.com/"
  }
  expect_failures = [var.domain]
}

run "tag_as_image" {
  command = plan
  variables {
    image = "us-central1-docker.pkg.dev/acme-wallet-prod/wallet/wallet:latest"
  }
  expect_failures = [var.image]
}

run "region_without_replica" {
  command = plan
  variables {
    regions = ["us-central1", "australia-southeast1"]
  }
  expect_failures = [var.regions]
}

run "region_twice" {
  command = plan
  variables {
    regions = ["us-central1", "us-central1"]
  }
  expect_failures = [var.regions]
}

run "no_region" {
  command = plan
  variables {
    regions = []
  }
  expect_failures = [var.regions]
}

run "leader_elsewhere" {
  command = plan
  variables {
    leader_region = "europe-west4"
  }
  expect_failures = [var.leader_region]
}

run "leader_without_leader" {
  command = plan
  variables {
    leader_region = "asia-east1"
  }
  expect_failures = [var.leader_region]
}

run "unknown_configuration" {
  command = plan
  variables {
    spanner_config = "nam-eur-asia99"
  }
  expect_failures = [var.spanner_config]
}

run "too_few_units" {
  command = plan
  variables {
    spanner_processing_units = { min = 100, max = 1000 }
  }
  expect_failures = [var.spanner_processing_units]
}

run "units_too_far_apart" {
  command = plan
  variables {
    spanner_processing_units = { min = 1000, max = 11000 }
  }
  expect_failures = [var.spanner_processing_units]
}

run "images_in_one_region" {
  command = plan
  variables {
    registry_location = "us-central1"
  }
  expect_failures = [var.registry_location]
}

run "unknown_granularity" {
  command = plan
  variables {
    granularity = "module"
  }
  expect_failures = [var.granularity]
}

run "standby_at_the_leader" {
  command = plan
  variables {
    standby_region = "us-central1"
  }
  expect_failures = [var.standby_region]
}

run "unknown_region_lost" {
  command = plan
  variables {
    lost_regions = ["us-west1"]
  }
  expect_failures = [var.lost_regions]
}

run "writes_nowhere" {
  command = plan
  variables {
    lost_regions = ["us-central1", "us-east1"]
  }
  expect_failures = [var.lost_regions]
}

run "missing_catalog" {
  command = plan
  variables {
    catalog = "tests/catalogs/none.json"
  }
  expect_failures = [var.catalog]
}

run "catalog_of_another_version" {
  command = plan
  variables {
    catalog = "tests/catalogs/older.json"
  }
  expect_failures = [var.catalog]
}

run "unseen_need" {
  command = plan
  variables {
    catalog = "tests/catalogs/unknown_need.json"
  }
  expect_failures = [var.catalog]
}

run "name_too_long" {
  command = plan
  variables {
    catalog = "tests/catalogs/long_name.json"
  }
  expect_failures = [var.catalog]
}

run "path_too_long" {
  command = plan
  variables {
    catalog = "tests/catalogs/long_path.json"
  }
  expect_failures = [google_compute_url_map.https]
}

run "warm_unknown_service" {
  command = plan
  variables {
    min_instances = { claim_order = 1 }
  }
  expect_failures = [var.min_instances]
}

run "warmer_than_allowed" {
  command = plan
  variables {
    min_instances = { public-writes = 5 }
    max_instances = 2
  }
  expect_failures = [var.max_instances]
}

run "chain_misnamed" {
  command = plan
  variables {
    chains        = ["Ethereum"]
    default_chain = "Ethereum"
  }
  expect_failures = [var.chains]
}

run "default_chain_not_served" {
  command = plan
  variables {
    default_chain = "polygon"
  }
  expect_failures = [var.default_chain]
}

run "unknown_secret" {
  command = plan
  variables {
    secret_versions = { rpc-url-polygon = 1 }
  }
  expect_failures = [var.secret_versions]
}

run "reserved_setting" {
  command = plan
  variables {
    settings = { ENVIRONMENT = "local" }
  }
  expect_failures = [var.settings]
}

run "unprotected_production" {
  command = plan
  variables {
    deletion_protection = false
  }
  expect_failures = [var.deletion_protection]
}

run "short_audit" {
  command = plan
  variables {
    audit_retention_days = 30
  }
  expect_failures = [var.audit_retention_days]
}

run "channel_by_name" {
  command = plan
  variables {
    notification_channels = ["on-call"]
  }
  expect_failures = [var.notification_channels]
}

run "short_secret" {
  command = plan
  variables {
    canary_secret = "hunter2" # pragma: allowlist secret
  }
  expect_failures = [var.canary_secret]
}

run "log_rate" {
  command = plan
  variables {
    balancer_log_rate = 100
  }
  expect_failures = [var.balancer_log_rate]
}

run "a_probe_that_writes_nothing" {
  command = plan
  variables {
    write_probe = { path = "/api/v1/claims/clm_1", body = "{}", status = 200, api_key = "not a real key" } # pragma: allowlist secret
  }
  expect_failures = [google_compute_url_map.https]
}

run "alerts_for_nobody" {
  command = plan
  variables {
    notification_channels = []
  }
  expect_failures = [var.notification_channels]
}

run "production_without_budget" {
  command = plan
  variables {
    budget = null
  }
  expect_failures = [var.budget]
}

run "quota_that_is_not_counted" {
  command = plan
  variables {
    quotas = { backends = 100 }
  }
  expect_failures = [var.quotas]
}

run "more_than_the_project_may_have" {
  command = plan
  variables {
    quotas = { service_accounts = 4 }
  }
  expect_failures = [terraform_data.quotas]
}

run "more_processors_than_a_region_has" {
  command = plan
  variables {
    max_instances = 1000
  }
  expect_failures = [terraform_data.quotas]
}
