# The resources of a service of each trust (shared/runtime/trust.py). The other granularities mix trusts, or have one
# operation each, so all their services are as `usual`.

locals {
  # threads: operations that an instance runs at once. at_once: requests that it gets at once, if that is more, because
  # waiting requests hold no thread (Cloud Run gives at most 1,000). seconds: the longest request. handler: the time limit
  # of a push or a schedule. always: a processor also between requests, for work after the answer (publishing, exporting).
  usual = { threads = 16, at_once = 0, seconds = 60, handler = 45, cpu = 1, memory = "512Mi", always = false }
  trusts = {
    public_reads    = merge(local.usual, { threads = 32 })
    public_writes   = merge(local.usual, { always = true })
    identity        = merge(local.usual, { threads = 8, memory = "1Gi" }) # a password's hash takes a processor and memory
    keys            = merge(local.usual, { threads = 8 })
    keys_and_tokens = merge(local.usual, { threads = 8, memory = "1Gi" })
    engine          = merge(local.usual, { handler = 58, always = true }) # a run fills its minute
    events          = merge(local.usual, { threads = 32, handler = 58 })
    webhooks        = local.usual                                           # waits for servers of others, eight lanes at once
    streams         = merge(local.usual, { at_once = 1000, seconds = 660 }) # a stream ends by itself after ten minutes
  }
  sizes = {
    for name, service in local.services : name => var.granularity == "trust" ? local.trusts[service.trust] : merge(local.usual, {
      seconds = service.streams ? 660 : 60
      handler = service.loops ? 58 : 45
    })
  }
}
