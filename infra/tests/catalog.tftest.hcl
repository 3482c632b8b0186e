mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}
variables {
  project     = "acme-wallet-test"
  environment = "prod"
  domain      = "api.example.com"
  dns_zone    = "example-com"
  image       = "us-central1-docker.pkg.dev/acme-wallet-test/wallet/wallet@sha256:0000000000000000000000000000000000000000000000000000000000000000"
}
run "plan" {
  command = plan
  assert {
    condition     = length(google_cloud_run_v2_service.service) == 3 * length(local.operations)
    error_message = "Not every operation has a service in each region."
  }
}
