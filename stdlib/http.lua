--- Durable HTTP. A request leaves after the step that asked for it is committed, is retried with
--- pauses, and carries a stable Idempotency-Key, so that the other side can tell a repetition.
---@class billow.http
local http = {}

local effect = require("billow.effect")
local err = require("billow.err")
local json = require("billow.json")
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

local function send(request, method)
  if type(request) ~= "table" or type(request.url) ~= "string" then
    error("http: a url is expected, as in http.get(\"https://...\") or { url = ... }", 3)
  end
  local args = prepare(request)
  args.method = method or args.method
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
