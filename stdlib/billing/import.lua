--- Records of an export become stored entries. The same again changes nothing; an edit of what is
--- still open makes a new version; an edit of what was billed is reported and left alone.
local import = {}

local billow = require("billow")
local date = require("billow.date")
local db = require("billow.db")
local folder = require("billow.billing.folder")
local json = require("billow.json")
local log = require("billow.log")
local milestones = require("billow.billing.sources.milestones")
local own = require("billow.billing.sources.own")
local reading = require("billow.billing.reading")
local statements = require("billow.billing.statements")
local store = require("billow.billing.store")
local text = require("billow.text")
local usage = require("billow.billing.sources.usage")
local usage_statements = require("billow.billing.usage_statements")
local validation = require("billow.billing.validation")
local workflow = require("billow.workflow")

-- Source order of files (data model, part 1).
local RANKS = {
  ["harvest-time.csv"] = 1,
  ["toggl-time.csv"] = 2,
  ["clockify-time.csv"] = 3,
  ["kimai-time.csv"] = 4,
  ["time.csv"] = 5,
  ["time.jsonl"] = 6,
  ["expenses.csv"] = 1,
  ["expenses.jsonl"] = 2,
  ["milestones.json"] = 1,
  ["usage.jsonl"] = 1,
}
-- Refused records and entries edited after billing that a total names; all are stored and counted.
local LISTED_MAX = 1000
-- Corrections that one import proposes.
local CORRECTIONS_MAX = 100
-- Entries that are enough to mislead plans made before.
local MANY = 1000
-- What a row that cannot be read would have been.
local KINDS = {
  ["expenses.csv"] = "expense",
  ["expenses.jsonl"] = "expense",
  ["milestones.json"] = "milestone",
  ["usage.jsonl"] = "usage",
}

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

--- The reader of time or expenses: a tracker's export, or one of our own forms. expenses.csv is
--- Harvest's report when it has that one's columns.
local function entity_reader(firm, file, header)
  if file == "time.jsonl" then
    return own.line_reader("time", file)
  elseif file == "expenses.jsonl" then
    return own.line_reader("expenses", file)
  elseif file == "time.csv" then
    return own.csv_reader("time", header, file)
  elseif file == "expenses.csv" and table.concat(header, ","):find("category", 1, true) then
    return own.csv_reader("expenses", header, file)
  end
  return folder.reader({ imports = reading.given(firm.imports) or {} }, file, header)
end

--- Time and expenses, whatever their form.
local function entity_rows(firm, file, header)
  local reader, problem = entity_reader(firm, file, header)
  if not reader then
    error(problem, 0)
  end
  return function(number, fields)
    local entity, exception = reader(number, fields)
    if not entity then
      return nil, exception
    end
    return entity_row(entity)
  end
end

