# Names and certificates. A DNS record validates each certificate before any traffic moves here.

locals {
  hosts = merge({
    api    = { name = var.domain, certified = [var.domain] }
    events = { name = local.events_domain, certified = [local.events_domain] }
    }, !var.grpc ? {} : {
    grpc = { name = "grpc.${var.domain}", certified = ["grpc.${var.domain}"] }
    }, {
    for region in local.canaries : "canary-${region}" => {
      name      = "canary-${region}.${var.domain}"
      certified = ["*.canary-${region}.${var.domain}"]
    }
  })
  records = merge([
    for host in flatten(values(local.hosts)[*].certified) : {
      "${host}/A"    = { name = host, type = "A", version = "IPV4" }
      "${host}/AAAA" = { name = host, type = "AAAA", version = "IPV6" }
    }
  ]...)
}

resource "google_certificate_manager_dns_authorization" "host" {
  for_each   = local.hosts
  name       = "wallet-${each.key}"
  domain     = each.value.name
  depends_on = [google_project_service.api]
}

resource "google_dns_record_set" "authorization" {
  for_each     = local.hosts
  managed_zone = var.dns_zone
  name         = google_certificate_manager_dns_authorization.host[each.key].dns_resource_record[0].name
  type         = google_certificate_manager_dns_authorization.host[each.key].dns_resource_record[0].type
  ttl          = 300
  rrdatas      = [google_certificate_manager_dns_authorization.host[each.key].dns_resource_record[0].data]
}

resource "google_certificate_manager_certificate" "host" {
  for_each = local.hosts
  name     = "wallet-${each.key}"

  managed {
    domains            = each.value.certified
    dns_authorizations = [google_certificate_manager_dns_authorization.host[each.key].id]
  }

  # A certificate whose names change would be replaced. Google does not delete one that the balancer uses, and a new one
  # answers nothing until it is issued. So one that was made with more names (formerly *.events.<domain>) keeps them, and
  # nothing resolves or serves those. Another domain still makes a new one, by its authorization.
  lifecycle {
    ignore_changes = [managed[0].domains]
  }
}

resource "google_certificate_manager_certificate_map" "wallet" {
  name       = "wallet"
  depends_on = [google_project_service.api]
}

resource "google_certificate_manager_certificate_map_entry" "host" {
  for_each     = { for pair in flatten([for key, host in local.hosts : [for name in host.certified : { host = key, name = name }]]) : pair.name => pair }
  name         = "wallet-${replace(replace(each.key, "*", "any"), ".", "-")}"
  map          = google_certificate_manager_certificate_map.wallet.name
  hostname     = each.key
  certificates = [google_certificate_manager_certificate.host[each.value.host].id]
}

resource "google_dns_record_set" "host" {
  for_each     = local.records
  managed_zone = var.dns_zone
  name         = "${each.value.name}."
  type         = each.value.type
  ttl          = 300
  rrdatas      = [google_compute_global_address.address[each.value.version].address]
}
