--- Durable HTTP. A request leaves after the step that asked for it is committed, is retried with
--- pauses, and carries a stable Idempotency-Key, so that the other side can tell a repetition.
---
--- Where the other side cannot, say `once`: nothing is sent again that may have been carried out.
--- When the answer is lost, `reconcile` asks the other side by the key, and only what is proven not
--- to be there is sent again; without it, or when it cannot tell, a person is asked.
---
---   http.post({ url = ERP .. "/payments", json = payment, once = {
---     reconcile = function(key)
---       local found = http.get(ERP .. "/payments?reference=" .. key):expect_ok():json()
---       return found[1] and { status = 201, body = json.encode(found[1]) } or http.NOT_THERE
---     end,
---   } })
---@class billow.http
local http = {}

local effect = require("billow.effect")
local err = require("billow.err")
local json = require("billow.json")
local task = require("billow.task")
local timer = require("billow.timer")

---@class billow.http.Request
---@field url string
---@field method? string            GET when absent
---@field headers? table<string, string>
---@field body? string
---@field json? any                 sent as application/json; instead of body
---@field timeout? string           of one attempt: "30s"
---@field attempts? integer         at most; 1 = never repeated
---@field idempotency_key? string   instead of the run's own
---@field once? true|billow.http.Once   never sent again when it may have been carried out

---@class billow.http.Once
---@field reconcile? fun(key: string, request: billow.http.Request): billow.http.Found
---@field assignees? string[]   who is asked when nobody else can tell

--- What became of a request: its answer, http.NOT_THERE (proven: it is sent again), or nil (cannot
--- tell: a person is asked).
---@alias billow.http.Found billow.http.Answer|nil

---@class billow.http.Answer
---@field status? integer   200 when absent
---@field headers? table<string, string>
---@field body? string

---@class billow.http.Response
---@field status integer
---@field headers table<string, string>   names in lower case
---@field body string
local Response = {}
Response.__index = Response
Response.__name = "http.response"

--- Is it a success (2xx)?
---@return boolean
function Response:is_ok()
  return self.status >= 200 and self.status <= 299
end

--- The body as JSON; raises BAD_RESPONSE when it is none.
---@return any
function Response:json()
  local value, problem = json.decode(self.body)
  if problem then
    error(err.new({
      code = "BAD_RESPONSE",
      text = "the answer is not JSON: " .. problem,
      detail = { status = self.status, body = self.body:sub(1, 1000) },
    }), 0)
  end
  return value
end

--- Raises HTTP_STATUS unless it is a success; returns itself, so that
--- http.get(url):expect_ok():json() reads well.
---@return billow.http.Response
function Response:expect_ok()
  if self:is_ok() then
    return self
  end
  error(err.new({
    code = "HTTP_STATUS",
    text = "the server answered " .. self.status,
    detail = { status = self.status, body = self.body:sub(1, 1000) },
  }), 0)
end

local function header_value(name, value)
  if type(name) ~= "string" or (type(value) ~= "string" and math.type(value) ~= "integer") then
    local text = "http: header %s is a %s, text is expected"
    error(string.format(text, tostring(name), type(value)), 5)
  end
  return tostring(value)
end

local function has_header(headers, wanted)
  for name in pairs(headers) do
    if name:lower() == wanted then
      return true
    end
  end
  return false
end

