# Only images that the build has tested run here. After the test suite has passed, the build signs the image's digest
# (cloudbuild.yaml, step attest), and Cloud Run starts no image without that signature.

resource "google_kms_crypto_key" "attestor" {
  name                       = "attestor"
  key_ring                   = google_kms_key_ring.wallet.id
  purpose                    = "ASYMMETRIC_SIGN"
  destroy_scheduled_duration = "2592000s"

  version_template {
    algorithm        = "EC_SIGN_P256_SHA256"
    protection_level = "HSM"
  }
  lifecycle {
    prevent_destroy = true
  }
}

data "google_kms_crypto_key_version" "attestor" {
  crypto_key = google_kms_crypto_key.attestor.id
}

resource "google_container_analysis_note" "proven" {
  name       = "proven"
  depends_on = [google_project_service.api]

  attestation_authority {
    hint {
      human_readable_name = "The whole suite passed on this image."
    }
  }
}

resource "google_binary_authorization_attestor" "proven" {
  name = "proven"

  attestation_authority_note {
    note_reference = google_container_analysis_note.proven.name
    public_keys {
      id = data.google_kms_crypto_key_version.attestor.id
      pkix_public_key {
        public_key_pem      = try(data.google_kms_crypto_key_version.attestor.public_key[0].pem, null)
        signature_algorithm = "ECDSA_P256_SHA256"
      }
    }
  }
}

resource "google_binary_authorization_policy" "images" {
  global_policy_evaluation_mode = "ENABLE"

  default_admission_rule {
    evaluation_mode         = "REQUIRE_ATTESTATION"
    enforcement_mode        = var.require_attestation ? "ENFORCED_BLOCK_AND_AUDIT_LOG" : "DRYRUN_AUDIT_LOG_ONLY"
    require_attestations_by = [google_binary_authorization_attestor.proven.name]
  }
}

# Only the build may sign.
resource "google_kms_crypto_key_iam_member" "attestor" {
  crypto_key_id = google_kms_crypto_key.attestor.id
  role          = "roles/cloudkms.signerVerifier"
  member        = local.delivery
}

resource "google_project_iam_member" "attestor" {
  for_each = toset(["roles/binaryauthorization.attestorsViewer", "roles/containeranalysis.notes.attacher", "roles/containeranalysis.occurrences.editor"])
  project  = var.project
  role     = each.key
  member   = local.delivery
}
