# What an environment is, where it runs, how large it may become, and who is told. What protects it: variables_protection.tf.

variable "project" {
  description = "The Google Cloud project of this environment, e.g. acme-wallet-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project id (6 to 30 lower-case letters, digits and hyphens), not its number or display name."
  }
}

variable "environment" {
  description = "dev, staging or prod; the application sees it as ENVIRONMENT."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment must be dev, staging or prod; \"local\" is for the emulators and switches safeguards off."
  }
}

variable "domain" {
  description = "The API's host name. Pub/Sub and Cloud Scheduler call events.<domain>."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain must be a host name without scheme, port or path, e.g. api.example.com."
  }
}

variable "dns_zone" {
  description = "The name of the Cloud DNS zone that holds the domain. It has to exist: its name servers are entered at the registrar by hand."
  type        = string
}

variable "image" {
  description = "The image that services are created with. Later ones are rolled out by infra/rollout/command.py, which Terraform does not undo."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must end in @sha256:<digest>: a tag can be moved, and then regions would run different code."
  }
}

variable "regions" {
  description = "Where services run. Each needs a replica of the Spanner configuration, or its reads would cross oceans."
  type        = list(string)
  default     = ["us-central1", "europe-west1", "asia-east1"]

  validation {
    condition     = length(var.regions) > 0 && length(distinct(var.regions)) == length(var.regions)
    error_message = "regions must name at least one region, and none twice."
  }
  validation {
    condition     = length(setsubtract(var.regions, try(local.spanner_replicas[var.spanner_config], []))) == 0
    error_message = "regions has ${join(", ", setsubtract(var.regions, try(local.spanner_replicas[var.spanner_config], [])))} where ${var.spanner_config} has no replica that serves reads (it has ${join(", ", try(local.spanner_replicas[var.spanner_config], []))}): choose other regions or another spanner_config."
  }
}

variable "leader_region" {
  description = "The region of Spanner's leader, where writing operations are served. See README.md, Failover."
  type        = string
  default     = "us-central1"

  validation {
    condition     = contains(var.regions, var.leader_region)
    error_message = "leader_region must be one of regions: writing operations are served there."
  }
  validation {
    condition     = var.leader_region == try(local.spanner_replicas[var.spanner_config][0], "")
    error_message = "leader_region must be where ${var.spanner_config} has its leader (${try(local.spanner_replicas[var.spanner_config][0], "unknown")}): from elsewhere, each round trip of a write crosses an ocean."
  }
}

variable "standby_region" {
  description = "Where what writes runs beside leader_region, for the loss of that. Null: as infra/spanner.tf says for spanner_config."
  type        = string
  default     = null

  validation {
    condition     = var.standby_region != var.leader_region
    error_message = "standby_region must be another region than leader_region, or be left out."
  }
}

variable "cache" {
  description = "Whether reads by id are cached in Firestore in each of regions. Null: where there are several; in one, Spanner answers as soon and costs less."
  type        = bool
  default     = null
}

variable "lost_regions" {
  description = "Regions that get no requests for now. With leader_region among them, writes and events go to the standby. See docs/regions.md."
  type        = list(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.lost_regions, local.places)) == 0
    error_message = "lost_regions has regions in which nothing runs: there are ${join(", ", local.places)}."
  }
  validation {
    condition     = length(setsubtract(local.regions, var.lost_regions)) > 0 && length(setsubtract(local.writing, var.lost_regions)) > 0
    error_message = "lost_regions leaves no region for reads, or none for writes (${join(" or ", local.writing)})."
  }
}

variable "write_failover" {
  description = "\"automatic\": the balancer sends writes to the standby while the leader's region is not healthy, for which each service that writes keeps an instance in both. \"manual\": lost_regions does."
  type        = string
  default     = "automatic"

  validation {
    condition     = contains(["automatic", "manual"], var.write_failover)
    error_message = "write_failover must be automatic or manual."
  }
}

variable "granularity" {
  description = "\"trust\": one Cloud Run service for what may do the same (shared/runtime/trust.py). \"operation\": one for each operation. \"group\": one for each package of functions/."
  type        = string
  default     = "trust"

  validation {
    condition     = contains(["trust", "operation", "group"], var.granularity)
    error_message = "granularity must be trust, operation or group."
  }
}

