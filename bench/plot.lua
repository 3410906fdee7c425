-- plot.lua - pictures of what bench/run measured: plain SVG, one file for each question.
--
--   lua bench/plot.lua [FOLDER]     reads the .json files of bench/results (or FOLDER), and writes
--                                   its .svg files; a picture whose figures are missing is left out
--
-- Any Lua 5.4 does, ours is build/dev/tools/lua. The files are what build/bench.json was after a
-- run; where several have a figure, the one last in the alphabet counts.

local folder = arg[1] or "bench/results"

local WIDTH, LEFT, RIGHT, ROW, TOP = 760, 330, 110, 24, 64
local FONT = 'font-family="sans-serif" font-size="13"'
local OURS, THEIRS = "#1f5f99", "#b0b7bf"

local PEERS = { DBOS = true, Restate = true, ["graphile-worker"] = true }

local function read_figures()
  local figures = {}
  local list = assert(io.popen("ls " .. folder .. "/*.json"))
  for path in list:lines() do
    for line in io.lines(path) do
      local name, value, unit = line:match('"name": "(.-)", "value": ([%d.e+-]+), "unit": "(.-)"')
      if name then
        figures[name] = { value = tonumber(value), unit = unit }
      end
    end
  end
  list:close()
  return figures
end

local function escape(text)
  return (text:gsub("&", "&amp;"):gsub("<", "&lt;"))
end

local function shown(value)
  local text = ("%.4g"):format(value)
  if value >= 10000 then
    text = ("%d"):format(math.floor(value + 0.5))
  end
  local whole, rest = text:match("^(%d+)(.*)$")
  whole = whole:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "")
  return whole .. rest
end

-- Bars on a logarithmic scale: every thick line is ten times the one before it.
local function bars(figures, title, note, names)
  local rows, low, high = {}, math.huge, 0
  for _, name in ipairs(names) do
    local figure = figures[name]
    if figure and figure.value > 0 then
      rows[#rows + 1] = { name = name, value = figure.value, unit = figure.unit }
      low, high = math.min(low, figure.value), math.max(high, figure.value)
    end
  end
  if #rows == 0 then
    return nil
  end
  local first = math.floor(math.log(low, 10) - 0.05)
  local last = math.ceil(math.log(high, 10) + 0.001)
  local span = WIDTH - LEFT - RIGHT
  local function x(value)
    return LEFT + (math.log(value, 10) - first) / (last - first) * span
  end
  local height = TOP + #rows * ROW + 30
  local out = {
    ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" %s>'):format(
      WIDTH, height, FONT),
    ('<rect width="%d" height="%d" fill="white"/>'):format(WIDTH, height),
    ('<text x="12" y="24" font-size="16" font-weight="bold">%s</text>'):format(escape(title)),
    ('<text x="12" y="44" fill="#555">%s</text>'):format(escape(note)),
  }
  for power = first, last do
    local at = x(10.0 ^ power)
    out[#out + 1] = ('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/>'):format(
      at, TOP - 8, at, height - 26)
    out[#out + 1] = ('<text x="%.1f" y="%d" text-anchor="middle" fill="#777">%s</text>'):format(
      at, height - 8, power < 0 and ("%g"):format(10.0 ^ power) or shown(10.0 ^ power))
  end
  for i, row in ipairs(rows) do
    local y = TOP + (i - 1) * ROW
    local is_peer = PEERS[row.name:match("^(.-),") or ""]
    out[#out + 1] = ('<text x="%d" y="%d" text-anchor="end">%s</text>'):format(
      LEFT - 8, y + 14, escape(row.name))
    out[#out + 1] = ('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>'):format(
      LEFT, y + 2, math.max(1, x(row.value) - LEFT), ROW - 7, is_peer and THEIRS or OURS)
    out[#out + 1] = ('<text x="%.1f" y="%d">%s %s</text>'):format(
      x(row.value) + 5, y + 14, shown(row.value), escape(row.unit))
  end
  out[#out + 1] = "</svg>\n"
  return table.concat(out, "\n")
end

local function of_all(what)
  local names = {}
  for _, who in ipairs({ "Billow", "DBOS", "graphile-worker", "Restate" }) do
    names[#names + 1] = who .. ", " .. what
  end
  return names
end

local function grown(what, sizes)
  local names = {}
  for _, size in ipairs(sizes) do
    names[#names + 1] = what .. ": " .. size
  end
  return names
end

local function join(...)
  local all = {}
  for _, names in ipairs({ ... }) do
    table.move(names, 1, #names, #all + 1, all)
  end
  return all
end

local PICTURES = {
  {
    file = "peers-throughput", title = "The same work, beside its peers",
    note = "one machine, default durability; more is better; logarithmic",
    names = join(of_all("effects, ten in a run"), of_all("runs of one effect")),
  },
  {
    file = "peers-latency", title = "One effect when idle, and sleepers of a killed engine",
    note = "less is better; logarithmic",
    names = join(of_all("one effect when idle, p50"), of_all("one effect when idle, p99"),
      of_all("sleepers killed, ended")),
  },
  {
    file = "limits", title = "What PostgreSQL can do, and what Billow makes of it",
    note = "rows, turns and effects a second; logarithmic",
    names = { "bulk insert ceiling", "fenced group commits of 1", "fenced group commits of 10",
      "fenced group commits of 100", "fenced group commits of 1000", "durable effects, no Lua",
      "durable effects", "effects asked for, 70% of what it can do",
      "runs of one effect, start to end", "runs started and parked" },
  },
  {
    file = "growth", title = "What one more costs, when there are ten and a hundred times as many",
    note = "processor time of engine, script host and PostgreSQL together; logarithmic",
    names = join(grown("a run, tenants at work", { 1, 10, 100 }),
      grown("an effect, effects of its run", { 100, 1000, 10000 }),
      grown("a run, finished runs of its tenant", { 400, 4000, 40000 }),
      grown("a run, parked runs beside it", { 1000, 10000, 100000 })),
  },
}

local figures = read_figures()
for _, picture in ipairs(PICTURES) do
  local svg = bars(figures, picture.title, picture.note, picture.names)
  if svg then
    local path = folder .. "/" .. picture.file .. ".svg"
    local file = assert(io.open(path, "w"))
    file:write(svg)
    file:close()
    print(path)
  end
end
