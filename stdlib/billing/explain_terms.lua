--- How a line that stands for no entries came about: the terms of the contract that made it, and
--- the state before the period, in words. Milestones, progress, retainage, advances, retainers,
--- usage.
local explain_terms = {}

local calendar = require("billow.billing.calendar")
local cumulative = require("billow.billing.cumulative")
local decimal = require("billow.decimal")
local figures = require("billow.billing.figures")

local plain = figures.plain

local function known(ctx, contract)
  return ctx.opening.fixed_fee[contract.id] or {}
end

local function figure(value)
  return plain(value or decimal(0))
end

-- By component: function(ctx, contract, line, key) -> string[]; key is what follows the colon.
local words = {}

function words.milestone(_, contract, _, id)
  local terms, before = contract.terms, decimal(0)
  for _, milestone in ipairs(terms.milestones) do
    if milestone.id == id and milestone.percent then
      return {
        string.format(
          "%s %% of the fee of %s, after %s %% for the milestones before it",
          plain(milestone.percent),
          plain(terms.fee_amount),
          plain(before)
        ),
      }
    elseif milestone.id == id then
      return { "agreed amount of the milestone" }
    end
    before = before + (milestone.percent or decimal(0))
  end
  return {}
end

function words.progress(ctx, contract, line)
  return {
    string.format(
      "the accepted share of the fee of %s comes to %s; %s was billed before",
      plain(contract.terms.fee_amount),
      plain(line.net_amount + (known(ctx, contract).billed_net or decimal(0))),
      figure(known(ctx, contract).billed_net)
    ),
  }
end

function words.retainage(ctx, contract)
  local agreed, texts = contract.terms.retainage or {}, {}
  if agreed.percent then
    texts[1] = plain(agreed.percent) .. " % of all that is billed is withheld"
  end
  for _, band in ipairs(agreed.bands or {}) do
    texts[#texts + 1] = string.format(
      "%s %% is withheld up to %s of the fee",
      plain(band.percent),
      band.up_to_percent and plain(band.up_to_percent) .. " %" or "the end"
    )
  end
  if agreed.cap_amount then
    texts[#texts + 1] = "no more than " .. figure(agreed.cap_amount)
  elseif agreed.cap_percent then
    texts[#texts + 1] = "no more than " .. plain(agreed.cap_percent) .. " % of the fee"
  end
  texts[#texts + 1] = figure(known(ctx, contract).withheld_net) .. " was withheld before"
  return texts
end

function words.retainage_release(ctx, contract)
  local release = (contract.terms.retainage or {}).release or {}
  return {
    release.milestone_id and "released with milestone " .. release.milestone_id
      or "released on " .. tostring(release.date),
    figure(known(ctx, contract).released_net) .. " was released before",
  }
end

function words.advance(_, contract)
  local advance = contract.terms.advance or {}
  return {
    advance.percent
        and string.format(
          "%s %% of the fee of %s in advance",
          plain(advance.percent),
          plain(contract.terms.fee_amount)
        )
      or "agreed amount in advance",
  }
end

function words.advance_deduction(ctx, contract, _, number)
  for _, advance in ipairs(ctx.opening.advances) do
    if advance.contract_id == contract.id and advance.number == number then
      return {
        string.format(
          "advance %s of %s: %s net, %s of it left before; deducted %s",
          number,
          advance.issue_date,
          plain(advance.net_amount),
          plain(advance.remaining_net),
          contract.terms.advance.deduction:gsub("_", " ")
        ),
      }
    end
  end
  return {}
end

local function prorated(contract, period_id, amount)
  local active, days = calendar.active_days(contract, calendar.period(period_id))
  if contract.terms.prorate == false or active == days then
    return string.format("%s for the whole month %s", plain(amount), period_id)
  end
  return string.format("%s x %d of %d days of %s", plain(amount), active, days, period_id)
end

function words.retainer(_, contract, _, period_id)
  local terms = contract.terms
  return {
    prorated(contract, period_id, terms.price),
    string.format(
      "it buys %s %s a month, billed in %s; work drawn from it makes no line",
      plain(terms.quantity),
      terms.unit == "hours" and "hours" or contract.currency,
      terms.billed
    ),
  }
end

function words.retainer_unused(_, contract)
  return { "unused hours are credited at " .. figure(contract.terms.credit_rate) }
end

function words.base_fee(_, contract, _, period_id)
  return { prorated(contract, period_id, contract.terms.base_fee) }
end

function words.minimum_commit(_, contract)
  local agreed = contract.terms.minimum_commit
  return { "what is missing to the minimum of " .. figure(agreed and agreed.amount) }
end

local function tier_text(meter, n)
  local tiers = meter.price.tiers or {}
  local tier, before = tiers[n], tiers[n - 1]
  if not tier then
    return nil
  end
  local from = before and before.up_to and "above " .. plain(before.up_to) or "from the first"
  local to = tier.up_to and ", up to " .. plain(tier.up_to) or ""
  return string.format("tier %d: %s%s", n, from, to)
end

function words.usage(ctx, contract, line, key)
  local id, tier = key:match("^(.-):tier(%d+)")
  id = id or key:match("^[^:]+")
  for _, meter in ipairs(contract.terms.meters) do
    if meter.id == id then
      local texts = {
        string.format(
          "meter %s: %s of %s events%s",
          id,
          meter.aggregation,
          meter.event_type,
          meter.field and ", field " .. meter.field or ""
        ),
      }
      table.move(line.told or {}, 1, #(line.told or {}), #texts + 1, texts)
      if meter.term and meter.term ~= "month" then
        local since = calendar.term_start(meter.term, contract, ctx.period.id)
        local rows = (ctx.opening.usage_counted or {})[contract.id] or {}
        texts[#texts + 1] = string.format(
          "rated together with %s since %s, less what that was billed with",
          plain(cumulative.before(rows, id, since).aggregate),
          since
        )
      end
      texts[#texts + 1] = "price " .. meter.price.model:gsub("_", " ")
      texts[#texts + 1] = tier and tier_text(meter, math.tointeger(tonumber(tier))) or nil
      return texts
    end
  end
  return {}
end

--- How a line came about; nothing for lines of entries, which say it themselves.
---@param ctx billing.Context
---@param contract table
---@param line billing.Line
---@return string[]
function explain_terms.of(ctx, contract, line)
  local tell = words[line.component]
  if not tell or not contract then
    return {}
  end
  return tell(ctx, contract, line, line.description_key:match("^[^:]*:(.*)$") or "")
end

return explain_terms
