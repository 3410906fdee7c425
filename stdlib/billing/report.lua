--- What a billing run leaves as its result: figures for people, the invoice objects, the
--- exceptions.
local report = {}

local canonical = require("billow.billing.canonical")
local html = require("billow.billing.html")
local json = require("billow.json")

--- Worked seconds by disposition, over all entries the run claimed.
local function seconds_of(judged, bill)
  local seconds = {}
  for _, dispositions in ipairs({ judged.items.dispositions, bill.dispositions }) do
    for _, of_entry in pairs(dispositions) do
      for disposition, amount in pairs(of_entry) do
        seconds[disposition] = (seconds[disposition] or 0) + amount
      end
    end
  end
  return seconds
end

local function result(contract, judged, bill, status)
  return {
    contract = contract.id,
    period = contract.period,
    model = contract.contract.model,
    status = status,
    exceptions = canonical.exceptions(bill.exceptions),
    seconds = seconds_of(judged, bill),
    invoices = json.array({}),
    closing = canonical.closing(contract.ctx, contract.contract, bill.closing),
  }
end

--- Blocked bills as objects and pages, so that people can see what would go out.
local function drafts_of(contract, bill)
  local drafts = {}
  for i, object in ipairs(bill.canonical) do
    drafts[i] = { object = object, page = html.render(contract.ctx, object) }
  end
  return json.array(drafts)
end

--- The run issued invoices.
---@param issued {id: string, number: string}[]
---@return table
function report.issued(contract, judged, bill, issued)
  local made = result(contract, judged, bill, "issued")
  made.invoices = json.array(issued)
  return made
end

--- The run ended without an invoice; blocked drafts are kept in the result, without numbers.
---@param status string   "nothing", "blocked", "on_hold", "rejected"
---@return table
function report.not_issued(contract, judged, bill, status)
  local made = result(contract, judged, bill, status)
  if status == "blocked" then
    made.drafts = drafts_of(contract, bill)
  end
  return made
end

return report