--- The data of an event as the database counts it: each plain field as text, and which of them are
--- quantities. Everything else about an event is judged from its line.
local function usage_fields(data)
  local fields, quantities = {}, json.array({})
  for name, value in pairs(data) do
    if value ~= json.null and type(value) ~= "table" then
      local number = reading.number(value)
      fields[name] = tostring(value)
      if number and number:sign() >= 0 and tostring(number) == fields[name] then
        quantities[#quantities + 1] = name
      end
    end
  end
  return fields, quantities
end

local function usage_body(event, line)
  local fields, quantities = usage_fields(event.data)
  return {
    id = "usage:" .. event.id,
    line = line,
    type = event.type,
    time_us = event.time_us,
    mark = usage.fingerprint(event),
    fields = fields,
    quantities = quantities,
  }
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
      body = usage_body(event, line),
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
        .. ": name the format (harvest-time, toggl-time, clockify-time, kimai-time, time, "
        .. "time-lines, expenses, expense-lines, milestones, usage)",
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
  return entity_rows(firm, file, header)
end

---@class billow.billing.ImportTotal
---@field file string
---@field records integer
---@field stored integer      new or changed
---@field unchanged integer
---@field repeated integer    usage: events whose source and id had come before
---@field invalid table[]     exceptions of records that could not be read, the first LISTED_MAX
---@field invalid_count integer
---@field edited table[]      ids of entries that changed after they were billed, likewise
---@field edited_count integer

---@return billow.billing.ImportTotal
function import.new_total(input)
  return {
    file = input.file,
    records = 0,
    stored = 0,
    unchanged = 0,
    repeated = 0,
    invalid = json.array({}),
    invalid_count = 0,
    edited = json.array({}),
    edited_count = 0,
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

-- Where a row stood in its file, and at which hour the work began: neither changes what is billed.
local IS_NOT_SAID = { sequence = true, started_at = true }

--- Of what a row says.
local function digest_of(body)
  local said = {}
  for name, value in pairs(body) do
    said[name] = not IS_NOT_SAID[name] and value or nil
  end
  return text.sha256_hex(json.encode(said))
end

local function finished(input, row, number)
  row.id = store.entry_id(input.set, row.id)
  row.source = input.file
  row.source_rank = RANKS[input.file]
  row.sequence = number
  row.digest = digest_of(row.body)
  return row
end

--- Adds to a list of the total, which stays short whatever the file holds.
local function listed(list, item)
  if #list < LISTED_MAX then
    list[#list + 1] = item
  end
end

local function rows_of(make_row, input, chunk, total)
  local rows = json.array({})
  for i, fields in ipairs(chunk.records) do
    local number = chunk.first + i - 1
    local row, exception = make_row(number, fields)
    if exception then
      row = invalid_row(input, exception, fields)
      total.invalid_count = total.invalid_count + 1
      listed(
        total.invalid,
        { ref = exception.ref, code = exception.code, message = exception.message }
      )
    end
    if row then
      rows[#rows + 1] = finished(input, row, number)
    end
  end
  return rows
end

--- Proposes a correction for every entry that was edited after it was billed, once for each edit.
--- Of very many in one file only the first: then the records have moved, not the work.
local function propose(rows, edited, total)
  local by_id = {}
  for _, row in ipairs(#edited > 0 and rows or {}) do
    by_id[row.id] = row
  end
  for _, found in ipairs(edited) do
    local row = by_id[found.id]
    total.edited_count = total.edited_count + 1
    listed(total.edited, row.id)
    if total.edited_count <= CORRECTIONS_MAX and row.kind ~= "usage" then
      local key = "correction/" .. row.id .. "/" .. row.digest
      workflow.start("correction", { row = row }, { key = key })
    end
  end
end

--- How many of the file's usage events repeat an earlier one, asked once all are stored.
---@param input table
---@param total billow.billing.ImportTotal
function import.count_repeated(input, total)
  if KINDS[input.file] == "usage" and not input.check then
    total.repeated = db.query(usage_statements.repeated, { input.set, input.file })[1].repeated
  end
end

--- After a large import the database counts what it holds, so that the bills that follow are
--- planned for what is there.
---@param input table
---@param total billow.billing.ImportTotal
function import.count_anew(input, total)
  if total.stored >= MANY and not input.check then
    db.transaction(function(tx)
      tx:exec(statements.count_anew, { total.stored }, "one")
    end)
  end
end

--- Stores one chunk and adds it to the total.
---@param make_row billow.billing.RowMaker
---@param input table
---@param chunk {first: integer, records: string[][]}
---@param total billow.billing.ImportTotal
function import.store(make_row, input, chunk, total)
  local rows = rows_of(make_row, input, chunk, total)
  total.records = total.records + #chunk.records
  if input.check then
    log.progress(total.records, input.records)
    return
  end
  local results = db.transaction(function(tx)
    tx:exec(statements.edited_after_billing, { rows }, "any")
    tx:exec(statements.put_entries, { rows, billow.run().id }, "any")
  end)
  propose(rows, results[1], total)
  total.stored = total.stored + #results[2]
  total.unchanged = total.unchanged + #rows - #results[2] - #results[1]
  log.progress(total.records, input.records)
end

return import
