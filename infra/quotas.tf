# Every Google Cloud quota that this set-up may reach, with its planned use. A plan that does not fit is refused here, because an
# apply that reaches a quota stops in the middle. The limits are those of a new project as far as they are known (docs/staging.md
# reads yours); raise one with the variable `quotas` after Google has raised it.

locals {
  project_grants = length(google_project_iam_member.cache) + length(google_project_iam_member.limits) + length(google_project_iam_member.telemetry) + length(google_project_iam_member.delivery)
  default_quotas = {
    service_accounts     = 100  # a project
    services             = 1000 # Cloud Run, a region
    run_cpus             = 1000 # vCPU of Cloud Run, a region, if every service scales to its maximum
    run_memory_gib       = 2000 # the same of memory
    endpoint_groups      = 300  # serverless, a project
    backend_services     = 75   # of global external balancers, a project
    backends_per_service = 50   # regions behind one
    url_map_bytes        = 1e6  # one URL map, estimated higher than its indented JSON; 65,536 for classic balancers, and here until 2025
    routes_per_host      = 200
    hosts                = 50    # of one URL map
    topics               = 10000 # a project
    subscriptions        = 10000 # a project
    scheduler_jobs       = 500   # a region
    firestore_databases  = 100   # a project
    secrets              = 10000 # a project; more would be slow to list
    grants               = 1500  # members of the project's policy, each with its condition
    armor_rules          = 200   # of one policy
    certificate_entries  = 1000  # of one map
    alert_policies       = 500   # a project
  }
  quotas    = merge(local.default_quotas, var.quotas)
  in_region = { for region in local.places : region => [for deployed in values(local.deployed) : deployed.service if deployed.region == region] }
  used = {
    service_accounts     = length(local.services) + 2 + length(local.recovery)
    services             = max([for services in values(local.in_region) : length(services)]...)
    run_cpus             = max([for services in values(local.in_region) : sum(concat([0], [for s in services : local.sizes[s].cpu * var.max_instances]))]...)
    run_memory_gib       = max([for services in values(local.in_region) : sum(concat([0], [for s in services : (local.sizes[s].memory == "1Gi" ? 1 : 0.5) * var.max_instances]))]...)
    endpoint_groups      = length(local.deployed) + length(local.canaries)
    backend_services     = length(local.backends) + length(local.canaries)
    backends_per_service = length(local.places)
    url_map_bytes        = sum(concat([2048], [for path, backend in local.grpc_methods : 32 + length(path)], [for key, route in local.routes : 300 + 2 * length(route.path) + length(route.service)]))
    routes_per_host      = length(local.route_rules) + length(local.probed)
    hosts                = 2 + (var.grpc ? 1 : 0) + length(local.canaries)
    topics               = length(local.topics)
    subscriptions        = length(local.subscriptions) + 1
    scheduler_jobs       = length(local.schedules) + length(local.recovery)
    firestore_databases  = length(local.caches) + 1
    secrets              = length(local.secrets) + 1
    grants               = local.project_grants
    armor_rules          = length(local.waf) + 2
    certificate_entries  = length(local.records) / 2
    alert_policies       = length(local.alerts)
  }
  exceeded = [for name, count in local.used : "${name}: ${count} of ${local.quotas[name]}" if count > local.quotas[name]]
}

resource "terraform_data" "quotas" {
  input = local.used

  lifecycle {
    precondition {
      condition     = length(local.exceeded) == 0
      error_message = "This would not fit into the project's quotas (${join("; ", local.exceeded)}). Choose another granularity or a lower max_instances, or have Google raise them and say so in the variable quotas."
    }
  }
}
