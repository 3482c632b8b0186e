# What may not be done in this project whoever asks, and from where its data may be reached. Both take a right in the
# organisation that the owner of a project does not have, so both are switched on by variables.

locals {
  allowed = !var.organization_policies ? {} : {
    "run.allowedIngress"                     = ["internal-and-cloud-load-balancing"]
    "run.allowedBinaryAuthorizationPolicies" = ["default"]
  }
  enforced = !var.organization_policies ? [] : [
    "iam.disableServiceAccountKeyCreation", "iam.disableServiceAccountKeyUpload", "iam.automaticIamGrantsForDefaultServiceAccounts",
    "storage.publicAccessPrevention", "storage.uniformBucketLevelAccess",
  ]
  # Not Pub/Sub: inside of a perimeter it pushes to run.app addresses alone, and those are switched off (services.tf).
  inside     = [for api in ["cloudkms", "firestore", "secretmanager", "spanner"] : "${api}.googleapis.com"]
  perimeters = var.perimeter == null ? {} : { wallet = var.perimeter }
  # Who comes from outside of it with a right of its own, and to what: the same where it is enforced and where it is tried.
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

# Data and keys are not reached from outside with a stolen credential alone. Until `enforced` what it would refuse is only
# logged: read that for a week first.
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
}
