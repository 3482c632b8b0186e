# Custody's master key wraps the data key of every wallet. The treasury's key signs itself and never leaves its HSM. A
# separate key wraps the keys that sign webhook deliveries, because the service that opens those calls servers of users.

resource "google_kms_key_ring" "wallet" {
  name       = "wallet"
  location   = var.kms_location
  depends_on = [google_project_service.api]
}

resource "google_kms_crypto_key" "custody" {
  name                       = "custody"
  key_ring                   = google_kms_key_ring.wallet.id
  purpose                    = "ENCRYPT_DECRYPT"
  rotation_period            = "7776000s"
  destroy_scheduled_duration = "2592000s"

  version_template {
    algorithm        = "GOOGLE_SYMMETRIC_ENCRYPTION"
    protection_level = "HSM"
  }
  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key" "webhooks" {
  name                       = "webhooks"
  key_ring                   = google_kms_key_ring.wallet.id
  purpose                    = "ENCRYPT_DECRYPT"
  rotation_period            = "7776000s"
  destroy_scheduled_duration = "2592000s"

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key" "treasury" {
  name                       = "treasury"
  key_ring                   = google_kms_key_ring.wallet.id
  purpose                    = "ASYMMETRIC_SIGN"
  destroy_scheduled_duration = "2592000s"

  version_template {
    algorithm        = "EC_SIGN_SECP256K1_SHA256"
    protection_level = "HSM"
  }
  lifecycle {
    prevent_destroy = true
  }
}
