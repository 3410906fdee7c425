--- The close of a period in memory: stand-ins for its statements, and what they share with those
--- of receivables (billow.testing.receivables_db): the newest document, and whose an entry is.
local close_db = { fakes = {} }

local decimal = require("billow.decimal")
local json = require("billow.json")
local ledger = require("billow.testing.billing_ledger")
local tables = require("billow.testing.tables")

local jsonb, text, given = tables.jsonb, tables.text, tables.given
local ZERO = decimal(0)
local fakes = close_db.fakes

function close_db.newest(db, kind, id)
  local versions = db.billing.documents[kind .. "\0" .. id]
  return versions and versions[#versions].body or json.null
end

--- Which contract bills an entry: by the code of its project or, without one, by the name.
function close_db.placing(db)
  local by_code, by_name = {}, {}
  for _, versions in pairs(db.billing.documents) do
    local document = versions[#versions]
    for _, project in ipairs(document.kind == "contract" and document.body.projects or {}) do
      by_code[given(project.code) or ""] = document.id
      by_name[given(project.name) or ""] = document.id
    end
  end
  return function(entry)
    if entry.contract_id then
      return entry.contract_id
    end
    local code = entry.project_code or ""
    return (code ~= "" and by_code[code] or code == "" and by_name[entry.project_name]) or json.null
  end
end

--- Quantity of time up to a day, by contract and state.
local function quantities(db, last_day)
  local sums, contract_of = {}, close_db.placing(db)
  for id, entry in pairs(db.billing.entries) do
    local day = entry.body.work_date or ""
    if entry.kind == "time" and not entry.invalid and day <= last_day then
      for state, row in pairs(db.billing.balances[id] or {}) do
        local key = tostring(contract_of(entry)) .. "/" .. state
        sums[key] = (sums[key] or ZERO) + row.quantity
      end
    end
  end
  return sums
end

fakes["billing.close_figures"] = function(db, params)
  local period, rows, sums = text(params[1]), {}, quantities(db, text(params[2]))
  for _, contract in ipairs(db.billing.fakes["billing.contracts"]({})) do
    local net, count, codes, blockers = ZERO, 0, {}, json.array({})
    for _, invoice in pairs(db.billing.invoices) do
      if invoice.contract_id == contract.id and invoice.period == period then
        local amount = decimal(invoice.body.totals.tax_exclusive_amount)
        net = invoice.type_code == "381" and net - amount or net + amount
        count = count + 1
      end
    end
    for _, row in pairs(db.billing.exceptions) do
      if row.contract_id == contract.id and row.period == period then
        codes[row.code] = (codes[row.code] or 0) + 1
        if row.level ~= "entry" and row.code ~= "CEILING_REACHED" then
          blockers[#blockers + 1] = { code = row.code, message = row.message }
        end
      end
    end
    local held = sums[contract.id .. "/held"] or ZERO
    local open = sums[contract.id .. "/open"] or ZERO
    rows[#rows + 1] = {
      contract = contract.id,
      model = contract.model,
      currency = close_db.newest(db, "contract", contract.id).currency,
      is_closed = db.billing.closings[contract.id .. "\0" .. period] ~= nil,
      net = tostring(net),
      invoices = count,
      held_seconds = tostring(held),
      open_seconds = tostring(open),
      written_off_seconds = tostring(sums[contract.id .. "/written_off"] or ZERO),
      held_reasons = json.array({}),
      is_unbilled = (held + open):sign() > 0,
      exceptions = codes,
      blockers = blockers,
    }
  end
  table.sort(rows, function(a, b)
    return a.contract < b.contract
  end)
  return rows
end

fakes["billing.close_unbilled"] = function(db, params)
  local rows, contract_of = {}, close_db.placing(db)
  for id, entry in pairs(db.billing.entries) do
    local is_of_it = (entry.kind == "time" or entry.kind == "expense") and not entry.invalid
    local left = ledger.quantity(db.billing, id, "open") + ledger.quantity(db.billing, id, "held")
    local day = entry.body.work_date or entry.body.date or ""
    if is_of_it and left:sign() > 0 and day <= text(params[2]) then
      if contract_of(entry) == text(params[1]) then
        rows[#rows + 1] =
          { entry_id = id, kind = entry.kind, body = entry.body, claimed = tostring(left) }
      end
    end
  end
  table.sort(rows, function(a, b)
    return a.entry_id < b.entry_id
  end)
  return rows
end

fakes["billing.put_accruals"] = function(db, params)
  for _, row in ipairs(jsonb(params[1])) do
    local key = row.contract_id .. "\0" .. text(params[2])
    if not db.accruals[key] then
      row.accrued_on, row.reversed_on = text(params[3]), text(params[4])
      db.log:set(db.accruals, key, row)
    end
  end
  return {}, 0
end

fakes["billing.put_close_report"] = function(db, params)
  db.log:append(db.close_reports, jsonb(params[2]))
  return {}, 1
end

return close_db