variable "catalog" {
  description = "The generated catalog that services, routes, topics and rights are made from."
  type        = string
  default     = "../schemas/catalog.json"

  validation {
    condition     = can(jsondecode(file(var.catalog)).operations)
    error_message = "catalog ${var.catalog} is missing or is not a catalog: run `make generate` and commit schemas/catalog.json."
  }
  validation {
    condition     = alltrue([for o in try(jsondecode(file(var.catalog)).operations, {}) : can([o.service, o.group, o.trust, o.writes, o.needs, o.publishes, o.http, o.messages, o.schedules])])
    error_message = "catalog ${var.catalog} was made by another version of schemas/contract/generate.py: run `make generate`; if the code is newer than infra/, update both to one commit."
  }
  validation {
    condition     = length(setsubtract(flatten([for o in try(jsondecode(file(var.catalog)).operations, {}) : try(o.needs, [])]), local.known_needs)) == 0
    error_message = "catalog ${var.catalog} declares needs that infra/ grants nothing for (${join(", ", setsubtract(flatten([for o in try(jsondecode(file(var.catalog)).operations, {}) : try(o.needs, [])]), local.known_needs))}): say in infra/catalog.tf and infra/identity.tf what they imply."
  }
  validation {
    condition     = alltrue([for n, o in try(jsondecode(file(var.catalog)).operations, {}) : length(try(o.service, n)) <= 27])
    error_message = "catalog ${var.catalog} has names longer than 27 characters (${join(", ", [for n, o in try(jsondecode(file(var.catalog)).operations, {}) : n if length(try(o.service, n)) > 27])}): a service account is named fn-<name> and has at most 30; rename the operations."
  }
}

variable "spanner_config" {
  description = "The Spanner instance configuration: nam-eur-asia1 serves three continents; regional-<region> is for dev."
  type        = string
  default     = "nam-eur-asia1"

  validation {
    condition     = contains(keys(local.spanner_replicas), var.spanner_config)
    error_message = "spanner_config ${var.spanner_config} is not in the table of infra/spanner.tf: check its replicas with `gcloud spanner instance-configs describe` and add it."
  }
}

variable "spanner_processing_units" {
  description = "The limits between which Spanner scales itself."
  type        = object({ min = number, max = number })
  default     = { min = 1000, max = 10000 }

  validation {
    condition = (
      var.spanner_processing_units.min >= 1000 && var.spanner_processing_units.min % 1000 == 0 &&
      var.spanner_processing_units.max >= var.spanner_processing_units.min && var.spanner_processing_units.max % 1000 == 0 &&
      var.spanner_processing_units.max <= 10 * var.spanner_processing_units.min
    )
    error_message = "spanner_processing_units must be multiples of 1000 with min ≤ max ≤ 10 × min: Spanner scales nothing else automatically."
  }
}

variable "serving_database" {
  description = "The database that services use. Null: the one that Terraform makes. Another one after a restore (docs/operations.md)."
  type        = string
  default     = null
}

variable "min_instances" {
  description = "Instances kept warm in each region but the standby, by service; the others scale to zero, but for what write_failover keeps."
  type        = map(number)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.min_instances), keys(local.services))) == 0
    error_message = "min_instances names services that do not exist (${join(", ", setsubtract(keys(var.min_instances), keys(local.services)))}): there are ${join(", ", keys(local.services))}."
  }
}

variable "max_instances" {
  description = "The most instances of one service in one region: a bound on costs and on sessions of Spanner."
  type        = number
  default     = 100

  validation {
    condition     = var.max_instances >= 1 && alltrue([for n in values(var.min_instances) : n <= var.max_instances])
    error_message = "max_instances must be at least 1, and at least each of min_instances."
  }
}

variable "chains" {
  description = "The chains that are served. Each has a secret rpc-url-<chain> with its nodes' URLs, separated by commas."
  type        = set(string)
  default     = ["ethereum"]

  validation {
    condition     = length(var.chains) > 0 && alltrue([for c in var.chains : can(regex("^[a-z][a-z0-9]{0,30}$", c))])
    error_message = "chains must name at least one chain, in lower-case letters and digits as in shared/chain/registry.py."
  }
}