local function prepare(request)
  local headers, body = {}, request.body
  for name, value in pairs(request.headers or {}) do
    headers[name] = header_value(name, value)
  end
  if request.json ~= nil then
    if body ~= nil then
      error("http: body and json exclude each other", 4)
    end
    body = json.encode(request.json)
    if not has_header(headers, "content-type") then
      headers["Content-Type"] = "application/json"
    end
  end
  if body ~= nil and type(body) ~= "string" then
    error("http: the body is a " .. type(body) .. ", text is expected; use json = ... for data", 4)
  end
  return {
    method = (request.method or "GET"):upper(),
    url = request.url,
    headers = headers,
    body = body,
    timeout_ms = request.timeout and math.max(1, timer.duration_us(request.timeout) // 1000) or nil,
    attempts_max = request.attempts,
    idempotency_key = request.idempotency_key,
  }
end

--- What reconcile gives when the other side has proven that it knows nothing of the request.
http.NOT_THERE = setmetatable({}, { __name = "http.NOT_THERE" })

local UNKNOWN = "UNKNOWN_OUTCOME"
local SENDINGS_MAX = 5
local SHOWN_MAX = 2000

local function as_response(found)
  if getmetatable(found) == Response then
    return found
  end
  return setmetatable({
    status = found.status or 200,
    headers = found.headers or {},
    body = found.body or "",
  }, Response)
end

--- A person looks, and says: done (with the answer as data, if it matters), not_done, give_up.
local function ask_person(key, args, once, problem)
  local answer = task.open({
    kind = "outcome",
    title = string.format("Was this carried out? %s %s", args.method, args.url),
    body = {
      key = key,
      method = args.method,
      url = args.url,
      request = args.body and args.body:sub(1, SHOWN_MAX) or nil,
      problem = problem.text,
      decisions = json.array({ "done", "not_done", "give_up" }),
    },
    assignees = once.assignees,
  })
  if answer.decision == "done" then
    return as_response(type(answer.data) == "table" and answer.data or {})
  elseif answer.decision == "not_done" then
    return http.NOT_THERE
  elseif answer.decision == "give_up" then
    error(problem, 0)
  end
  return nil
end

--- What became of a request whose answer is lost: a response, or http.NOT_THERE.
local function find_out(key, request, args, once, problem)
  effect.post("note", { kind = "unknown_outcome", method = args.method, url = args.url, key = key })
  local found = once.reconcile and once.reconcile(key, request)
  if found == http.NOT_THERE then
    return found
  elseif type(found) == "table" then
    return as_response(found)
  elseif found then
    local text = "http: reconcile gives the answer, http.NOT_THERE or nil, not a %s"
    error(text:format(type(found)), 0)
  end
  repeat
    found = ask_person(key, args, once, problem)
  until found
  return found
end

local function send_once(request, args)
  local once = type(request.once) == "table" and request.once or {}
  args.once = true
  local has_own_key = args.idempotency_key ~= nil
  for sending = 1, SENDINGS_MAX do
    args.again = has_own_key and sending > 1 or nil -- asked about, and not there
    local seq = effect.start("http", args)
    -- What is sent again is the same request, though it is another step of the run.
    args.idempotency_key = args.idempotency_key or (effect.run().id .. "/" .. seq)
    local is_answered, outcome = pcall(effect.await, seq)
    if is_answered then
      return setmetatable(outcome, Response)
    elseif not err.is(outcome, UNKNOWN) then
      error(outcome, 0)
    end
    local found = find_out(args.idempotency_key, request, args, once, outcome)
    if found ~= http.NOT_THERE then
      return found
    end
  end
  error(err.new({
    code = "UNAVAILABLE",
    text = string.format("sent %d times, and it never got there: %s", SENDINGS_MAX, args.url),
  }), 0)
end

local function send(request, method)
  if type(request) ~= "table" or type(request.url) ~= "string" then
    error("http: a url is expected, as in http.get(\"https://...\") or { url = ... }", 3)
  end
  local args = prepare(request)
  args.method = method or args.method
  if request.once then
    return send_once(request, args)
  end
  return setmetatable(effect.call("http", args), Response)
end

--- http.get(url), http.get(url, options) and http.get{ url = url, ... } mean the same.
local function with_url(url, options)
  if type(url) == "table" then
    return url
  end
  local request = {}
  for name, value in pairs(options or {}) do
    request[name] = value
  end
  request.url = url
  return request
end

--- Send a request and wait for the answer. Any status the server gives at last is an answer; no
--- answer is an error.
---@param request billow.http.Request
---@return billow.http.Response
function http.request(request)
  return send(request)
end

---@param url string|billow.http.Request
---@param options? billow.http.Request
---@return billow.http.Response
function http.get(url, options)
  return send(with_url(url, options), "GET")
end

---@param url string|billow.http.Request
---@param options? billow.http.Request
---@return billow.http.Response
function http.post(url, options)
  return send(with_url(url, options), "POST")
end

---@param url string|billow.http.Request
---@param options? billow.http.Request
---@return billow.http.Response
function http.put(url, options)
  return send(with_url(url, options), "PUT")
end

---@param url string|billow.http.Request
---@param options? billow.http.Request
---@return billow.http.Response
function http.patch(url, options)
  return send(with_url(url, options), "PATCH")
end

---@param url string|billow.http.Request
---@param options? billow.http.Request
---@return billow.http.Response
function http.delete(url, options)
  return send(with_url(url, options), "DELETE")
end

return http
