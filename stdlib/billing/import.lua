--- Records of an export become stored entries. The same again changes nothing; an edit of what is
--- still open makes a new version; an edit of what was billed is reported and left alone.
local import = {}

local billow = require("billow")
local date = require("billow.date")
local db = require("billow.db")
local folder = require("billow.billing.folder")
local given = require("billow.billing.reading").given
local json = require("billow.json")
local log = require("billow.log")
local milestones = require("billow.billing.sources.milestones")
local statements = require("billow.billing.statements")
local store = require("billow.billing.store")
local text = require("billow.text")
local usage = require("billow.billing.sources.usage")
local validation = require("billow.billing.validation")

-- Source order of files (data model, part 1).
local RANKS = {
  ["harvest-time.csv"] = 1,
  ["toggl-time.csv"] = 2,
  ["clockify-time.csv"] = 3,
  ["expenses.csv"] = 1,
  ["milestones.json"] = 1,
  ["usage.jsonl"] = 1,
}
-- What a row that cannot be read would have been.
local KINDS =
  { ["expenses.csv"] = "expense", ["milestones.json"] = "milestone", ["usage.jsonl"] = "usage" }

--- A row of billing.entry, without what all rows have in common; nil for a record that says
--- nothing. When it cannot be read: why.
---@alias billow.billing.RowMaker
---| fun(number: integer, fields: string[]): table?, billing.Exception?

--- Decimals go as text, so that the digest is of what is stored.
local function plain(entity)
  local body = {}
  for name, value in pairs(entity) do
    body[name] = type(value) == "userdata" and value ~= json.null and tostring(value) or value
  end
  return body
end

local function entity_row(entity)
  local is_time = entity.work_date ~= nil
  return {
    id = entity.id,
    kind = is_time and "time" or "expense",
    entry_date = entity.work_date or entity.date,
    person = entity.person,
    project_code = entity.project_code,
    project_name = entity.project_name,
    dup_key = validation.key(entity),
    unit = is_time and "second" or "amount",
    quantity = is_time and tostring(entity.duration_seconds) or tostring(entity.amount),
    body = plain(entity),
  }
end

--- Time and expenses from CSV.
local function csv_rows(firm, file, header)
  local reader, problem = folder.reader({ imports = given(firm.imports) or {} }, file, header)
  if not reader then
    error(file .. ": " .. problem, 0)
  end
  return function(number, fields)
    local entity, exception = reader(number, fields)
    if not entity then
      return nil, exception
    end
    return entity_row(entity)
  end
end

--- Usage events, one line of CloudEvents JSON each.
local function usage_rows(firm)
  return function(number, fields)
    local line = fields[1]
    if text.trim(line) == "" then
      return nil
    end
    local event, problem = usage.read_line(line)
    if not event then
      return nil,
        {
          code = "INVALID_EVENT",
          ref = "usage:line-" .. number,
          message = problem .. ": correct the line and import it again",
        }
    end
    return {
      id = "usage:line-" .. number,
      kind = "usage",
      entry_date = date.of_instant(event.time, firm.time_zone),
      subject = event.subject,
      dup_key = text.sha256_hex(event.source .. "\0" .. event.id),
      unit = "event",
      quantity = "1",
      body = { id = "usage:" .. event.id, line = line },
    }
  end
end

--- Milestone and progress events, one JSON object each.
local function milestone_rows()
  return function(number, fields)
    local value = json.decode(fields[1])
    local events, problems = milestones.read({ value })
    if not events then
      local id = type(value) == "table" and value.id or number
      return nil,
        {
          code = "INVALID_ROW",
          ref = "milestone:" .. tostring(id),
          message = tostring(problems[1]),
        }
    end
    local event = events[1]
    return {
      id = "milestone:" .. event.id,
      kind = "milestone",
      entry_date = event.accepted_on or event.as_of,
      contract_id = event.contract_id,
      unit = "event",
      quantity = "1",
      body = { id = "milestone:" .. event.id, event = value },
    }
  end
end

--- What makes rows of a source file's records; raises what is wrong with the file as a whole.
---@param file string
---@param header string[]
---@return billow.billing.RowMaker
function import.reader(file, header)
  if not RANKS[file] then
    error(
      "there is no reader for "
        .. file
        .. ": name the format (harvest-time, toggl-time, clockify-time, expenses, milestones, "
        .. "usage)",
      0
    )
  end
  local row = db.query(statements.documents, { "firm", json.array({ "firm" }) })[1]
  local firm = row and row.body or { time_zone = "UTC" }
  if file == "usage.jsonl" then
    return usage_rows(firm)
  elseif file == "milestones.json" then
    return milestone_rows()
  end
  return csv_rows(firm, file, header)
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

--- A record that could not be read is stored too: nothing that came in is lost.
local function invalid_row(input, exception, fields)
  return {
    id = exception.ref,
    kind = KINDS[input.file] or "time",
    unit = "event",
    quantity = "0",
    invalid = exception.code,
    body = { id = exception.ref, fields = json.array(fields), message = exception.message },
  }
end

local function finished(input, row, number)
  row.id = store.entry_id(input.set, row.id)
  row.source = input.file
  row.source_rank = RANKS[input.file]
  row.sequence = number
  row.digest = text.sha256_hex(json.encode(row.body))
  return row
end

local function rows_of(make_row, input, chunk, total)
  local rows = json.array({})
  for i, fields in ipairs(chunk.records) do
    local number = chunk.first + i - 1
    local row, exception = make_row(number, fields)
    if exception then
      row = invalid_row(input, exception, fields)
      total.invalid[#total.invalid + 1] =
        { ref = exception.ref, code = exception.code, message = exception.message }
    end
    if row then
      rows[#rows + 1] = finished(input, row, number)
    end
  end
  return rows
end

--- Stores one chunk and adds it to the total.
---@param make_row billow.billing.RowMaker
---@param input table
---@param chunk {first: integer, records: string[][]}
---@param total billow.billing.ImportTotal
function import.store(make_row, input, chunk, total)
  local rows = rows_of(make_row, input, chunk, total)
  local results = db.transaction(function(tx)
    tx:exec(statements.edited_after_billing, { rows }, "any")
    tx:exec(statements.put_entries, { rows, billow.run().id }, "any")
  end)
  for _, row in ipairs(results[1]) do
    total.edited[#total.edited + 1] = row.id
  end
  total.records = total.records + #chunk.records
  total.stored = total.stored + #results[2]
  total.unchanged = total.unchanged + #rows - #results[2] - #results[1]
  log.progress(total.records, input.records)
end

return import