variable "default_chain" {
  description = "The chain of a request that names none."
  type        = string
  default     = "ethereum"

  validation {
    condition     = contains(var.chains, var.default_chain)
    error_message = "default_chain must be one of chains."
  }
}

variable "mail_sender" {
  description = "The address that mails come from; their server is the secret smtp-url. Empty: no mails are sent."
  type        = string
  default     = ""
}

variable "siwe_domains" {
  description = "Sites whose pages may ask a wallet to sign in here."
  type        = list(string)
  default     = []
}

variable "settings" {
  description = "Further variables of shared/settings.py for every service, e.g. { CLAIM_LEASE_SECONDS = \"600\" }."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setintersection(keys(var.settings), local.reserved_settings)) == 0
    error_message = "settings has ${join(", ", setintersection(keys(var.settings), local.reserved_settings))}, which Terraform sets itself: use its own variable instead."
  }
}

variable "registry_location" {
  description = "Where images are: a multi-region outlives the loss of a region, in which instances could not start elsewhere either."
  type        = string
  default     = "us"

  validation {
    condition     = contains(["us", "europe", "asia"], var.registry_location) || length(var.regions) == 1
    error_message = "registry_location must be us, europe or asia where there is more than one region: images in one region are lost with it."
  }
}

variable "balancer_log_rate" {
  description = "The share of requests that the balancer logs, 0 to 1."
  type        = number
  default     = 1

  validation {
    condition     = var.balancer_log_rate >= 0 && var.balancer_log_rate <= 1
    error_message = "balancer_log_rate must be between 0 and 1."
  }
}

variable "fixed_egress" {
  description = "Call nodes, mail servers and screening services from one known address for each region (a network and an address translation, by the hour)."
  type        = bool
  default     = false
}

variable "write_probe" {
  description = "A POST that is tried each minute from three continents with the API key of an account made for it, and the status that it gets: what writes answers, and where Spanner decides. Null: none. See docs/deployment.md."
  type        = object({ path = string, body = string, status = number, api_key = string })
  default     = null
  sensitive   = true
}

variable "quotas" {
  description = "Quotas that Google has raised for this project, by the names of infra/quotas.tf, e.g. { backend_services = 250 }."
  type        = map(number)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.quotas), keys(local.default_quotas))) == 0
    error_message = "quotas has ${join(", ", setsubtract(keys(var.quotas), keys(local.default_quotas)))}, which infra/quotas.tf does not count; there are ${join(", ", sort(keys(local.default_quotas)))}."
  }
}

variable "budget" {
  description = "The monthly budget; its alerts go to notification_channels at 50, 90 and 100 %, and when 100 % is forecast. Null: none."
  type        = object({ billing_account = string, currency = string, units = number })
  default     = null

  validation {
    condition     = var.budget != null || var.environment != "prod"
    error_message = "budget must be given in prod: a mistake there costs real money before anybody looks."
  }
}

variable "notification_channels" {
  description = "Monitoring notification channels of budget and alerts: projects/<project>/notificationChannels/<id>."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for c in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", c))])
    error_message = "notification_channels must be full names: `gcloud beta monitoring channels list --format='value(name)'`."
  }
  validation {
    condition     = length(var.notification_channels) > 0 || var.environment != "prod"
    error_message = "notification_channels must name at least one channel in prod: alerts that reach nobody are none."
  }
}

variable "telemetry_endpoint" {
  description = "Where services send spans and metrics by OTLP over HTTP; alerts and dashboards read the metrics. Empty: nowhere, and the alerts on them stay silent."
  type        = string
  default     = "https://telemetry.googleapis.com"

  validation {
    condition     = var.telemetry_endpoint == "" || can(regex("^https?://[^/]+$", var.telemetry_endpoint))
    error_message = "telemetry_endpoint must be a URL without a path (/v1/traces and /v1/metrics are added), or empty."
  }
}

variable "trace_share" {
  description = "The share of traces that are kept where the caller has not decided."
  type        = number
  default     = 0.05

  validation {
    condition     = var.trace_share >= 0 && var.trace_share <= 1
    error_message = "trace_share must be between 0 and 1."
  }
}

variable "grpc" {
  type        = bool
  description = "Serve the API by gRPC as well, under grpc.<domain>: a further service for each trust that people reach."
  default     = false
}
