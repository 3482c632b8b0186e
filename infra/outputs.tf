output "addresses" {
  description = "The balancer's addresses; DNS in dns_zone points at them."
  value       = { for version, address in google_compute_global_address.address : version => address.address }
}

output "registry" {
  description = "Where the image is pushed."
  value       = "${var.registry_location}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "services" {
  description = "The operations of each service, and the regions it is in."
  value       = { for name, service in local.services : name => { operations = service.operations, regions = local.service_regions[name] } }
}

output "secrets" {
  description = "Secrets that need a version before services start."
  value       = sort(keys(local.secrets))
}

output "quotas" {
  description = "What this set-up uses of each quota, and the limit that the plan was held to."
  value       = { for name, count in local.used : name => "${count} of ${local.quotas[name]}" }
}

output "egress" {
  description = "The address from which each region calls out, for others to let in; empty without fixed_egress."
  value       = { for region, address in google_compute_address.egress : region => address.address }
}
