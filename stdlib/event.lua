--- Messages to runs, by topic and key. An event that arrives before anyone waits for it is kept and
--- taken later.
---@class billow.event
local event = {}

local effect = require("billow.effect")
local timer = require("billow.timer")

---@class billow.Event
---@field topic string
---@field key string
---@field id string    the sender's id: the same id twice is one event
---@field body any

---@class billow.event.WaitOptions
---@field key? string|integer       what it is about; "" when absent
---@field timeout? string|integer   duration from now ("45d"), RFC 3339, or microseconds

--- Wait for the next event of a topic and key. Returns nil when the timeout comes first.
---@param topic string
---@param options? billow.event.WaitOptions
---@return billow.Event?
function event.wait(topic, options)
  options = options or {}
  if type(topic) ~= "string" or type(options) ~= "table" then
    error("event.wait: a topic is expected, and perhaps { key = ..., timeout = ... }", 2)
  end
  local outcome = effect.call("event.wait", {
    topic = topic,
    key = tostring(options.key or ""),
    timeout_us = options.timeout ~= nil and timer.instant_us(options.timeout) or nil,
  })
  if outcome.timeout then
    return nil
  end
  return outcome
end

---@class billow.event.SendOptions
---@field key? string|integer
---@field id? string           makes a repeated sending harmless; a new id when absent
---@field expires? string|integer   as timeout: nobody gets it later

--- Send an event; whoever waits for the topic and key gets it, once.
---@param topic string
---@param body? any
---@param options? billow.event.SendOptions
function event.send(topic, body, options)
  options = options or {}
  if type(topic) ~= "string" or type(options) ~= "table" then
    error("event.send: a topic is expected, then the body and { key = ..., id = ... }", 2)
  end
  effect.post("event.send", {
    topic = topic,
    key = tostring(options.key or ""),
    id = options.id,
    body = body,
    expires_us = options.expires ~= nil and timer.instant_us(options.expires) or nil,
  })
end

return event
