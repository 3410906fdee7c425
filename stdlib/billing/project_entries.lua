--- SQL: the ids of time and expenses that lie in a contract's projects up to a date, for statements
--- whose $1 is JSON {codes, names, until_date}. Leans on nothing. "offset 0" makes each a look-up
--- by index of its own, however large the table was when PostgreSQL last counted.
return [[
  select t.id
    from (select distinct jsonb_array_elements_text($1::jsonb->'codes') as code,
                 ($1::jsonb->>'until_date')::date as until_date) c
   cross join lateral (select e.id from billing.entry e
                        where e.kind in ('time', 'expense') and e.contract_id is null
                          and e.project_code = c.code and e.entry_date <= c.until_date offset 0) t
  union all
  select t.id
    from (select distinct jsonb_array_elements_text($1::jsonb->'names') as name,
                 ($1::jsonb->>'until_date')::date as until_date) n
   cross join lateral (select e.id from billing.entry e
                        where e.kind in ('time', 'expense') and e.contract_id is null
                          and e.project_code = '' and e.project_name = n.name
                          and e.entry_date <= n.until_date offset 0) t
]]
