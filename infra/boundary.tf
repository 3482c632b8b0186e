# Actions that nobody may take in this project, and the places from which its data may be reached. Both need a right in
# the organisation that the owner of a project does not have, so variables switch them on.

locals {
  allowed = !var.organization_policies ? {} : {
    "run.allowedIngress"                     = ["internal-and-cloud-load-balancing"]
    "run.allowedBinaryAuthorizationPolicies" = ["default"]
  }
  enforced = !var.organization_policies ? [] : [
    "iam.disableServiceAccountKeyCreation", "iam.disableServiceAccountKeyUpload", "iam.automaticIamGrantsForDefaultServiceAccounts",
    "storage.publicAccessPrevention", "storage.uniformBucketLevelAccess",
  ]
  # Not Pub/Sub: inside a perimeter it pushes only to run.app addresses, and those are switched off (services.tf).
  inside     = [for api in ["cloudkms", "firestore", "secretmanager", "spanner"] : "${api}.googleapis.com"]
  perimeters = var.perimeter == null ? {} : { wallet = var.perimeter }
  # Callers from outside that have a right, and what they may reach; the same whether the perimeter is enforced or tried.
  ingress = [{
    title      = "Builds" # which run on Google's machines
    identities = concat([local.delivery], [for name in ["terraform-plan", "terraform-apply"] : "serviceAccount:${name}@${var.project}.iam.gserviceaccount.com"])
    services   = local.inside
  }]
}

resource "google_org_policy_policy" "allowed" {
  for_each = local.allowed
  name     = "projects/${var.project}/policies/${each.key}"
  parent   = "projects/${var.project}"

  spec {
    rules {
      values {
        allowed_values = each.value
      }
    }
  }
  depends_on = [google_project_service.api]
}

resource "google_org_policy_policy" "enforced" {
  for_each = toset(local.enforced)
  name     = "projects/${var.project}/policies/${each.key}"
  parent   = "projects/${var.project}"

  spec {
    rules {
      enforce = "TRUE"
    }
  }
  depends_on = [google_project_service.api]
}

# A stolen credential alone cannot reach data and keys from outside. Until the perimeter is `enforced`, it only logs what
# it would refuse: read that log for a week first.
resource "google_access_context_manager_service_perimeter" "wallet" {
  for_each                  = local.perimeters
  parent                    = "accessPolicies/${each.value.access_policy}"
  name                      = "accessPolicies/${each.value.access_policy}/servicePerimeters/wallet_${var.environment}"
  title                     = "wallet ${var.environment}"
  use_explicit_dry_run_spec = !each.value.enforced

  dynamic "status" {
    for_each = each.value.enforced ? [1] : []
    content {
      resources           = ["projects/${data.google_project.this.number}"]
      restricted_services = local.inside
      access_levels       = each.value.access_levels

      dynamic "ingress_policies" {
        for_each = local.ingress
        content {
          title = ingress_policies.value.title
          ingress_from {
            identities = ingress_policies.value.identities
            sources {
              access_level = "*"
            }
          }
          ingress_to {
            resources = ["*"]
            dynamic "operations" {
              for_each = ingress_policies.value.services
              content {
                service_name = operations.value
                method_selectors {
                  method = "*"
                }
              }
            }
          }
        }
      }
    }
  }
  dynamic "spec" {
    for_each = each.value.enforced ? [] : [1]
    content {
      resources           = ["projects/${data.google_project.this.number}"]
      restricted_services = local.inside
      access_levels       = each.value.access_levels

      dynamic "ingress_policies" {
        for_each = local.ingress
        content {
          title = ingress_policies.value.title
          ingress_from {
            identities = ingress_policies.value.identities
            sources {
              access_level = "*"
            }
          }
          ingress_to {
            resources = ["*"]
            dynamic "operations" {
              for_each = ingress_policies.value.services
              content {
                service_name = operations.value
                method_selectors {
                  method = "*"
                }
              }
            }
          }
        }
      }
    }
  }
  depends_on = [google_project_service.api]
}
