--- The other side of every HTTP request: answers that a spec gives, at the wire.
---@class billow.testing.http
local http = {}

local engine = require("billow.testing.engine")
local json = require("billow.json")

local SHORT_MAX = 400

---@class billow.testing.Request
---@field method string
---@field url string
---@field headers table<string, string>   names in lower case
---@field body string
---@field json any                        the body decoded, when it is JSON

---@class billow.testing.Route
---@field method string
---@field url string
---@field requests billow.testing.Request[]   what came, oldest first
---@field answers_left table[]
local Route = {}
Route.__index = Route

local function as_body(body, headers)
  if body == nil then
    return ""
  elseif type(body) == "string" then
    return body
  end
  headers["content-type"] = headers["content-type"] or "application/json"
  return json.encode(body)
end

local function lower_names(headers)
  local lower = {}
  for name, value in pairs(headers or {}) do
    lower[name:lower()] = tostring(value)
  end
  return lower
end

--- Answer the next request like this. Several calls make a sequence; the last one goes on
--- answering.
---@param status integer|fun(request: billow.testing.Request): integer, any, table?
---@param body? string|table   a table is sent as JSON
---@param headers? table<string, string>
---@return billow.testing.Route
function Route:answers(status, body, headers)
  if type(status) ~= "function" and math.type(status) ~= "integer" then
    engine.fail("answers: a status is expected, as in :answers(201, { id = \"E-1\" })")
  end
  self.answers_left[#self.answers_left + 1] = function(request)
    local code, content, fields = status, body, headers
    if type(status) == "function" then
      code, content, fields = status(request)
    end
    fields = lower_names(fields)
    local text = as_body(content, fields)
    return { status = code, headers = fields, body = text }
  end
  return self
end

local function failure(route, code, text)
  route.answers_left[#route.answers_left + 1] = function()
    return { error = code, text = text }
  end
  return route
end

--- The next request does not get through: nothing was sent. The engine tries again after a pause.
---@param code? string   "UNKNOWN_OUTCOME": sent, and the connection ended before the answer
---@return billow.testing.Route
function Route:fails(code)
  return failure(self, code or "UNAVAILABLE", "the connection failed, as the spec has it")
end

--- The next request gets no answer in time.
---@return billow.testing.Route
function Route:times_out()
  return failure(self, "TIMEOUT", "no answer in time, as the spec has it")
end

--- The next request arrives, and its answer never comes: it stays under way until the spec crashes
--- the world.
---@return billow.testing.Route
function Route:hangs()
  self.answers_left[#self.answers_left + 1] = function()
    return { hangs = true }
  end
  return self
end

--- Does the route take this request? `*` in its URL stands for any characters.
function Route:takes(request)
  if self.method ~= request.method then
    return false
  elseif not self.url:find("*", 1, true) then
    return self.url == request.url
  end
  local pattern = self.url:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*")
  return request.url:find("^" .. pattern .. "$") ~= nil
end

function Route:answer(request)
  local answers = self.answers_left
  if #answers == 0 then
    return nil
  end
  self.requests[#self.requests + 1] = request
  return (#answers > 1 and table.remove(answers, 1) or answers[1])(request)
end

---@class billow.testing.Door
---@field routes billow.testing.Route[]   the newest first
---@field requests billow.testing.Request[]
---@field hanging table<integer, true>   requests that get no answer
local Door = {}
Door.__index = Door

---@return billow.testing.Door
function http.door()
  return setmetatable({ routes = {}, requests = {}, hanging = {} }, Door)
end

--- A route; a newer one for the same request stands before an older one.
---@param method string
---@param url string
---@return billow.testing.Route
function Door:route(method, url)
  if type(method) ~= "string" or type(url) ~= "string" then
    engine.fail(
      "world:http: method and URL are expected, as in world:http(\"POST\", \"https://...\")"
    )
  end
  local fields = { method = method:upper(), url = url, requests = {}, answers_left = {} }
  local route = setmetatable(fields, Route)
  table.insert(self.routes, 1, route)
  return route
end

local function read(pending)
  local headers = {}
  for _, pair in ipairs(pending.headers) do
    headers[pair[1]:lower()] = pair[2]
  end
  local body = json.decode(pending.body)
  return {
    method = pending.method,
    url = pending.url,
    headers = headers,
    body = pending.body,
    json = body,
  }
end

local function short(text)
  return #text <= SHORT_MAX and text or text:sub(1, SHORT_MAX) .. "..."
end

local function fail_unanswered(request)
  local body = request.body ~= "" and "\n  its body: " .. short(request.body) or ""
  engine.fail(
    "nothing answers %s %s%s\n  add to the spec: world:http(%q, %q):answers(200, { ... })",
    request.method,
    request.url,
    body,
    request.method,
    request.url
  )
end

--- Answer one request that waits. False when none does.
---@param world_engine billow.testing.Engine
---@return boolean
function Door:work(world_engine)
  local pending
  for _, request in ipairs(world_engine:ask("http_pending")) do
    pending = pending or (not self.hanging[request.id] and request or nil)
  end
  if not pending then
    return false
  end
  local request, answer = read(pending), nil
  for _, route in ipairs(self.routes) do
    answer = answer or (route:takes(request) and route:answer(request) or nil)
  end
  if not answer then
    fail_unanswered(request)
  end
  self.requests[#self.requests + 1] = request
  if answer.hangs then
    self.hanging[pending.id] = true
    return true
  end
  answer.id = pending.id
  world_engine:ask("http_answer", answer)
  return true
end

return http
