-- Taxes that customers keep back from what they pay, as documents state them: what certificates have to come to.
-- Credit notes take theirs back.
create view billing.report_withheld_taxes with (security_invoker = true) as
    select i.tenant_id, i.period, i.customer_id as customer, w.tax ->> 'name' as tax, w.tax ->> 'percent' as percent,
           i.number as document, i.issue_date::text as issued, i.currency,
           case i.type_code when '381' then -(w.tax ->> 'taxable_amount')::numeric
                            else (w.tax ->> 'taxable_amount')::numeric end as base,
           case i.type_code when '381' then -(w.tax ->> 'tax_amount')::numeric
                            else (w.tax ->> 'tax_amount')::numeric end as withheld
      from billing.invoice i
     cross join lateral jsonb_array_elements(i.body -> 'withholding_taxes') as w(tax)
     where jsonb_typeof(i.body -> 'withholding_taxes') = 'array';

grant select on billing.report_withheld_taxes to billow_script, billow_engine;
