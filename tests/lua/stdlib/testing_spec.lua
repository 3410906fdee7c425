local decimal = require("billow.decimal")
local testing = require("billow.testing")

--- A workflow of these lines, as the file of a release.
local function workflow(name, body)
  local heads = {}
  for _, module in ipairs({ "db", "err", "event", "http", "json", "number", "policy", "task" }) do
    heads[#heads + 1] = string.format("local %s = require(%q)", module, "billow." .. module)
  end
  return string.format(
    "%s\nlocal billow = require('billow')\nreturn require('billow.workflow').define({ name = %q, "
      .. "version = '1', run = function(input)\n%s\nend })\n",
    table.concat(heads, "\n"),
    name,
    body
  )
end

--- A world with one workflow "it".
local function world_of(body, options)
  options = options or {}
  options.files = options.files or {}
  options.files["workflows/it.lua"] = workflow("it", body)
  return testing.world(options)
end

local function message_of(action)
  local is_done, problem = pcall(action)
  assert.is_false(is_done)
  return tostring(problem)
end

local function contains(text, part)
  assert.truthy(text:find(part, 1, true), text .. "\n does not contain: " .. part)
end

local STATEMENT = "local s = db.statement({ name = 'x.rows', sql = 'select $1' })\n"

describe("testing: runs", function()
  it("runs a workflow to its end", function()
    local run = world_of("return { sum = input.a + 1 }"):start("it", { a = 41 })
    assert.equals("done", run.status)
    assert.same({ sum = 42 }, run.result)
    assert.equals("it", run.workflow)
  end)

  it("tells why a run is parked: text, file, line", function()
    local run = world_of("local x = nil\nreturn x.y"):start("it")
    assert.equals("parked", run.status)
    assert.equals("workflows/it.lua", run.error.file)
    contains(run.error.text, "attempt to index a nil value")
  end)

  it("names a workflow that is not there, at the line of the spec", function()
    local world = testing.world()
    local text = message_of(function()
      world:start("nothing")
    end)
    contains(text, "testing_spec.lua:")
    contains(text, "start nothing: ")
  end)

  it("starts once under one key", function()
    local world = world_of("return 1")
    local first = world:start("it", nil, { key = "k" })
    assert.equals(first.id, world:start("it", nil, { key = "k" }).id)
    assert.equals(1, #world:runs())
  end)

  it("begins at the time it is told", function()
    local world = world_of("return billow.now()", { now = "2026-10-31T18:00:00Z" })
    contains(world:start("it").result, "2026-10-31T18:00:00")
  end)

  it("gives the same random numbers each time", function()
    local body = "return { billow.uuid(), billow.random(1000000) }"
    assert.same(world_of(body):start("it").result, world_of(body):start("it").result)
  end)

  it("shows the journal: deliveries and commands", function()
    local world = world_of("billow.sleep('1d') return 1")
    local run = world:start("it")
    local turn = run:journal()[1]
    assert.equals("start", turn.deliveries[1].kind)
    assert.equals("sleep", turn.commands[1].kind)
    assert.equals("workflows/it.lua", turn.commands[1].file)
    assert.equals(1, #run:commands("sleep"))
    assert.equals(0, #run:commands("http"))
  end)

  it("lists the children of a run in order", function()
    local body = "local w = require('billow.workflow') w.call('kid', 1) w.call('kid', 2)"
    local world = world_of(body, { files = { ["workflows/kid.lua"] = workflow("kid", "") } })
    local children = world:start("it"):children()
    assert.equals(2, #children)
    assert.equals(1, children[1].input)
    assert.equals("kid", children[2].workflow)
  end)

  it("cancels", function()
    local world = world_of("task.open({ kind = 'question', title = 'Well?' })")
    local run = world:start("it")
    run:cancel("no longer needed", { as = "dana" })
    assert.equals("cancelled", run.status)
    assert.equals(0, #world:tasks())
  end)

  it("resumes with the script that was mended meanwhile", function()
    local world = world_of("local n = http.get('https://a.example/').status; error('broken')")
    world:http("GET", "https://a.example/"):answers(200)
    local run = world:start("it")
    assert.equals("parked", run.status)
    world:deploy({
      ["workflows/it.lua"] = workflow("it", "return 1 + http.get('https://a.example/').status"),
    })
    run:resume({ latest = true })
    assert.equals(201, run.result)
    assert.equals(1, #world:requests())
  end)

  it("parks again when the mended script would have done something else before", function()
    local world = world_of("local n = http.get('https://a.example/').status; error('broken')")
    world:http("GET", "https://a.example/"):answers(200)
    local run = world:start("it")
    world:deploy({
      ["workflows/it.lua"] = workflow("it", "return http.get('https://b.example/').status"),
    })
    run:resume({ latest = true })
    assert.equals("parked", run.status)
    assert.equals("NONDETERMINISM", run.error.code)
  end)

  it("resumes with an outcome in place of the effect that failed", function()
    local world = world_of("return http.get('https://a.example/').status")
    world:http("GET", "https://a.example/"):fails()
    local run = world:start("it")
    world:advance("1h")
    assert.equals("parked", run.status)
    run:resume({ skip_with = { status = 204, headers = {}, body = "" } })
    assert.equals(204, run.result)
  end)
end)

describe("testing: HTTP", function()
  local BODY = "local r = http.post({ url = input.url, json = { n = 1 } }) "
    .. "return { status = r.status, body = r.body }"
  local URL = "https://erp.example/invoices"

  it("answers, and shows what was asked", function()
    local world = world_of(BODY)
    world:http("post", URL):answers(201, { id = "E-1" })
    local run = world:start("it", { url = URL })
    assert.same({ status = 201, body = "{\"id\":\"E-1\"}" }, run.result)
    local request = world:requests()[1]
    assert.equals("POST", request.method)
    assert.same({ n = 1 }, request.json)
    assert.equals("application/json", request.headers["content-type"])
    assert.truthy(request.headers["idempotency-key"])
  end)

  it("gives answers in their order, and the last one again", function()
    local world = world_of(
      "return { http.get('https://a.example/').status, "
        .. "http.get('https://a.example/').status, http.get('https://a.example/').status }"
    )
    local route = world:http("GET", "https://a.example/"):answers(404):answers(200)
    assert.same({ 404, 200, 200 }, world:start("it").result)
    assert.equals(3, #route.requests)
  end)

  it("takes any URL of a pattern, and the newest route first", function()
    local world = world_of(BODY)
    world:http("POST", "https://*"):answers(500)
    world:http("POST", "https://erp.example/*"):answers(function(request)
      return 200, request.url
    end)
    assert.equals(URL, world:start("it", { url = URL }).result.body)
  end)

  it("repeats a request with the same key after a failure, when time passes", function()
    local world = world_of(BODY)
    local route = world:http("POST", URL):fails():times_out():answers(201)
    local run = world:start("it", { url = URL })
    assert.equals("effect", run.wake)
    world:advance("5m")
    assert.equals(201, run.result.status)
    local keys = {}
    for i, request in ipairs(route.requests) do
      keys[i] = request.headers["idempotency-key"]
    end
    assert.same({ keys[1], keys[1], keys[1] }, keys)
  end)

  it("says what to add when nothing answers", function()
    local world = world_of(BODY)
    local text = message_of(function()
      world:start("it", { url = URL })
    end)
    contains(text, "testing_spec.lua:")
    contains(text, "nothing answers POST " .. URL)
    contains(text, "{\"n\":1}")
    contains(text, "world:http(\"POST\", \"https://erp.example/invoices\"):answers(200")
  end)
end)

describe("testing: database", function()
  it("executes the stand-in of a statement by its name", function()
    local world = world_of(STATEMENT .. "return db.query(s, { input, nil })")
    world:db("x.rows", function(params)
      return { { id = params[1], amount = decimal("1.50") } }
    end)
    assert.same({ { id = "C-1", amount = decimal("1.50") } }, world:start("it", "C-1").result)
  end)

  it("says what to add when there is no stand-in", function()
    local world = world_of(STATEMENT .. "return db.query(s, { 'C-17' })")
    local text = message_of(function()
      world:start("it")
    end)
    contains(text, "no stand-in for the statement x.rows, called with [\"C-17\"]")
    contains(text, "world:db(\"x.rows\", function(params)")
  end)

  it("refuses a stand-in that returns no list of rows", function()
    local world = world_of(STATEMENT .. "return db.query(s, { 1 })")
    world:db("x.rows", function()
      return { id = 1 }
    end)
    contains(
      message_of(function()
        world:start("it")
      end),
      "list of rows"
    )
  end)

  it("passes on an error that a stand-in raises on purpose", function()
    local err = require("billow.err")
    local world = world_of(STATEMENT .. [[
      local ok, problem = pcall(db.query, s, { 1 })
      return { ok = ok, code = problem.code }]])
    world:db("x.rows", function()
      error(err.new({ code = "FORBIDDEN", text = "not yours" }), 0)
    end)
    assert.same({ ok = false, code = "FORBIDDEN" }, world:start("it").result)
  end)

  it("fails the spec when a stand-in is broken", function()
    local world = world_of(STATEMENT .. "return db.query(s, { 1 })")
    world:db("x.rows", function(params)
      return params.nothing.there
    end)
    contains(
      message_of(function()
        world:start("it")
      end),
      "attempt to index a nil value"
    )
  end)

  it("checks how many rows a statement of a transaction touched", function()
    local world = world_of(STATEMENT .. [[
      local ok, problem = pcall(db.transaction, function(tx) tx:exec(s, { 1 }, "one") end)
      return { ok = ok, code = problem.code, text = problem.text }]])
    world:db("x.rows", function()
      return {}, 0
    end)
    local result = world:start("it").result
    assert.equals("CONFLICT", result.code)
    assert.equals("x.rows: 0 rows where one was expected", result.text)
  end)

  it("puts the number that is taken into later statements", function()
    local world = world_of(STATEMENT .. [[
      local results = db.transaction(function(tx)
        local n = tx:number({ series = "INV", date = "2026-11-02" })
        tx:exec(s, { n })
      end)
      return { results[1].number, results[2][1].seen }]])
    world:set_series({ series = "INV", format = "R{YYYY}-{SEQ:3}", reset = "year", next = 7 })
    world:db("x.rows", function(params)
      return { { seen = params[1] } }
    end)
    assert.same({ "R2026-007", "R2026-007" }, world:start("it").result)
    assert.equals(1, #world:numbers("INV"))
  end)

  it("gives the number back when the transaction fails", function()
    local world = world_of(STATEMENT .. [[
      pcall(db.transaction, function(tx)
        tx:number({ series = "INV", date = "2026-11-02" })
        tx:exec(s, { input }, "one")
      end)
      return number.next("INV", { date = "2026-11-02" }).sequence]])
    world:set_series({ series = "INV", format = "{SEQ:1}", next = 7 })
    world:db("x.rows", function()
      return {}
    end)
    assert.equals(7, world:start("it", 1).result)
  end)
end)

describe("testing: time, events, tasks", function()
  it("jumps from due moment to due moment", function()
    local world = world_of([[
      local seen = {}
      for i = 1, 3 do
        billow.sleep("10d")
        http.post({ url = "https://a.example/" })
        seen[i] = billow.now():sub(1, 10)
      end
      return seen]])
    world:http("POST", "https://a.example/"):answers(204)
    local run = world:start("it")
    world:advance("45d")
    assert.same({ "2026-01-11", "2026-01-21", "2026-01-31" }, run.result)
    contains(world:now(), "2026-02-15")
  end)

  it("does not go back in time", function()
    local world = testing.world({ now = "2026-10-31T18:00:00Z" })
    world:advance_to("2026-11-01T00:00:00Z")
    contains(world:now(), "2026-11-01T00:00:00")
    contains(
      message_of(function()
        world:advance_to("2026-10-01T00:00:00Z")
      end),
      "time does not go back"
    )
  end)

  it("delivers an event that was sent before anyone waited, once", function()
    local world = world_of([[
      local got = event.wait("paid", { key = input, timeout = "1d" })
      return got and got.body or "nothing" ]])
    world:send("paid", "INV-1", { amount = "5" }, { id = "bank-1" })
    world:send("paid", "INV-1", { amount = "5" }, { id = "bank-1" })
    assert.same({ amount = "5" }, world:start("it", "INV-1").result)
    local second = world:start("it", "INV-1")
    world:advance("2d")
    assert.equals("nothing", second.result)
  end)

  it("answers the task that fits", function()
    local world = world_of([[
      return task.open({ kind = "approval", title = "Offer to " .. input, group = input,
        body = { n = 1 }, assignees = { "dana" } })]])
    local first, second = world:start("it", "CU-1"), world:start("it", "CU-2")
    local task = world:task("approval", "CU-2")
    assert.same({ n = 1 }, task.body)
    assert.same({ "dana" }, task.assignees)
    task:approve({ as = "dana", comment = "fine" })
    assert.equals("open", first.status)
    assert.equals("approve", second.result.decision)
    assert.equals("dana", second.result.by)
    assert.equals("fine", second.result.comment)
    assert.equals(first.id, world:task("approval", { run = first }).run)
    assert.equals(2, #world:tasks("approval", { status = "all" }))
  end)

  it("tells which tasks there are when none fits", function()
    local world = world_of("task.open({ kind = 'question', title = 'Which rate?' })")
    world:start("it")
    local text = message_of(function()
      world:task("approval")
    end)
    contains(text, "no open task approval fits")
    contains(text, "question : Which rate?")
  end)

  it("tells that a run is parked when no task is there", function()
    local world = world_of("error('no rate')")
    world:start("it")
    contains(
      message_of(function()
        world:task("approval")
      end),
      "no rate"
    )
  end)

  it("puts settings in force, in a scope", function()
    local files = {
      ["policies/p/policy.lua"] = "return { name = 'p', version = '1', decide = function(_, s) "
        .. "return { text = s.text } end }",
      ["policies/p/settings.json"] = [[{ "type": "object",
        "properties": { "text": { "type": "string", "default": "d" } } }]],
    }
    local world = world_of("return policy.decide('p', {}, { customer = input }).text", {
      files = files,
    })
    assert.equals("d", world:start("it", "CU-1").result)
    world:set_setting({ policy = "p", name = "text", value = "all" })
    world:set_setting({
      policy = "p",
      name = "text",
      value = "one",
      scope_type = "customer",
      scope_id = "CU-1",
    })
    assert.equals("one", world:start("it", "CU-1").result)
    local run = world:start("it", "CU-2")
    assert.equals("all", run.result)
    assert.equals("p", run:notes("policy")[1].policy)
  end)
end)

describe("testing: crashes", function()
  it("goes on after a crash and after eviction", function()
    local world = world_of([[
      local first = billow.uuid()
      task.open({ kind = "question", title = "Now?" })
      return first == billow.run().id or first]])
    local run = world:start("it")
    world:crash()
    world:evict()
    world:task():approve()
    assert.equals("done", run.status)
    assert.equals(36, #run.result)
  end)

  it("sends a request again that was under way, with its key", function()
    local keys = {}
    local world = world_of("return http.post({ url = 'https://a.example/' }).status")
    world:http("POST", "https://a.example/"):answers(function(request)
      keys[#keys + 1] = request.headers["idempotency-key"]
      if #keys == 1 then
        return 503
      end
      return 201
    end)
    local run = world:start("it")
    world:crash()
    assert.equals(201, run.result)
    assert.equals(keys[1], keys[2])
  end)

  it("finds a workflow that is not deterministic", function()
    local fingerprint = require("billow.testing.fingerprint")
    local text = fingerprint.difference(
      { { runs = { { result = { 1, 2 } } } } },
      { { runs = { { result = { 1, 3 } } } } }
    )
    assert.equals("worlds[1].runs[1].result[2] is 2 without, 3 with it", text)
    assert.is_nil(fingerprint.difference({ decimal("1.0") }, { decimal("1.0") }))
  end)
end)
