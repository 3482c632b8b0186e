# What the catalog asks for, told without the locals of infra/: the tests compare both.

locals {
  regions    = ["us-central1", "europe-west1", "asia-east1"]
  operations = jsondecode(file("${path.module}/../../../schemas/catalog.json")).operations

  of       = { for n, o in local.operations : n => replace(o.trust, "_", "-") }
  members  = { for s in distinct(values(local.of)) : s => [for n in keys(local.of) : local.operations[n] if local.of[n] == s] }
  writing  = ["us-central1", "us-east1"]
  places   = concat(local.regions, ["us-east1"])
  writers  = toset([for s, all in local.members : s if anytrue([for o in all : o.writes])])
  everyone = toset([for s, all in local.members : s if anytrue(flatten([for o in all : [for h in o.http : !h.writes]]))])
  relays   = toset([for s, all in local.members : s if anytrue([for o in all : contains(o.needs, "relay")])])
}

output "regions" {
  value = local.regions
}

output "operations" {
  value = local.operations
}

output "services" {
  value = toset(keys(local.members))
}

output "places" {
  value = local.places
}

output "deployed" {
  value = toset(flatten([
    for s in keys(local.members) : [
      for r in concat(contains(local.everyone, s) ? local.regions : [], contains(local.writers, s) ? local.writing : []) : "${s}/${r}"
    ]
  ]))
}

output "routes" {
  description = "\"METHOD path\" with the path as the balancer writes it -> the backend that serves it."
  value = merge([
    for n, o in local.operations : {
      for h in o.http : "${h.method} ${replace(h.path, "/\\{(\\w+)\\}/", "{$1=*}")}" =>
      "${local.of[n]}/${h.shared ? "cdn" : h.writes ? "leader" : contains(o.needs, "chain") ? "outside" : "nearest"}"
    }
  ]...)
}

output "subscriptions" {
  description = "name -> where it pushes"
  value = merge([
    for n, o in local.operations : { for m in o.messages : "${n}.${m.topic}" => "https://events.api.example.com/push/${n}" }
  ]...)
}

output "topics" {
  value = toset(concat(["dead-letters"], flatten([for o in local.operations : concat(o.publishes, [for m in o.messages : m.topic])])))
}

output "schedules" {
  value = toset([for n, o in local.operations : n if length(o.schedules) > 0])
}

output "publishers" {
  value = toset(flatten([for n, o in local.operations : [for t in o.publishes : "${local.of[n]}/${t}"] if !contains(local.relays, local.of[n])]))
}

output "with" {
  description = "need -> the services with an operation that declares it"
  value = {
    for need in distinct(flatten([for o in local.operations : o.needs])) :
    need => toset([for n, o in local.operations : local.of[n] if contains(o.needs, need)])
  }
}

output "readers" {
  value = setsubtract(keys(local.members), local.writers)
}

output "public" {
  value = toset([for n, o in local.operations : local.of[n] if length(o.http) > 0])
}

output "everybody" {
  description = "Files that give a right to everybody, as wide as a project, or so that rights given by others are lost."
  value = [
    for f in fileset("${path.module}/../..", "*.tf") : f
    if length(regexall("allUsers|allAuthenticatedUsers|\"domain:|_iam_binding\"|_iam_policy\"|roles/(owner|editor)", file("${path.module}/../../${f}"))) > 0
  ]
}

output "invokers" {
  description = "Does anybody need Cloud Run's leave to call a service?"
  value       = anytrue([for f in fileset("${path.module}/../..", "*.tf") : strcontains(file("${path.module}/../../${f}"), "run.invoker")])
}

output "writers" {
  description = "Is something granted to the writer of a sink? Within one project there is none, and the grant would be refused."
  value       = anytrue([for f in fileset("${path.module}/../..", "*.tf") : strcontains(file("${path.module}/../../${f}"), ".writer_identity")])
}

output "kept" {
  description = "How many keys Terraform refuses to destroy: a test cannot see it in a plan."
  value       = length(regexall("prevent_destroy = true", join("", [for f in ["keys", "attestation", "recovery"] : file("${path.module}/../../${f}.tf")])))
}

output "serverless" {
  description = "Serverless backends have neither a timeout nor health checks; the API refuses both."
  value       = length(regexall("timeout_sec|health_checks", file("${path.module}/../../backends.tf"))) == 0
}
