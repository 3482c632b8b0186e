# One Cloud Run service for each trust (or operation, or group of them) in each region that needs it, all from one image.

locals {
  deployed = merge([
    for name, regions in local.service_regions : { for region in regions : "${name}/${region}" => { service = name, region = region } }
  ]...)
}

resource "google_cloud_run_v2_service" "service" {
  for_each            = local.deployed
  name                = each.value.service
  location            = each.value.region
  deletion_protection = var.deletion_protection

  # Reachable only through the balancer; otherwise callers could bypass Cloud Armor.
  ingress              = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  default_uri_disabled = true
  # The application checks every caller (docs/decisions/0017-the-application-checks-pushes.md). Cloud Run's own check would
  # refuse our bearer tokens, and it removes the signature from the tokens of Pub/Sub and Cloud Scheduler.
  invoker_iam_disabled = true

  binary_authorization {
    use_default = true
  }

  scaling {
    # In the standby none, or one for services that it may have to take over at once: health is a share of running instances.
    min_instance_count = max(
      contains(local.regions, each.value.region) ? lookup(var.min_instances, each.value.service, 0) : 0,
      contains(local.watched, each.key) ? 1 : 0,
    )
    max_instance_count = var.max_instances
  }

  template {
    service_account                  = local.email[each.value.service]
    timeout                          = "${local.sizes[each.value.service].seconds}s"
    max_instance_request_concurrency = max(local.sizes[each.value.service].threads, local.sizes[each.value.service].at_once)
    labels                           = { operation = each.value.service }

    dynamic "vpc_access" {
      for_each = contains(local.calling, each.value.service) ? [1] : []
      content {
        egress = "ALL_TRAFFIC"
        network_interfaces {
          network    = google_compute_network.egress[0].id
          subnetwork = google_compute_subnetwork.egress[each.value.region].id
        }
      }
    }

    containers {
      image   = var.image
      command = local.services[each.value.service].door == "grpc" ? ["python", "-m", "functions.grpc_server"] : local.services[each.value.service].only_streams ? ["python", "-m", "functions.stream_server"] : null

      dynamic "ports" {
        for_each = local.services[each.value.service].door == "grpc" ? ["h2c"] : []
        content {
          name           = ports.value
          container_port = 8080
        }
      }

      dynamic "env" {
        for_each = merge(var.settings, local.common_settings, contains(local.caching, each.value.region) ? { CACHE_DATABASE = "cache-${each.value.region}" } : { CACHE = "off" }, {
          FUNCTION_TARGET = local.services[each.value.service].target
          REGION          = each.value.region
          HANDLER_SECONDS = tostring(local.sizes[each.value.service].handler)
          THREADS         = tostring(local.sizes[each.value.service].threads)
          # Answers wait for the publishing of events only where no processor stays to do it afterwards.
          WORK_AFTER_ANSWERS = local.sizes[each.value.service].always ? "on" : "off"
        })
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = { for secret, variable in local.secret_variables : secret => variable if contains(local.secrets[secret].readers, each.value.service) }
        content {
          name = env.value
          value_source {
            secret_key_ref {
              secret  = local.secret_ids[env.key]
              version = lookup(var.secret_versions, env.key, 1)
            }
          }
        }
      }

      volume_mounts {
        name       = "token-keys"
        mount_path = local.secret_folder
      }

      resources {
        limits            = { cpu = tostring(local.sizes[each.value.service].cpu), memory = local.sizes[each.value.service].memory }
        cpu_idle          = !local.sizes[each.value.service].always
        startup_cpu_boost = true
      }

      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 30
        dynamic "http_get" {
          for_each = local.services[each.value.service].door == "http" ? ["/live"] : []
          content {
            path = http_get.value
          }
        }
        dynamic "grpc" {
          for_each = local.services[each.value.service].door == "grpc" ? [8080] : []
          content {
            port = grpc.value
          }
        }
      }

      # From this probe Cloud Run tells the balancer whether the region is healthy: most instances of a service say so.
      dynamic "readiness_probe" {
        for_each = contains(local.watched, each.key) ? [1] : []
        content {
          period_seconds    = 5
          timeout_seconds   = 4
          failure_threshold = 2
          success_threshold = 2
          http_get {
            path = "/serving"
          }
        }
      }
    }

    volumes {
      name = "token-keys"
      secret {
        secret = local.secret_ids[local.token_secret[each.value.service]]
        items {
          path    = "token-keys"
          version = lookup(var.secret_versions, local.token_secret[each.value.service], 1)
        }
      }
    }
  }

  lifecycle {
    # infra/rollout/command.py deploys revisions and shifts traffic; Terraform must not set them back.
    ignore_changes = [client, client_version, template[0].containers[0].image, template[0].labels, template[0].revision, traffic]
  }

  depends_on = [google_project_service.api, google_secret_manager_secret_iam_member.reader, google_compute_router_nat.egress]
}

locals {
  service_names = { for key, service in google_cloud_run_v2_service.service : key => service.name }

  # The services of writes, in both regions where they may run.
  watched = local.failing_over ? [for key, it in local.deployed : key if local.services[it.service].public && local.services[it.service].door == "http" && local.services[it.service].writes && contains(local.writing, it.region)] : []

  token_secret = { for name, service in local.services : name => contains(service.needs, "issuer") ? "token-keys" : "token-keys-public" }
}
