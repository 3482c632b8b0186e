# The declarations of the code (schemas/catalog.json), grouped by service. Everything else follows from these locals, so
# this folder names no operation, route, topic or right.

locals {
  # vault seals secrets, signer opens them, issuer signs access tokens, mail sends mails, relay publishes to any topic,
  # webhook_seal seals the keys that sign deliveries, webhooks opens those and calls servers that users name.
  known_needs = ["spanner", "pubsub", "cache", "chain", "vault", "signer", "issuer", "mail", "relay", "webhook_seal", "webhooks"]

  regions = var.regions
  # Regions where writes can run while the leader's region is lost, and all regions in use.
  standby = length(var.regions) == 1 ? null : coalesce(var.standby_region, local.spanner_standby[var.spanner_config], [for r in var.regions : r if r != var.leader_region]...)
  writing = compact([var.leader_region, local.standby])
  places  = distinct(concat(local.regions, local.writing))
  # Reads are cached near their users. In one region Spanner is as fast, and the cache costs more than it saves.
  caching    = coalesce(var.cache, length(var.regions) > 1) ? local.regions : []
  operations = jsondecode(file(var.catalog)).operations

  service_of = {
    for name, operation in local.operations :
    name => replace({ trust = operation.trust, group = operation.group, operation = operation.service }[var.granularity], "_", "-")
  }
  members = { for service in distinct(values(local.service_of)) : service => sort([for n, s in local.service_of : n if s == service]) }

  # gRPC, if it is on: another server for each public service, with the same rights, under a separate host.
  services = merge(local.by_http, !var.grpc ? {} : {
    for service, it in local.by_http : "grpc-${service}" => merge(it, { door = "grpc", events = false, loops = false, only_streams = false }) if it.grpc
  })
  by_http = {
    for service, names in local.members : service => {
      door       = "http"
      grpc       = anytrue([for n in names : try(local.operations[n].grpc, "") != ""])
      target     = { trust = "trust_${local.operations[names[0]].trust}", group = local.operations[names[0]].group, operation = names[0] }[var.granularity]
      trust      = local.operations[names[0]].trust
      operations = names
      needs      = distinct(flatten([for n in names : local.operations[n].needs]))
      publishes  = distinct(flatten([for n in names : local.operations[n].publishes]))
      writes     = anytrue([for n in names : local.operations[n].writes])
      reads      = anytrue(flatten([for n in names : [for h in local.operations[n].http : !h.writes]]))
      public     = anytrue([for n in names : length(local.operations[n].http) > 0])
      events     = anytrue([for n in names : length(local.operations[n].messages) + length(local.operations[n].schedules) > 0])
      streams    = anytrue(flatten([for n in names : [for h in local.operations[n].http : contains(["text/event-stream", "websocket"], h.media)]]))
      # It serves only streams: an asynchronous server can serve thousands, the usual one needs a thread for each.
      only_streams = length(flatten([for n in names : local.operations[n].http])) > 0 && alltrue(flatten([for n in names : [for h in local.operations[n].http : contains(["text/event-stream", "websocket"], h.media)]]))
      # Started at most once a minute; a schedule that has to run more often loops within its minute.
      loops = anytrue(flatten([for n in names : [for s in local.operations[n].schedules : s.seconds < 60]]))
    }
  }
  # Reads are near users; writes are where Spanner decides them, now or after a failover.
  service_regions = {
    for name, service in local.services : name => distinct(concat(
      service.reads ? local.regions : [], service.writes ? local.writing : [],
    ))
  }

  # The path of each gRPC method, by the backend that serves it; any read service serves health and reflection.
  grpc_methods = !var.grpc ? {} : {
    for name, operation in local.operations : operation.grpc => "grpc-${local.service_of[name]}/${operation.http[0].writes ? "leader" : "nearest"}" if try(operation.grpc, "") != ""
  }
  grpc_rules = { for backend in distinct(values(local.grpc_methods)) : backend => sort([for path, b in local.grpc_methods : path if b == backend]) }
  grpc_any   = try(sort([for backend in keys(local.grpc_rules) : backend if endswith(backend, "/nearest")])[0], "")

  # One route for each HTTP trigger, the most specific paths first: in each segment, text sorts before "~". Of a path's
  # methods GET is the last, which takes all others (balancer.tf): HEAD is answered where GET is.
  routes = {
    for route in flatten([
      for name, operation in local.operations : [
        for http in operation.http : {
          key     = "${replace(http.path, "/{[a-z_]+}/", "~")} ${http.method == "GET" ? "~GET" : http.method}"
          method  = http.method
          path    = http.path
          service = local.service_of[name]
          flavour = http.shared ? "cdn" : http.writes ? "leader" : contains(operation.needs, "chain") ? "outside" : "nearest"
        }
      ]
    ]) : route.key => route
  }
  route_order = sort(keys(local.routes))
  # Neighbours in this order with the same backend share one rule of the balancer; the order of rules stays the same.
  route_backends = { for key, route in local.routes : key => "${route.service}/${route.flavour}" }
  rule_starts    = [for i, key in local.route_order : i if i == 0 || local.route_backends[key] != local.route_backends[local.route_order[max(i - 1, 0)]]]
  route_rules    = [for n, start in local.rule_starts : slice(local.route_order, start, concat(local.rule_starts, [length(local.route_order)])[n + 1])]

  subscriptions = {
    for subscription in flatten([
      for name, operation in local.operations : [
        for message in operation.messages : {
          name      = "${name}.${message.topic}"
          operation = name
          service   = local.service_of[name]
          topic     = message.topic
          types     = message.types
          filter    = try(message.filter, "")
        }
      ]
    ]) : subscription.name => subscription
  }

  topics = distinct(concat(
    [local.dead_letter_topic],
    flatten([for o in local.operations : o.publishes]),
    flatten([for o in local.operations : [for m in o.messages : m.topic]]),
  ))
  dead_letter_topic = "dead-letters"
  # The topics that commits publish to, without those that only people and other systems publish to.
  event_topics = distinct(flatten([for o in local.operations : o.publishes]))

  schedules = merge([
    for name, operation in local.operations : length(operation.schedules) == 0 ? {} : {
      (name) = { service = local.service_of[name], cron = operation.schedules[0].cron, seconds = operation.schedules[0].seconds }
    }
  ]...)
}
