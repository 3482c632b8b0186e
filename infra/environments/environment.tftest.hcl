# Each environment's variables make a plan: terraform test -test-directory=environments -var-file=environments/dev.tfvars

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

run "plan" {
  command = plan
  assert {
    condition     = length(google_cloud_run_v2_service.service) >= length(local.services) && alltrue([for s in google_cloud_run_v2_service.service : contains(local.places, s.location)])
    error_message = "Not every service is somewhere."
  }
  assert {
    condition     = alltrue([for s in google_cloud_run_v2_service.service : s.deletion_protection == (var.environment != "dev")])
    error_message = "Only dev may be deleted."
  }
}
