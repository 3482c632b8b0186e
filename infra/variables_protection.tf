# What protects an environment: secrets and keys, what callers may do, what nobody may delete or start, other people's copies.

variable "canary_secret" {
  description = "What the header X-Canary must say for a new revision to be called before it has traffic; also the secret canary-secret, for the rollout. Empty: there are no canary hosts. Give it as TF_VAR_canary_secret; it is in the state."
  type        = string
  default     = ""
  sensitive   = true

  validation {
    condition     = var.canary_secret == "" || length(var.canary_secret) >= 32
    error_message = "canary_secret must have at least 32 characters, e.g. from `openssl rand -hex 32`."
  }
}

variable "secret_versions" {
  description = "The version of each secret that services use, as a number: \"latest\" would change running services without a rollout."
  type        = map(number)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.secret_versions), keys(local.secrets))) == 0
    error_message = "secret_versions names secrets that do not exist (${join(", ", setsubtract(keys(var.secret_versions), keys(local.secrets)))}); there are ${join(", ", sort(keys(local.secrets)))}."
  }
}

variable "kms_location" {
  description = "Where keys are: a multi-region outlives the loss of a region. It cannot be changed later."
  type        = string
  default     = "us"
}

variable "requests_per_minute" {
  description = "Requests a minute from one address after which it is banned for ten minutes."
  type        = number
  default     = 1200
}

variable "waf_preview" {
  description = "Only log what the WAF rules would block. Hex and typed data look like attacks: leave it on until the logs are clean."
  type        = bool
  default     = true
}

variable "waf_opt_out" {
  description = "Signatures of the WAF that honest requests meet, by rule set, e.g. { sqli-v33-stable = [\"owasp-crs-v030301-id942200-sqli\"] }. Cloud Armor's log names them."
  type        = map(list(string))
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.waf_opt_out), keys(local.waf))) == 0
    error_message = "waf_opt_out has ${join(", ", setsubtract(keys(var.waf_opt_out), keys(local.waf)))}, which infra/armor.tf does not use; there are ${join(", ", keys(local.waf))}."
  }
}

variable "audit_retention_days" {
  description = "How long audit logs are kept."
  type        = number
  default     = 400

  validation {
    condition     = var.audit_retention_days >= 365 && var.audit_retention_days <= 3650
    error_message = "audit_retention_days must be between 365 (less answers no auditor) and 3650."
  }
}

variable "require_attestation" {
  description = "Start no image that the build has not signed. False only logs what would be refused: for the first apply, whose image was pushed by hand."
  type        = bool
  default     = true
}

variable "deletion_protection" {
  description = "Refuse to delete what holds data or answers requests. Only dev may be without."
  type        = bool
  default     = true

  validation {
    condition     = var.deletion_protection || var.environment == "dev"
    error_message = "deletion_protection may be false in dev only."
  }
}

variable "recovery_project" {
  description = "A project of other people, for copies of the backups and the key of exported secrets. Null: neither is made. See docs/custody.md."
  type        = string
  default     = null

  validation {
    condition     = var.recovery_project != var.project
    error_message = "recovery_project must be another project than project: what is lost with one would be lost with both."
  }
  validation {
    condition     = var.recovery_project != null || var.environment != "prod"
    error_message = "recovery_project must be given in prod: a project that is lost with its backups and its key takes every wallet along."
  }
}

variable "organization_policies" {
  description = "Refuse in this project, whoever asks: service account keys, other ingress than the balancer, unsigned images, public buckets. Whoever applies needs roles/orgpolicy.policyAdmin in the organisation."
  type        = bool
  default     = false
}

variable "perimeter" {
  description = "A VPC Service Controls perimeter around data and keys: the number of the organisation's access policy, the access levels from which operators come, and whether it refuses or only logs. Null: none."
  type        = object({ access_policy = string, access_levels = list(string), enforced = bool })
  default     = null

  validation {
    condition     = var.perimeter == null || can(regex("^[0-9]+$", var.perimeter.access_policy)) && alltrue([for level in try(var.perimeter.access_levels, []) : startswith(level, "accessPolicies/")])
    error_message = "perimeter.access_policy must be the number of the access policy, and access_levels full names (accessPolicies/…/accessLevels/…)."
  }
}
