--- Records of an export become stored entries. The same again changes nothing; an edit of what is
--- still open makes a
--- new version; an edit of what was billed is reported and left alone.
local import = {}

local billow = require("billow")
local db = require("billow.db")
local folder = require("billow.billing.folder")
local given = require("billow.billing.reading").given
local json = require("billow.json")
local log = require("billow.log")
local statements = require("billow.billing.statements")
local store = require("billow.billing.store")
local text = require("billow.text")
local validation = require("billow.billing.validation")

-- Source order of files (data model, part 1).
local RANKS = {
  ["harvest-time.csv"] = 1,
  ["toggl-time.csv"] = 2,
  ["clockify-time.csv"] = 3,
  ["expenses.csv"] = 1,
}

--- The reader of a source file by its name and header; raises what is wrong with the header.
---@param file string
---@param header string[]
---@return fun(number: integer, fields: string[]): table?, billing.Exception?
function import.reader(file, header)
  if not RANKS[file] then
    error(
      "there is no reader for "
        .. file
        .. ": name the format (harvest-time, toggl-time, clockify-time, expenses)",
      0
    )
  end
  local row = db.query(statements.documents, { "firm", json.array({ "firm" }) })[1]
  local firm = row and row.body or {}
  local reader, problem = folder.reader({ imports = given(firm.imports) or {} }, file, header)
  if not reader then
    error(file .. ": " .. problem, 0)
  end
  return reader
end

---@class billow.billing.ImportTotal
---@field file string
---@field records integer
---@field stored integer      new or changed
---@field unchanged integer
---@field invalid table[]     exceptions, one per record that could not be read
---@field edited table[]      ids of entries that changed after they were billed

---@return billow.billing.ImportTotal
function import.new_total(input)
  return {
    file = input.file,
    records = 0,
    stored = 0,
    unchanged = 0,
    invalid = json.array({}),
    edited = json.array({}),
  }
end

--- An entity as a row of billing.entry. Decimals go as text, so that the digest is of what is
--- stored.
local function entry_row(input, entity)
  local is_time = entity.work_date ~= nil
  local body = {}
  for name, value in pairs(entity) do
    body[name] = type(value) == "userdata" and value ~= json.null and tostring(value) or value
  end
  return {
    id = store.entry_id(input.set, entity.id),
    kind = is_time and "time" or "expense",
    source = input.file,
    source_rank = RANKS[input.file],
    sequence = entity.sequence,
    digest = text.sha256_hex(json.encode(body)),
    entry_date = entity.work_date or entity.date,
    person = entity.person,
    project_code = entity.project_code,
    project_name = entity.project_name,
    dup_key = validation.key(entity),
    unit = is_time and "second" or "amount",
    quantity = is_time and tostring(entity.duration_seconds) or tostring(entity.amount),
    body = body,
  }
end

--- A record that could not be read is stored too: nothing that came in is lost.
local function invalid_row(input, exception, number, fields)
  local body = { id = exception.ref, fields = json.array(fields), message = exception.message }
  return {
    id = store.entry_id(input.set, exception.ref),
    kind = input.file == "expenses.csv" and "expense" or "time",
    source = input.file,
    source_rank = RANKS[input.file],
    sequence = number,
    unit = "event",
    quantity = "0",
    digest = text.sha256_hex(json.encode(body)),
    invalid = exception.code,
    body = body,
  }
end

--- Stores one chunk and adds it to the total.
---@param reader fun(number: integer, fields: string[]): table?, billing.Exception?
---@param input table
---@param chunk {first: integer, records: string[][]}
---@param total billow.billing.ImportTotal
function import.store(reader, input, chunk, total)
  local rows = json.array({})
  for i, fields in ipairs(chunk.records) do
    local number = chunk.first + i - 1
    local entity, exception = reader(number, fields)
    if entity then
      rows[#rows + 1] = entry_row(input, entity)
    else
      rows[#rows + 1] = invalid_row(input, exception, number, fields)
      total.invalid[#total.invalid + 1] =
        { ref = exception.ref, code = exception.code, message = exception.message }
    end
  end
  local results = db.transaction(function(tx)
    tx:exec(statements.edited_after_billing, { rows }, "any")
    tx:exec(statements.put_entries, { rows, billow.run().id }, "any")
  end)
  for _, row in ipairs(results[1]) do
    total.edited[#total.edited + 1] = row.id
  end
  total.records = total.records + #chunk.records
  total.stored = total.stored + #results[2]
  total.unchanged = total.unchanged + #chunk.records - #results[2] - #results[1]
  log.progress(total.records, input.records)
end

return import
