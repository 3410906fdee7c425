--- A month's folder (model 1) from the texts of its files: the typed context and the normalised
--- sources.
---
--- Pure: whoever calls reads the files. Missing optional files are simply absent from `texts`.
local folder = {}

local csv = require("billow.billing.sources.csv")
local json = require("billow.json")
local milestones = require("billow.billing.sources.milestones")
local model = require("billow.billing.model")
local row = require("billow.billing.sources.row")
local shape = require("billow.billing.shape")
local text = require("billow.text")

local JSON_FILES = {
  { field = "firm", file = "firm.json" },
  { field = "customers", file = "customers.json" },
  { field = "contracts", file = "contracts.json" },
  { field = "rate_cards", file = "rate-cards.json" },
  { field = "opening", file = "opening.json" },
}

--- Time files in source order; each name leads to the module that reads it.
folder.TIME_FILES =
  { "harvest-time.csv", "toggl-time.csv", "clockify-time.csv", "kimai-time.csv" }

local READERS = {
  ["harvest-time.csv"] = require("billow.billing.sources.harvest"),
  ["toggl-time.csv"] = require("billow.billing.sources.toggl"),
  ["clockify-time.csv"] = require("billow.billing.sources.clockify"),
  ["kimai-time.csv"] = require("billow.billing.sources.kimai"),
  ["expenses.csv"] = require("billow.billing.sources.expenses"),
}

local function problem_of_file(file, value, problem, remedy)
  return shape.problem({ file = file, id = "", field = "" }, value, problem, remedy)
end

local function decode(texts, file, report)
  if not texts[file] then
    report(problem_of_file(file, nil, "the file is missing", "add it to the folder"))
    return nil
  end
  local value, err = json.decode(texts[file])
  if value == nil then
    report(problem_of_file(file, err, "not JSON", "correct the text at the place named"))
  end
  return value
end

--- The reader of a CSV file by its name.
---@param firm table
---@param file string
---@param header string[]
---@return (fun(number: integer, fields: string[]): table?, billing.Exception?)?
---@return string? error
function folder.reader(firm, file, header)
  local settings = firm.imports[file] or {}
  return READERS[file].reader(header, { file = file, date_format = settings.date_format })
end

local function read_csv(firm, file, content, exceptions, report)
  local header, records = csv.parse(content)
  if not header then
    report(problem_of_file(file, nil, records, "export the file again"))
    return {}
  end
  local reader, err = folder.reader(firm, file, header)
  if not reader then
    report(problem_of_file(file, nil, err, "export the file again with all columns"))
    return {}
  end
  local entities, broken = row.read_all(reader, records)
  for _, exception in ipairs(broken) do
    exceptions[#exceptions + 1] = exception
  end
  return entities
end

local function read_sources(ctx, texts, report)
  local sources = { time = {}, expenses = {}, milestones = {}, usage = {}, exceptions = {} }
  for _, file in ipairs(folder.TIME_FILES) do
    for _, entry in
      ipairs(
        texts[file] and read_csv(ctx.firm, file, texts[file], sources.exceptions, report) or {}
      )
    do
      table.insert(sources.time, entry)
    end
  end
  if texts["expenses.csv"] then
    sources.expenses =
      read_csv(ctx.firm, "expenses.csv", texts["expenses.csv"], sources.exceptions, report)
  end
  if texts["milestones.json"] then
    local events, problems = milestones.read(decode(texts, "milestones.json", report) or {})
    for _, problem in ipairs(problems) do
      report(problem)
    end
    sources.milestones = events or {}
  end
  if texts["usage.jsonl"] then
    sources.usage = text.split(texts["usage.jsonl"], "\n")
  end
  return sources
end

--- Read a folder.
---@param texts table<string, string>   file name -> content
---@param period_id? string
---@return billing.Context?
---@return billing.Sources|billing.Problem[] sources   the problems when there is no context
---@return billing.Problem[]? warnings
function folder.read(texts, period_id)
  local problems, files = {}, {}
  local function report(problem)
    problems[#problems + 1] = problem
  end
  for _, known in ipairs(JSON_FILES) do
    files[known.field] = decode(texts, known.file, report)
  end
  if #problems > 0 then
    return nil, problems
  end
  local ctx, found = model.read(files, period_id)
  if not ctx then
    return nil, found
  end
  local sources = read_sources(ctx, texts, report)
  if #problems > 0 then
    return nil, problems
  end
  return ctx, sources, found
end

return folder
